"""A lake of a few written-out order lines, for tests that compute their expectations by hand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa

from features.profiles.build import Profiles, build_profiles
from features.settings import Settings, load_settings
from features.tables.contracts import CONTRACTS
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
    quantity: str = "1"
    returns: str | None = None
    channel: str | None = None


def settings_with(**profiles: float) -> Settings:
    return load_settings(overrides={"profiles": profiles})


def engine_with(
    parts: Sequence[Iterable[Line]],
    categories: Mapping[str, str] | None = None,
    signed_up: Mapping[str, datetime | None] | None = None,
    **tables: list[dict[str, object]],
) -> DuckDBEngine:
    """An engine with every view of a lake; that of `orders` is the union of the parts, in that order.

    Args:
        parts: order lines.
        categories: of each product; `tables` may give whole products instead.
        signed_up: customers beside those of the lines; likewise.
        tables: rows of any other contract table; columns they lack are NULL.
    """
    products = [{"product_id": name, "category": category} for name, category in (categories or {}).items()]
    customers = [{"customer_id": name, "signed_up_at": at} for name, at in (signed_up or {}).items()]
    rows = {"products": products, "customers": customers} | tables
    engine = DuckDBEngine(threads=2)
    for contract in CONTRACTS.values():
        found = rows.get(contract.table, [])
        given = (
            [_orders(list(part)) for part in parts]
            if contract.table == "orders"
            else [pa.Table.from_pylist(found)]
            if found
            else []
        )
        selects = []
        for number, table in enumerate(given):
            name = f"{contract.table}_{number}"
            engine.register(name, table)
            typed = ", ".join(
                f"CAST({column if column in table.column_names else 'NULL'} AS {kind}) AS {column}"
                for column, kind in contract.lake_columns
            )
            selects.append(f"SELECT {typed} FROM {name}")
        empty = ", ".join(f"CAST(NULL AS {kind}) AS {column}" for column, kind in contract.lake_columns)
        union = " UNION ALL ".join(selects) or f"SELECT {empty} WHERE FALSE"
        engine.execute(f"CREATE VIEW {contract.table} AS {union}")
    return engine


def profiles_of(
    lines: Iterable[Line],
    as_of: date,
    settings: Settings | None = None,
    categories: Mapping[str, str] | None = None,
    signed_up: Mapping[str, datetime | None] | None = None,
    **tables: list[dict[str, object]],
) -> Profiles:
    with engine_with([lines], categories, signed_up, **tables) as engine:
        return build_profiles(engine, as_of, settings or settings_with())


def _orders(lines: list[Line]) -> pa.Table:
    def money(value: str | None) -> Decimal | None:
        return None if value is None else Decimal(value)

    return pa.table(
        {
            "order_id": pa.array([line.order or f"{line.customer} {line.at}" for line in lines], pa.string()),
            "customer_id": pa.array([line.customer for line in lines], pa.string()),
            "product_id": pa.array([line.product for line in lines], pa.string()),
            "ordered_at": pa.array([line.at for line in lines], pa.timestamp("us")),
            "local_at": pa.array([line.at for line in lines], pa.timestamp("us")),
            "quantity": pa.array([money(line.quantity) for line in lines], MONEY),
            "return_of_order_id": pa.array([line.returns for line in lines], pa.string()),
            "channel": pa.array([line.channel for line in lines], pa.string()),
            "amount": pa.array([money(line.amount) for line in lines], MONEY),
            "discount": pa.array([money(line.discount) for line in lines], MONEY),
        }
    )
