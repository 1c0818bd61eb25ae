"""A made-up shop whose truth is known, so that tests can ask whether profiles and models find it.

Three things are planted: each customer's taste over categories, the cadence at which a customer buys a
product again, and the day after which a customer never comes back.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.errors import DataError
from features.tables.synthetic_care import write_care

CATEGORY_WORDS = ("bread", "fruit", "dairy", "coffee", "tea", "snacks", "pasta", "rice", "soap", "pets")
REGIONS = ("north", "east", "south", "west")
STAPLES_MAX = 8
CADENCE_DAYS = (6.0, 36.0)
CADENCE_JITTER = 0.08  # standard deviation of a gap, as a share of the cadence
DISCOVERIES_PER_ORDER = 0.8
CHURNING_SHARE = 0.25
RETURN_SHARE = 0.01
VIEWED_SHARE = 0.3

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PlantedTruth:
    """What the shop was made from. Days count from `start` = 0, in UTC.

    Attributes:
        start: the first day.
        days: length of the history.
        customer_ids: one per row of `taste`.
        product_ids: one per entry of `category_of_product`.
        categories: one per column of `taste`.
        category_of_product: int64[products], position in `categories`.
        taste: float64[customers, categories], each row sums to 1; staples, and what a customer buys
            beside them, are drawn from a category with this probability.
        preferred_hour: int64[customers], around which a customer orders.
        first_day: int64[customers], day of the first order.
        churn_day: int64[customers], no order on this day or later; equal to `days` for those who stay.
        staple_customer, staple_product: int64[pairs], which product a customer buys again and again.
        staple_cadence_days: float64[pairs], the mean gap between two such purchases.
    """

    start: date
    days: int
    customer_ids: tuple[str, ...]
    product_ids: tuple[str, ...]
    categories: tuple[str, ...]
    category_of_product: Ints
    taste: Floats
    preferred_hour: Ints
    first_day: Ints
    churn_day: Ints
    staple_customer: Ints
    staple_product: Ints
    staple_cadence_days: Floats

    def cadence_of(self, customer_id: str) -> dict[str, float]:
        """The products a customer buys again and again, with the planted gap in days."""
        mine = np.flatnonzero(self.staple_customer == self.customer_ids.index(customer_id))
        return {self.product_ids[self.staple_product[i]]: float(self.staple_cadence_days[i]) for i in mine}


@dataclass(frozen=True)
class _Lines:
    """Order lines as arrays of one length: who bought what on which day."""

    customer: Ints
    product: Ints
    day: Ints


def write_synthetic_shop(
    folder: Path, *, customers: int, products: int, days: int, seed: int, start: date = date(2024, 1, 1)
) -> PlantedTruth:
    """Write every table of the contract as Parquet in its own columns; no mapping is needed.

    Args:
        folder: where to write; made if missing.
        customers: how many; each has at least one order.
        products: how many, spread over up to ten categories.
        days: length of the history from `start`.
        seed: equal seeds give equal files.
        start: the first day, in UTC, the shop's own zone.

    Raises:
        DataError: fewer than 1 customer, 10 products or 28 days.
    """
    if customers < 1 or products < 10 or days < 28:
        raise DataError(
            f"A synthetic shop of {customers} customers, {products} products and {days} days is too small.",
            "Ask for at least 1 customer, 10 products and 28 days.",
        )
    rng = np.random.default_rng(seed)
    popularity = rng.permutation(1.0 / np.arange(1, products + 1) ** 0.8)
    truth = _plant(rng, popularity, customers=customers, days=days, start=start)
    price: Floats = np.exp(rng.normal(1.3, 0.6, products)).round(2)
    lines = _lines(rng, truth, popularity)
    folder.mkdir(parents=True, exist_ok=True)
    orders = _orders(rng, truth, lines, price)
    pq.write_table(orders, folder / "orders.parquet", compression="zstd")
    pq.write_table(_products(rng, truth, price), folder / "products.parquet", compression="zstd")
    pq.write_table(_customers(rng, truth), folder / "customers.parquet", compression="zstd")
    events = _events(rng, orders)
    if len(events):  # a shop of one customer may have none, and an empty table is an error
        pq.write_table(events, folder / "events.parquet", compression="zstd")
    write_care(folder, orders, seed=seed, days=days)
    return truth


def _plant(
    rng: np.random.Generator, popularity: Floats, *, customers: int, days: int, start: date
) -> PlantedTruth:
    products = len(popularity)
    categories = CATEGORY_WORDS[: max(2, min(len(CATEGORY_WORDS), products // 5))]
    category = np.sort(rng.integers(0, len(categories), products))
    # Each category keeps at least one product, so that every taste can be served.
    category[: len(categories)] = np.arange(len(categories))
    category = np.sort(category)
    taste = rng.dirichlet(np.full(len(categories), 0.3), customers)
    first_day = rng.integers(0, max(1, int(days * 0.3)), customers)
    earliest_churn = np.minimum(first_day + days // 4, days - 1)
    churn_day = np.where(rng.random(customers) < CHURNING_SHARE, rng.integers(earliest_churn, days), days)
    owner = np.repeat(np.arange(customers), rng.integers(2, STAPLES_MAX + 1, customers))
    pairs = np.unique(owner * products + _draw_products(rng, taste, category, popularity, owner))
    return PlantedTruth(
        start=start,
        days=days,
        customer_ids=tuple(f"c{i:06d}" for i in range(customers)),
        product_ids=tuple(f"p{i:05d}" for i in range(products)),
        categories=categories,
        category_of_product=category,
        taste=taste,
        preferred_hour=rng.integers(8, 22, customers),
        first_day=first_day,
        churn_day=churn_day,
        staple_customer=pairs // products,
        staple_product=pairs % products,
        staple_cadence_days=rng.uniform(*CADENCE_DAYS, len(pairs)),
    )


def _draw_products(
    rng: np.random.Generator, taste: Floats, category: Ints, popularity: Floats, customer: Ints
) -> Ints:
    """int64[len(customer)]: a product for each entry, from a category by taste, in it by popularity."""
    steps = np.cumsum(taste, axis=1)
    wanted = (steps[customer] < rng.random((len(customer), 1)) * steps[customer, -1:]).sum(axis=1)
    # Products are sorted by category, so a category is one stretch of the cumulated popularity.
    cumulated = np.concatenate([[0.0], np.cumsum(popularity)])
    first = np.searchsorted(category, np.arange(taste.shape[1]), side="left")
    last = np.searchsorted(category, np.arange(taste.shape[1]), side="right")
    low, high = cumulated[first][wanted], cumulated[last][wanted]
    drawn = np.searchsorted(cumulated, low + rng.random(len(customer)) * (high - low), side="right") - 1
    inside: Ints = np.clip(drawn, first[wanted], last[wanted] - 1)
    return inside


def _lines(rng: np.random.Generator, truth: PlantedTruth, popularity: Floats) -> _Lines:
    """Staples at their cadence, and what a customer discovers beside them; a product at most once a day."""
    cadence = truth.staple_cadence_days
    repeats = int(np.ceil(truth.days / CADENCE_DAYS[0])) + 2
    gaps = cadence[:, None] * (1 + CADENCE_JITTER * rng.normal(size=(len(cadence), repeats)))
    # The first staple of each customer is bought on the first day, the others some time into their cadence.
    is_first = np.concatenate([[True], np.diff(truth.staple_customer) > 0])
    gaps[:, 0] = np.where(is_first, 0.0, rng.random(len(cadence)) * cadence)
    day = np.floor(truth.first_day[truth.staple_customer, None] + np.cumsum(gaps, axis=1)).astype(np.int64)
    pair, nth = np.nonzero(day < truth.churn_day[truth.staple_customer, None])
    staple = _Lines(truth.staple_customer[pair], truth.staple_product[pair], day[pair, nth])

    baskets = np.unique(staple.customer * truth.days + staple.day)
    basket = np.repeat(baskets, rng.poisson(DISCOVERIES_PER_ORDER, len(baskets)))
    customer = basket // truth.days
    product = _draw_products(rng, truth.taste, truth.category_of_product, popularity, customer)
    # A staple bought between its days would blur the planted cadence.
    products = len(truth.product_ids)
    staples = truth.staple_customer * products + truth.staple_product
    new = ~np.isin(customer * products + product, staples)
    return _distinct(
        truth,
        np.concatenate([staple.customer, customer[new]]),
        np.concatenate([staple.product, product[new]]),
        np.concatenate([staple.day, basket[new] % truth.days]),
    )


def _distinct(truth: PlantedTruth, customer: Ints, product: Ints, day: Ints) -> _Lines:
    products = len(truth.product_ids)
    keys = np.unique((day * len(truth.customer_ids) + customer) * products + product)
    day_customer = keys // products
    return _Lines(
        day_customer % len(truth.customer_ids), keys % products, day_customer // len(truth.customer_ids)
    )


def _orders(rng: np.random.Generator, truth: PlantedTruth, lines: _Lines, price: Floats) -> pa.Table:
    """One order per customer and day; one line in a hundred comes back three days later."""
    # Lines are sorted by day and customer, so an order is a run.
    is_new = np.concatenate([[True], (np.diff(lines.customer) != 0) | (np.diff(lines.day) != 0)])
    order = np.cumsum(is_new) - 1
    hour = truth.preferred_hour[lines.customer[is_new]] + rng.normal(0, 0.7, int(is_new.sum()))
    second = (np.clip(hour, 0, 23.9) * 3600).astype(np.int64)[order]
    quantity = 1 + rng.poisson(0.2, len(order))
    share = np.where(rng.random(len(order)) < 0.15, rng.choice([0.1, 0.2, 0.3], len(order)), 0.0)
    gross = price[lines.product] * quantity
    discount = np.round(gross * share, 2)
    back = np.flatnonzero(rng.random(len(order)) < RETURN_SHARE)
    back = back[lines.day[back] + 3 < truth.churn_day[lines.customer[back]]]
    rows = np.concatenate([np.arange(len(order)), back])
    returned = np.arange(len(rows)) >= len(order)
    sign = np.where(returned, -1, 1)
    order_id = pc.if_else(returned, _text("r", rows, 8), _text("o", order[rows], 8))
    return pa.table(
        {
            "order_id": order_id,
            "line_id": pc.if_else(returned, _text("b", rows, 9), _text("l", rows, 9)),
            "customer_id": _take(truth.customer_ids, lines.customer[rows]),
            "product_id": _take(truth.product_ids, lines.product[rows]),
            "ordered_at": _stamps(truth.start, lines.day[rows] + 3 * returned, second[rows]),
            "quantity": quantity[rows] * sign,
            "amount": np.round((gross - discount)[rows] * sign, 2),
            "discount": discount[rows] * sign,
            "channel": _take(("web", "app", "store"), rng.integers(0, 3, order[-1] + 1)[order[rows]]),
            "return_of_order_id": pc.if_else(
                returned, _text("o", order[rows], 8), pa.scalar(None, pa.string())
            ),
        }
    )


def _products(rng: np.random.Generator, truth: PlantedTruth, price: Floats) -> pa.Table:
    n = len(truth.product_ids)
    category = _take(truth.categories, truth.category_of_product)
    return pa.table(
        {
            "product_id": pa.array(truth.product_ids),
            "name": pc.binary_join_element_wise(category, _text("", np.arange(n), 5), " "),
            "category": category,
            "brand": _take(("Alder", "Birch", "Cedar", "Elm"), rng.integers(0, 4, n)),
            "price": price,
            "margin": np.round(rng.uniform(0.1, 0.5, n), 3),
            "in_stock": rng.random(n) < 0.97,
        }
    )


def _customers(rng: np.random.Generator, truth: PlantedTruth) -> pa.Table:
    n = len(truth.customer_ids)
    return pa.table(
        {
            "customer_id": pa.array(truth.customer_ids),
            "signed_up_at": _stamps(truth.start, truth.first_day, np.zeros(n, np.int64)),
            "gender": _take(("female", "male"), rng.integers(0, 2, n)),
            "region": _take(REGIONS, rng.integers(0, len(REGIONS), n)),
            "consent_personalization": rng.random(n) < 0.98,
            "consent_marketing": rng.random(n) < 0.9,
        }
    )


def _events(rng: np.random.Generator, orders: pa.Table) -> pa.Table:
    """Views a quarter of an hour before a purchase; every fifth before signing in, known by session only."""
    bought = np.flatnonzero((orders["quantity"].to_numpy() > 0) & (rng.random(len(orders)) < VIEWED_SHARE))
    rows = orders.take(bought)
    anonymous = rng.random(len(bought)) < 0.2
    return pa.table(
        {
            "event_id": _text("e", bought, 9),
            "type": pa.array(np.full(len(bought), "view")),
            "occurred_at": pc.subtract(rows["ordered_at"], pa.scalar(900_000_000, pa.duration("us"))),
            "customer_id": pc.if_else(anonymous, pa.scalar(None, pa.string()), rows["customer_id"]),
            "session_id": pc.binary_join_element_wise("s", rows["order_id"], "-"),
            "product_id": rows["product_id"],
        }
    )


def _text(prefix: str, numbers: Ints, width: int) -> pa.Array:
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def _take(words: tuple[str, ...], positions: Ints) -> pa.Array:
    return pa.array(words).take(pa.array(positions))


def _stamps(start: date, day: Ints, second: Ints) -> pa.Array:
    zero = int(datetime(start.year, start.month, start.day, tzinfo=UTC).timestamp())
    return pa.array((zero + day * 86_400 + second) * 1_000_000).cast(pa.timestamp("us", tz="UTC"))
