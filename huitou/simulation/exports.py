"""What the simulated shop exports: Parquet in contract columns, as `huitou ingest` reads it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.simulate import HISTORY_DAYS, Population
from huitou.simulation.shop import CATEGORIES, MORE_LINES, Shop

BRANDS = ("Alder", "Birch", "Cedar", "Elm")
FIRST_HOUR, OPEN_SECONDS = 9, 11 * 3600
MONEY = pa.decimal128(18, 4)
INSTANT = pa.timestamp("us", tz="UTC")
ORDER_COLUMNS = pa.schema(
    [
        ("order_id", pa.string()),
        ("line_id", pa.string()),
        ("customer_id", pa.string()),
        ("product_id", pa.string()),
        ("ordered_at", INSTANT),
        ("quantity", pa.int64()),
        ("amount", pa.float64()),
        ("channel", pa.string()),
    ]
)
REDEMPTION_COLUMNS = pa.schema(
    [
        ("redemption_id", pa.string()),
        ("customer_id", pa.string()),
        ("offer_id", pa.string()),
        ("redeemed_at", INSTANT),
        ("amount", pa.float64()),
        ("order_id", pa.string()),
    ]
)


@dataclass
class Ledger:
    """What the till wrote down since the last export."""

    orders: list[dict[str, object]] = field(default_factory=list)
    redemptions: list[dict[str, object]] = field(default_factory=list)

    def export(self, folder: Path) -> bool:
        """Write what is new and forget it; False if there is nothing."""
        tables = {
            "orders": (self.orders, ORDER_COLUMNS),
            "redemptions": (self.redemptions, REDEMPTION_COLUMNS),
        }
        written = {name: rows for name, rows in tables.items() if rows[0]}
        for name, (rows, schema) in written.items():
            _write(folder, name, pa.Table.from_pylist(rows, schema=schema))
            rows.clear()
        return bool(written)


def write_history(
    folder: Path,
    rng: np.random.Generator,
    *,
    population: Population,
    shop: Shop,
    launch: date,
    zone: ZoneInfo,
) -> None:
    """Write products, customers and every order before the launch."""
    customer, day = np.nonzero(population.bought_before)
    order = np.repeat(np.arange(len(customer)), 1 + rng.poisson(MORE_LINES, len(customer)))
    product = shop.picks(rng, customer[order])
    order, product = np.unique(np.stack([order, product]), axis=1)
    quantity = 1 + rng.poisson(0.2, len(order))
    second = rng.integers(0, OPEN_SECONDS, len(customer))
    opened = [
        int(datetime.combine(launch - timedelta(days=HISTORY_DAYS - d), time(FIRST_HOUR), zone).timestamp())
        for d in range(HISTORY_DAYS)
    ]
    stamps = (np.array(opened)[day] + second)[order] * 1_000_000
    orders = pa.table(
        {
            "order_id": [f"h{i:07d}" for i in order],
            "line_id": [f"hl{i:07d}" for i in range(len(order))],
            "customer_id": _take(population.customer_ids, customer[order]),
            "product_id": _take(shop.product_ids, product),
            "ordered_at": pa.array(stamps).cast(INSTANT),
            "quantity": quantity,
            "amount": np.round(shop.price[product] * quantity, 2),
            "channel": _take(("web",), np.zeros(len(order), np.int64)),
        },
        schema=ORDER_COLUMNS,
    )
    first = np.argmax(population.bought_before, axis=1)
    signed_up = pa.array(np.array(opened)[first] * 1_000_000).cast(INSTANT)
    _write(folder, "orders", orders)
    _write(folder, "products", _products(rng, shop))
    _write(folder, "customers", pa.table({"customer_id": population.customer_ids, "signed_up_at": signed_up}))


def _products(rng: np.random.Generator, shop: Shop) -> pa.Table:
    words = [CATEGORIES[i] for i in shop.category]
    return pa.table(
        {
            "product_id": shop.product_ids,
            "name": [f"{word} {i:03d}" for i, word in enumerate(words)],
            "category": words,
            "brand": _take(BRANDS, rng.integers(0, len(BRANDS), len(words))),
            "price": shop.price,
            "margin": shop.margin,
            "in_stock": np.ones(len(words), dtype=bool),
        }
    )


def _take(words: Sequence[str], positions: np.ndarray) -> pa.Array:
    return pa.array(words).take(pa.array(positions))


def _write(folder: Path, name: str, table: pa.Table) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
