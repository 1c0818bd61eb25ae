"""Build the profiles: SQL over the lake brings the measures, the other files of this room their meaning.

The order lines are put together once, and everything else derives from their days and their orders.
The answer does not depend on the order of rows or files: money is summed in DECIMAL, weights as whole
numbers, and every order has a last tie-break. A return undoes its sale: it stands on the day and in the order
of the sale it undoes, so what was given back was never bought.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, time

import pyarrow as pa
import pyarrow.compute as pc

from features.errors import NotReadyError
from features.loyalty.tiers import TierRules, TierStanding, tiers_as_of
from features.profiles import customer_table as table
from features.profiles.affinity import affinity_lists, affinity_type
from features.profiles.due import due_table
from features.profiles.fields import AFFINITY_FIELDS, CUSTOMER_SCHEMA
from features.profiles.gaps import GapQuantiles
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
    "profile_lines",
    "profile_product_days",
    "profile_orders",
    "profile_days",
    "profile_purchase_days",
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
        bought_days = ask("profile_bought_days")
        tier_days = ask("profile_tier_days")
        rhythm, paid_orders = ask("profile_rhythm"), ask("profile_paid_orders")
        identity = ask("profile_identity")
        behaviour = table.behaviour_columns(ask("profile_behaviour"), ask("profile_deeds"), customers)
        satisfaction = table.satisfaction_columns(ask("profile_feedback"), ask("profile_tickets"), customers)
    # numpy lets go of the interpreter while it computes, so a core each works on a part of the customers.
    with ThreadPoolExecutor(settings.training.threads) as pool:
        standing = pool.submit(_standing, tier_days, customers, as_of_day, settings)
        habits = pool.submit(table.habit_columns, rhythm, paid_orders, customers)
        parts = pairs_of(
            bought_days,
            customers=customers,
            products=products.num_rows,
            half_life_days=settings.profiles.affinity_half_life_days,
            each=pool.map,
        )
        due = due_table(
            parts,
            measures["customer_id"].combine_chunks(),
            products["product_id"].combine_chunks(),
            as_of_day=as_of_day,
            minimum_days=settings.profiles.due_minimum_orders,
            each=pool.map,
        )
        affinities = _affinities(parts, products, pool)
    bought = table.purchase_columns(measures, as_of_day)
    who = table.identity_columns(identity, as_of, settings.shop.zone)
    columns = {
        **bought,
        **who,
        **table.tenure_columns(bought, who, as_of_day),
        **table.rhythm_columns(bought, GapQuantiles(rhythm, customers), settings.profiles),
        **habits.result(),
        **table.segment_columns(bought),
        "tier": standing.result().names,
        "tier_spend": standing.result().spend,
        **affinities,
        **behaviour,
        **satisfaction,
    }
    return Profiles(
        as_of=as_of,
        customers=table.table_of(columns, CUSTOMER_SCHEMA),
        due=due,
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
    parts: Sequence[Pairs], products: pa.Table, pool: ThreadPoolExecutor
) -> dict[str, pa.ChunkedArray]:
    """Field → lists of what each customer prefers."""

    def lists(name: str) -> pa.ChunkedArray:
        words = pc.unique(products[name].combine_chunks().drop_null()).sort()
        codes = pc.fill_null(pc.index_in(products[name], words), -1).to_numpy()
        made = pool.map(lambda part: affinity_lists(part, name, codes, words), parts)
        return pa.chunked_array(list(made), affinity_type(name))

    return {field: lists(name) for field, name in AFFINITY_FIELDS.items()}
