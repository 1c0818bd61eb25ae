"""A workspace with a lake and a database, filled row by row, for tests of experiments without files."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from experiments.design import Design
from features.database.records import Event, Exposure, OfferClaim
from features.database.store import Database
from features.settings import Settings
from features.tables.ingest import ingest

ORDERS = ("order_id", "customer_id", "product_id", "ordered_at", "quantity", "amount")
PRODUCTS = ("product_id", "name", "category", "margin")
REDEMPTIONS = ("redemption_id", "customer_id", "offer_id", "redeemed_at", "amount")
CUSTOMERS = ("customer_id", "consent_personalization")
EVENTS = ("event_id", "type", "occurred_at", "customer_id", "product_id", "recommendation_id")


@dataclass
class LiveShop:
    """Rows are tuples in the order of the constants above; `load` ingests what was added since."""

    folder: Path
    settings: Settings
    database: Database
    loads: int = field(default=0)

    def load(self, **tables: Sequence[tuple[Any, ...]]) -> None:
        self.loads += 1
        export = self.folder / f"export-{self.loads}"
        export.mkdir()
        columns = {"orders": ORDERS, "products": PRODUCTS, "redemptions": REDEMPTIONS}
        columns |= {"customers": CUSTOMERS, "events": EVENTS}
        for name, rows in tables.items():
            values = dict(zip(columns[name], map(list, zip(*rows, strict=True)), strict=True))
            pq.write_table(pa.table(values), export / f"{name}.parquet")
        for table in ingest(export, None, self.settings).to_dict()["tables"].values():
            assert table["loaded"] == table["read"]

    def start(self, design: Design, at: datetime, simulated: bool = False) -> None:
        self.database.experiments.save_design(design.key, design.to_json(), "test", at, simulated)
        self.database.experiments.set_state(design.key, "running", "test", at)

    def expose(self, key: str, *rows: tuple[Any, ...]) -> None:
        """Rows: customer, variant, instant[, tier[, segment]]."""
        self.database.experiments.insert_exposures([Exposure(key, *row) for row in rows])

    def click(self, customer: str, product: str, recommendation: str | None, at: datetime) -> None:
        event = f"{customer} {product} {recommendation} {at}"
        self.database.insert_events(
            [Event(event, "click", at, customer, product_id=product, recommendation_id=recommendation)], at
        )

    def claim(self, customer: str, at: datetime) -> None:
        name = f"{customer} {at}"
        self.database.claims.claim(OfferClaim(name, name, "ten-percent", customer, at), None, None)


def utc(day: int, hour: int = 4, minute: int = 0) -> datetime:
    """Hour 4 of a day of March 2024 in UTC, which is noon in Shanghai."""
    return datetime(2024, 3, day, hour, minute, tzinfo=UTC)
