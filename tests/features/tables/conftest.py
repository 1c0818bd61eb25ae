"""Writing small exports and reading back what became of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.settings import Settings
from features.tables.duckdb_engine import open_lake
from features.tables.ingest import ingest
from features.tables.lake import Lake
from features.tables.mapping import Mapping, load_mapping


@dataclass
class Shop:
    """An export folder and the workspace it is loaded into."""

    export: Path
    settings: Settings

    def write(self, name: str, content: str | pa.Table) -> None:
        path = self.export / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pa.Table):
            pq.write_table(content, path)
        else:
            path.write_text(content, encoding="utf-8")

    def mapping(self, toml: str) -> Mapping:
        path = self.export / "map.toml"
        path.write_text(toml, encoding="utf-8")
        return load_mapping(path)

    def ingest(self, mapping: str | None = None) -> dict[str, dict[str, Any]]:
        report = ingest(self.export, self.mapping(mapping) if mapping else None, self.settings).to_dict()
        tables: dict[str, dict[str, Any]] = report["tables"]
        for table in tables.values():
            assert table["read"] == table["loaded"] + table["rejected"] + table["duplicates"]
            assert sum(table["reasons"].values()) == table["rejected"]
        return tables

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with open_lake(Lake(self.settings.lake)) as engine:
            return list(engine.query(sql).to_pylist())

    def quarantined(self) -> list[dict[str, Any]]:
        parts = sorted(self.settings.quarantine.glob("*/*.parquet"))
        return [row for part in parts for row in pq.read_table(part).to_pylist()]

    def state(self) -> dict[str, bytes]:
        """Every file of lake and quarantine with its bytes."""
        files = [p for root in (self.settings.lake, self.settings.quarantine) for p in root.rglob("*")]
        return {str(p): p.read_bytes() for p in files if p.is_file() and p.name != ".lock"}


@pytest.fixture
def new_shop(tmp_path_factory: pytest.TempPathFactory, settings_for: Callable[..., Settings]):
    """`new_shop(zone, below)`: an empty export folder and an empty workspace."""

    def build(zone: str = "UTC", below: str = "") -> Shop:
        folder = tmp_path_factory.mktemp("shop") / below
        (folder / "export").mkdir(parents=True)
        return Shop(folder / "export", settings_for(folder / "workspace", shop={"timezone": zone}))

    return build


@pytest.fixture
def shop(new_shop: Callable[..., Shop]) -> Shop:
    """An empty shop in UTC."""
    return new_shop()
