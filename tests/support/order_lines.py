"""A lake of a few written-out order lines, for tests that compute their expectations by hand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa

from features.profiles.build import Profiles, build_profiles
from features.settings import Settings, load_settings
from features.tables.duckdb_engine import DuckDBEngine

MONEY = pa.decimal128(18, 4)


@dataclass(frozen=True)
class Line:
    """One order line; `at` is the shop's wall clock."""

    customer: str
    product: str
    at: datetime
    amount: str
    order: str = ""
    discount: str | None = None


def settings_with(**profiles: float) -> Settings:
    return load_settings(overrides={"profiles": profiles})


def engine_with(
    parts: Sequence[Iterable[Line]],
    categories: Mapping[str, str] | None = None,
    signed_up: Mapping[str, datetime | None] | None = None,
) -> DuckDBEngine:
    """An engine whose `orders` view is the union of the parts, in that order."""
    engine = DuckDBEngine(threads=2)
    for number, part in enumerate(parts):
        engine.register(f"part_{number}", _orders(list(part)))
    union = " UNION ALL ".join(f"SELECT * FROM part_{number}" for number in range(len(parts)))
    engine.execute(f"CREATE VIEW orders AS {union}")
    known = categories or {}
    engine.register(
        "products",
        pa.table(
            {"product_id": list(known), "category": list(known.values())},
            schema=pa.schema([("product_id", pa.string()), ("category", pa.string())]),
        ),
    )
    people = signed_up or {}
    engine.register(
        "customers",
        pa.table(
            {"customer_id": list(people), "signed_up_at": list(people.values())},
            schema=pa.schema([("customer_id", pa.string()), ("signed_up_at", pa.timestamp("us"))]),
        ),
    )
    return engine


def profiles_of(
    lines: Iterable[Line],
    as_of: date,
    settings: Settings | None = None,
    categories: Mapping[str, str] | None = None,
    signed_up: Mapping[str, datetime | None] | None = None,
) -> Profiles:
    with engine_with([lines], categories, signed_up) as engine:
        return build_profiles(engine, as_of, settings or settings_with())


def _orders(lines: list[Line]) -> pa.Table:
    def money(value: str | None) -> Decimal | None:
        return None if value is None else Decimal(value)

    return pa.table(
        {
            "order_id": pa.array([line.order or f"{line.customer} {line.at}" for line in lines], pa.string()),
            "customer_id": pa.array([line.customer for line in lines], pa.string()),
            "product_id": pa.array([line.product for line in lines], pa.string()),
            "local_at": pa.array([line.at for line in lines], pa.timestamp("us")),
            "amount": pa.array([money(line.amount) for line in lines], MONEY),
            "discount": pa.array([money(line.discount) for line in lines], MONEY),
        }
    )
