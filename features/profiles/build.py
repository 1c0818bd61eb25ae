"""Build the profiles: SQL over the lake brings the measures, the other files of this room their meaning.

The order lines are put together once, and everything else derives from their days and their orders.
The answer does not depend on the order of rows or files: money is summed in DECIMAL, weights as whole
numbers, and every order has a last tie-break. A return undoes its sale: it stands on the day and in the order
of the sale it undoes, so what was given back was never bought.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.errors import NotReadyError
from features.loyalty.tiers import TierRules, TierStanding, tiers_as_of
from features.profiles import customer_table as table
from features.profiles.affinity import affinity_lists
from features.profiles.cadence import DUE_STEPS, due_score, pair_gaps
from features.profiles.fields import AFFINITY_FIELDS, CUSTOMER_SCHEMA, DUE_SCHEMA
from features.profiles.gaps import GapQuantiles
from features.profiles.packed_order import order_within
from features.profiles.pairs import Pairs, pairs_of
from features.profiles.store import Profiles, read_profiles, write_profiles
from features.settings import Settings
from features.tables.engine import Engine, read_sql

__all__ = ["Profiles", "build_profiles", "read_profiles", "require_orders", "write_profiles"]

EPOCH = date(1970, 1, 1)
Ask = Callable[[str], pa.Table]
# In the order in which each needs those before it.
STEPS = (
    "profile_customer_codes",
    "profile_product_codes",
    "profile_returns",
    "profile_consent",
    "profile_lines",
    "profile_product_days",
    "profile_orders",
    "profile_days",
    "profile_purchase_days",
    "profile_weekdays",
    "profile_hours",
    "profile_channels",
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
        measures, products = ask("profile_customers"), ask("profile_products")
        customers = measures.num_rows
        pairs = pairs_of(
            ask("profile_bought_days"),
            customers=customers,
            products=products.num_rows,
            half_life_days=settings.profiles.affinity_half_life_days,
        )
        standing = _standing(ask("profile_tier_days"), customers, as_of_day, settings)
        gaps = GapQuantiles(ask("profile_gaps"), customers)
        identity = ask("profile_identity")
        behaviour = table.behaviour_columns(ask("profile_behaviour"), ask("profile_deeds"), customers)
        satisfaction = table.satisfaction_columns(ask("profile_feedback"), ask("profile_tickets"), customers)
    # numpy lets go of the interpreter while it computes, so two lists are made at a time.
    with ThreadPoolExecutor(settings.training.threads) as pool:
        due = pool.submit(_due, pairs, measures["customer_id"], products["product_id"], as_of_day, settings)
        affinities = _affinities(pairs, products, customers, pool)
        bought = table.purchase_columns(measures, as_of_day)
    who = table.identity_columns(identity, as_of, settings.shop.zone)
    columns = {
        **bought,
        **who,
        **table.tenure_columns(bought, who, as_of_day),
        **table.rhythm_columns(bought, gaps, settings.profiles),
        **table.segment_columns(bought),
        "tier": standing.names,
        "tier_spend": standing.spend,
        **affinities,
        **behaviour,
        **satisfaction,
    }
    return Profiles(
        as_of=as_of,
        customers=table.table_of(columns, CUSTOMER_SCHEMA),
        due=due.result(),
    )


def _parameters(as_of: date, settings: Settings) -> dict[str, object]:
    midnight = datetime.combine(as_of, time.min, tzinfo=settings.shop.zone)
    return {
        "as_of": as_of,
        "as_of_instant": midnight.astimezone(UTC).replace(tzinfo=None),
        "behaviour_days": settings.profiles.behaviour_days,
    }


@contextmanager
def _steps(engine: Engine, parameters: Mapping[str, object]) -> Iterator[Ask]:
    """Materialise the steps, hand out a function that runs a query over them, and drop them again."""

    def used_by(sql: str) -> dict[str, object]:
        return {name: parameters[name] for name in set(re.findall(r"\$(\w+)", sql))}

    def ask(name: str) -> pa.Table:
        sql = read_sql(name)
        return engine.query(sql, used_by(sql))

    made: list[str] = []
    try:
        for name in STEPS:
            sql = _step_sql(name)
            engine.execute(f"CREATE OR REPLACE TEMPORARY TABLE {name} AS {sql}", used_by(sql))
            made.append(name)
        yield ask
    finally:
        for name in made:
            engine.execute(f"DROP TABLE {name}")


def _step_sql(name: str) -> str:
    if name == "profile_consent":
        return read_sql("consent")
    if name == "profile_returns":
        columns = "customer_id, product_id, order_id, local_at, amount"
        net = read_sql("sales_net_of_returns")
        return f"SELECT {columns} FROM ({net}) AS net WHERE returned_at IS NOT NULL"  # noqa: S608 — our own
    return read_sql(name)


def _standing(days: pa.Table, customers: int, as_of_day: int, settings: Settings) -> TierStanding:
    return tiers_as_of(
        table.column(days, "customer"),
        table.column(days, "day"),
        table.column(days, "amount"),
        customers=customers,
        as_of_day=as_of_day,
        rules=TierRules.from_settings(settings.tiers),
    )


def _affinities(
    pairs: Pairs, products: pa.Table, customers: int, pool: ThreadPoolExecutor
) -> dict[str, pa.Array]:
    """Field → lists of what each customer prefers."""

    def lists(name: str) -> pa.Array:
        words = pc.unique(products[name].combine_chunks().drop_null()).sort()
        codes = pc.fill_null(pc.index_in(products[name], words), -1).to_numpy()
        return affinity_lists(pairs, name, codes, words, customers)

    return dict(zip(AFFINITY_FIELDS, pool.map(lists, AFFINITY_FIELDS.values()), strict=True))


def _due(
    pairs: Pairs,
    customer_ids: pa.ChunkedArray,
    product_ids: pa.ChunkedArray,
    as_of_day: int,
    settings: Settings,
) -> pa.Table:
    # What was bought once has no gap and is due with a score of 0: most pairs of most shops.
    often = np.flatnonzero(pairs.purchase_days > 1)
    days, last, minimum = (
        pairs.purchase_days[often],
        pairs.last_day[often],
        settings.profiles.due_minimum_orders,
    )
    span = last - pairs.first_day[often]
    gap = pair_gaps(pairs.product[often], days, span, products=len(product_ids), minimum_days=minimum)
    gaps, score = np.full((2, len(pairs.product)), [[np.nan], [0.0]])
    gaps[often] = np.where(days >= minimum, np.round(gap, 6), np.nan)
    score[often] = due_score(as_of_day - 1 - last, gap, days)
    # Pairs come sorted by customer and product, and equal keys keep their order, so products break ties.
    least_due = np.rint((1 - score) * DUE_STEPS).astype(np.int32)
    order = order_within(pairs.customer, len(customer_ids), (least_due, DUE_STEPS + 1))
    last = pairs.last_day[order]
    columns = {
        # Ten million strings would cost more than everything else: numbers into the list of ids do.
        "customer_id": _words(customer_ids, pairs.customer),
        "product_id": _words(product_ids, pairs.product[order]),
        "purchase_days": pairs.purchase_days[order],
        "last_ordered_on": last,
        "days_since": as_of_day - 1 - last,
        "gap_days": gaps[order],
        "due_score": score[order],
    }
    return table.table_of(columns, DUE_SCHEMA)


def _words(ids: pa.ChunkedArray, numbers: NDArray[np.int32]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(numbers), ids.combine_chunks())
