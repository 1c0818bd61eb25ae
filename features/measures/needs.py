"""What the lake must hold before a measure means anything: no complaint is not the same as no table."""

from collections.abc import Iterable
from datetime import date

from features.tables.engine import Engine

# Each need as a table and a condition on its rows.
NEEDS = {
    "orders": ("orders", "local_at < $as_of"),
    "events": ("events", "local_at < $as_of AND type NOT IN ('impression', 'return')"),
    "events of type purchase": ("events", "local_at < $as_of AND type = 'purchase'"),
    "events of type return": ("events", "local_at < $as_of AND type = 'return'"),
    "feedback of kind nps": ("feedback", "local_at < $as_of AND kind = 'nps' AND score IS NOT NULL"),
    "feedback of kind csat": ("feedback", "local_at < $as_of AND kind = 'csat' AND score IS NOT NULL"),
    "tickets": ("tickets", "local_at < $as_of"),
    "redemptions": ("redemptions", "local_at < $as_of"),
    "costs of kind acquisition": ("costs", "local_at < $as_of AND kind = 'acquisition'"),
    "costs of kind retention": ("costs", "local_at < $as_of AND kind = 'retention'"),
    "products with a margin": ("products", "margin IS NOT NULL"),
    "orders with a channel": ("orders", "local_at < $as_of AND channel IS NOT NULL"),
    "events with a channel": ("events", "local_at < $as_of AND channel IS NOT NULL"),
}


def missing_needs(engine: Engine, needs: Iterable[str], as_of: date) -> set[str]:
    """Those of the needs that no row of the lake before a day meets."""

    def met(need: str) -> bool:
        table, condition = NEEDS[need]
        parameters = {"as_of": as_of} if "$as_of" in condition else None
        sql = f"SELECT 1 AS found FROM {table} WHERE {condition} LIMIT 1"  # noqa: S608 — written above
        return bool(engine.query(sql, parameters).num_rows)

    return {need for need in set(needs) if not met(need)}
