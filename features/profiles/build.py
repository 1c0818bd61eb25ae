"""Build the profiles: SQL over the lake brings the measures, the other files of this room their meaning.

The order lines are read twice (products per day, orders) and everything else derives from those two tables.
The answer does not depend on the order of rows or files: money is summed in DECIMAL, weights as whole
numbers, and every order has a last tie-break.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.columns import SEGMENTS
from features.errors import NotReadyError
from features.loyalty.tiers import TierRules, TierStanding, tiers_as_of
from features.profiles.affinity import affinity_lists
from features.profiles.cadence import DUE_STEPS, due_score, pair_gaps
from features.profiles.fields import AFFINITY_FIELDS, CUSTOMER_SCHEMA, DUE_SCHEMA
from features.profiles.lifecycle import lifecycles
from features.profiles.packed_order import packed_order
from features.profiles.pairs import Pairs, pairs_of
from features.profiles.rfm import quintiles, segments
from features.profiles.store import Profiles, read_profiles, write_profiles
from features.settings import Settings
from features.tables.engine import Engine, read_sql

__all__ = ["Profiles", "build_profiles", "read_profiles", "require_orders", "write_profiles"]

EPOCH = date(1970, 1, 1)
# In the order in which each needs those before it.
STEPS = (
    "profile_customer_codes",
    "profile_product_codes",
    "profile_product_days",
    "profile_orders",
    "profile_days",
    "profile_purchase_days",
    "profile_weekdays",
    "profile_hours",
)


def require_orders(engine: Engine, as_of: date, settings: Settings) -> None:
    """Refuse to go on from a lake without purchases, of which every profile would be empty.

    Raises:
        NotReadyError: no order line lies before the day.
    """
    found = engine.query("SELECT 1 FROM orders WHERE local_at < $as_of LIMIT 1", {"as_of": as_of})
    if not found.num_rows:
        raise NotReadyError(
            f"The lake {settings.lake} has no orders before {as_of}.",
            "Run: huitou ingest SOURCE, or take a later date.",
        )


def build_profiles(engine: Engine, as_of: date, settings: Settings) -> Profiles:
    """Profiles on the morning of a day, from the local days before it.

    Customers without a purchase day get nulls (see `fields.CUSTOMER_FIELDS`), the lifecycle new, and bronze.

    Args:
        engine: with the lake's views.
        as_of: the day.
        settings: sections shop, profiles and tiers.
    """
    as_of_day = (as_of - EPOCH).days
    with _steps(engine, _parameters(as_of, settings)) as ask:
        measures = ask("profile_customers")
        days = ask("profile_tier_days")
        products = ask("profile_products")
        pairs = pairs_of(
            ask("profile_bought_days"),
            customers=measures.num_rows,
            products=products.num_rows,
            half_life_days=settings.profiles.affinity_half_life_days,
        )
    standing = tiers_as_of(
        _column(days, "customer"),
        _column(days, "day"),
        _column(days, "amount"),
        customers=measures.num_rows,
        as_of_day=as_of_day,
        rules=TierRules.from_settings(settings.tiers),
    )
    affinities = _affinities(pairs, products, measures.num_rows)
    customers = _customers(measures, as_of_day, standing, affinities, settings)
    due = _due(pairs, measures["customer_id"], products["product_id"], as_of_day, settings)
    return Profiles(as_of=as_of, customers=customers, due=due)


def _parameters(as_of: date, settings: Settings) -> dict[str, object]:
    midnight = datetime.combine(as_of, time.min, tzinfo=settings.shop.zone)
    return {
        "as_of": as_of,
        "as_of_instant": midnight.astimezone(UTC).replace(tzinfo=None),
        "half_life_days": settings.profiles.affinity_half_life_days,
    }


@contextmanager
def _steps(engine: Engine, parameters: Mapping[str, object]) -> Iterator[Any]:
    """Materialise the steps, hand out a function that runs a query over them, and drop them again."""

    def used_by(sql: str) -> dict[str, object]:
        return {name: parameters[name] for name in set(re.findall(r"\$(\w+)", sql))}

    def ask(name: str) -> pa.Table:
        sql = read_sql(name)
        return engine.query(sql, used_by(sql))

    made: list[str] = []
    try:
        for name in STEPS:
            sql = read_sql(name)
            engine.execute(f"CREATE OR REPLACE TEMPORARY TABLE {name} AS {sql}", used_by(sql))
            made.append(name)
        yield ask
    finally:
        for name in made:
            engine.execute(f"DROP TABLE {name}")


def _affinities(pairs: Pairs, products: pa.Table, customers: int) -> dict[str, pa.Array]:
    """Field → lists of what each customer prefers."""

    def lists(name: str) -> pa.Array:
        words = pc.unique(products[name].combine_chunks().drop_null()).sort()
        codes = pc.fill_null(pc.index_in(products[name], words), -1).to_numpy()
        return affinity_lists(pairs, name, codes, words, customers)

    return {field: lists(name) for field, name in AFFINITY_FIELDS.items()}


def _customers(
    measures: pa.Table,
    as_of_day: int,
    standing: TierStanding,
    affinities: Mapping[str, pa.Array],
    settings: Settings,
) -> pa.Table:
    first, last = _column(measures, "first_day", np.float64), _column(measures, "last_day", np.float64)
    days = _column(measures, "purchase_days")
    orders, spend = _column(measures, "orders"), _column(measures, "spend")
    sold, discount = _column(measures, "sold", np.float64), _column(measures, "discount", np.float64)
    age, silent = as_of_day - 1 - first, as_of_day - 1 - last
    frequency = np.where(days > 0, days - 1.0, np.nan)
    steady = days >= settings.profiles.due_minimum_orders
    cadence = np.where(steady, _column(measures, "median_gap", np.float64), np.nan)
    scores = [quintiles(-silent), quintiles(frequency), quintiles(np.where(days > 0, spend, np.nan))]
    columns: dict[str, Any] = {
        "customer_id": measures["customer_id"],
        "first_ordered_on": first,
        "last_ordered_on": last,
        "recency": last - first,
        "frequency": frequency,
        "T": age,
        "days_since_last_order": silent,
        "monetary_value": _ratio(_column(measures, "repeat_amount", np.float64), frequency),
        "orders": orders,
        "purchase_days": days,
        "spend": spend,
        "order_value": _ratio(spend, orders),
        "discount_share": _ratio(discount, sold + discount),
        "cadence_days": cadence,
        "due_score": np.where(np.isnan(cadence), np.nan, due_score(silent, cadence, days)),
        "preferred_weekday": measures["weekday"],
        "preferred_hour": measures["hour"],
        "lifecycle": lifecycles(age, silent, settings.profiles),
        **{
            f"rfm_{name}": np.where(score > 0, score, np.nan)
            for name, score in zip(("recency", "frequency", "monetary"), scores, strict=True)
        },
        "segment": np.asarray([*SEGMENTS, None], dtype=object)[segments(*scores)],
        "tier": standing.names,
        "tier_spend": standing.spend,
        **affinities,
    }
    return _table(columns, CUSTOMER_SCHEMA)


def _due(
    pairs: Pairs,
    customer_ids: pa.ChunkedArray,
    product_ids: pa.ChunkedArray,
    as_of_day: int,
    settings: Settings,
) -> pa.Table:
    days, minimum = pairs.purchase_days, settings.profiles.due_minimum_orders
    span = pairs.last_day - pairs.first_day
    gaps = pair_gaps(pairs.product, days, span, products=len(product_ids), minimum_days=minimum)
    silent = as_of_day - 1 - pairs.last_day
    score = due_score(silent, gaps, days)
    # Pairs come sorted by customer and product, and equal keys keep their order, so products break ties.
    least_due = np.rint((1 - score) * DUE_STEPS).astype(np.int32)
    order = packed_order((pairs.customer, len(customer_ids)), (least_due, DUE_STEPS + 1))
    columns = {
        # Ten million strings would cost more than everything else: numbers into the list of ids do.
        "customer_id": _words(customer_ids, pairs.customer[order]),
        "product_id": _words(product_ids, pairs.product[order]),
        "purchase_days": days[order],
        "last_ordered_on": pairs.last_day[order],
        "days_since": silent[order],
        "gap_days": np.where(days >= minimum, np.round(gaps, 6), np.nan)[order],
        "due_score": score[order],
    }
    return _table(columns, DUE_SCHEMA)


def _words(ids: pa.ChunkedArray, numbers: NDArray[np.int32]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(numbers), ids.combine_chunks())


def _column(table: pa.Table, name: str, dtype: Any = None) -> NDArray[Any]:
    """A column as an array, nulls as NaN."""
    values: NDArray[Any] = table[name].to_numpy()
    return values if dtype is None else values.astype(dtype)


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    """The quotient, NaN where the denominator is not above 0."""
    quotient = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def _table(columns: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    """Columns as an Arrow table of the schema, NaN as null."""
    arrays = []
    for field in schema:
        values = columns[field.name]
        if isinstance(values, np.ndarray):
            if pa.types.is_date(field.type):
                values = pa.array(values, pa.float64(), from_pandas=True).cast(pa.int32())
            else:
                values = pa.array(values, from_pandas=True)
        arrays.append(values.cast(field.type))
    return pa.table(arrays, schema=schema)
