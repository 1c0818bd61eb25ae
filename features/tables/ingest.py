"""From a shop's export to the lake: all or nothing, each row loaded, known already or in quarantine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from features.durable import sync
from features.errors import DataError
from features.settings import Settings
from features.tables.contracts import CONTRACTS
from features.tables.duckdb_engine import DuckDBEngine
from features.tables.file_loader import FileLoader
from features.tables.ingest_report import IngestReport, TableReport
from features.tables.lake import Lake, Manifest, commit, exclusive, remove_uncommitted
from features.tables.mapping import Mapping
from features.tables.sources import find_sources

__all__ = ["IngestReport", "TableReport", "ingest"]

# Spills to disk beyond it; 1.5 million order lines stay well below.
MEMORY_LIMIT = "1500MB"
THREADS_MAX = 8


def ingest(
    source: Path, mapping: Mapping | None, settings: Settings, *, now: datetime | None = None
) -> IngestReport:
    """Load a folder of exported files into the lake of the workspace.

    Either every file is loaded or, when anything goes wrong, lake and quarantine stay as they were. A second
    ingest into the same lake waits for the first. A file that was loaded before, byte for byte and with the
    same mapping, changes nothing, even where a later file has renewed its products or customers.

    Args:
        source: the folder.
        mapping: how its files become contract tables; None when they already are.
        settings: the workspace, and the shop's time zone, which fixes every `local_at`.
        now: an aware instant; a row stamped later is rejected, because a typing error there would become the
            newest day of the shop. None: a simulated shop may lie in the future.

    Raises:
        DataError: the source, the mapping or a whole table is wrong, or the lake was filled for another zone.
    """
    files = find_sources(source, mapping)
    with exclusive(settings.lake):
        lake = Lake(settings.lake)
        zone = settings.shop.timezone
        if lake.manifest.timezone not in ("", zone):
            raise DataError(
                f"The lake {settings.lake} keeps local time of {lake.manifest.timezone}, not of {zone}.",
                "Set shop.timezone to it, or load into another workspace.",
            )
        _remove_leftovers(lake, settings)
        with _all_or_nothing() as written, _engine(lake) as engine:
            loader = FileLoader(engine, lake, settings, written, now)
            reports = {table: loader.table(CONTRACTS[table], sources) for table, sources in files.items()}
            for folder in {path.parent for path in written}:
                sync(folder)
            commit(settings.lake, Manifest(format=1, timezone=zone, parts=tuple(loader.parts)))
    return IngestReport(reports, mapping.note if mapping else "")


def _engine(lake: Lake) -> DuckDBEngine:
    threads = min(os.cpu_count() or 1, THREADS_MAX)
    return DuckDBEngine(threads, MEMORY_LIMIT, lake.folder / ".spill", lake)


def _remove_leftovers(lake: Lake, settings: Settings) -> None:
    parts = lake.manifest.parts
    remove_uncommitted(settings.lake, {part.file for part in parts if part.file})
    remove_uncommitted(settings.quarantine, {part.quarantine for part in parts if part.quarantine})


@contextmanager
def _all_or_nothing() -> Iterator[list[Path]]:
    """Collects the files written, and deletes them again unless everything went well."""
    written: list[Path] = []
    try:
        yield written
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
