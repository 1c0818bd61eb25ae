"""The tables an analysis reads (files or Arrow), with their columns as text, numbers and local days."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import duckdb
import pyarrow as pa

from features.errors import DataError
from features.tables.duckdb_engine import DuckDBEngine, identifier, literal

Table: TypeAlias = Path | pa.Table
SUFFIXES = (".parquet", ".csv", ".csv.gz")
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
NUMBER_TYPES = {"BOOLEAN", "FLOAT", "DOUBLE", *INTEGERS, *(f"U{name}" for name in INTEGERS)}


@dataclass(frozen=True)
class Source:
    """One table, readable in the engine under `view`.

    Attributes:
        view: its name in SQL.
        label: its name in messages.
        columns: its columns with their SQL types.
    """

    view: str
    label: str
    columns: dict[str, str]

    def require(self, *names: str) -> None:
        """Raise DataError unless the table has these columns."""
        for name in names:
            if name not in self.columns:
                raise DataError(
                    f"{self.label} has no column {name!r}; it has {', '.join(self.columns)}.",
                    "Add the column or correct the name.",
                )

    def text(self, name: str) -> str:
        """SQL of a column as text."""
        self.require(name)
        return f"CAST({self.view}.{identifier(name)} AS VARCHAR)"

    def number(self, name: str) -> str:
        """SQL of a column as DOUBLE; text that is no number becomes NULL."""
        self.require(name)
        kind = self.columns[name]
        if kind not in NUMBER_TYPES and kind != "VARCHAR" and not kind.startswith("DECIMAL"):
            raise DataError(f"{self.label}, column {name!r}: {kind} is not a number.", "Give numbers.")
        return f"TRY_CAST({self.view}.{identifier(name)} AS DOUBLE)"

    def instant(self, name: str, zone: str) -> str:
        """SQL of a column as an instant; stamps without an offset are UTC, dates start their local day."""
        column, kind = f"{self.view}.{identifier(name)}", self._stamp_kind(name)
        if kind == "DATE":
            return f"(CAST({column} AS TIMESTAMP) AT TIME ZONE {literal(zone)})"
        if kind == "VARCHAR":
            day = f"CAST(TRY_CAST({column} AS DATE) AS TIMESTAMP) AT TIME ZONE {literal(zone)}"
            # Ten characters are a bare date, which names a local day and not midnight in UTC.
            return f"CASE WHEN length({column}) = 10 THEN {day} ELSE TRY_CAST({column} AS TIMESTAMPTZ) END"
        # The engine's session runs in UTC, which makes plain stamps UTC.
        return f"CAST({column} AS TIMESTAMPTZ)"

    def local_day(self, name: str, zone: str) -> str:
        """SQL of a column as the local day of the shop."""
        return f"CAST(({self.instant(name, zone)}) AT TIME ZONE {literal(zone)} AS DATE)"

    def _stamp_kind(self, name: str) -> str:
        self.require(name)
        kind = self.columns[name]
        if kind not in ("DATE", "VARCHAR") and not kind.startswith("TIMESTAMP"):
            raise DataError(
                f"{self.label}, column {name!r}: {kind} is neither a date nor a timestamp.",
                "Give timestamps in UTC or with an offset, or local dates.",
            )
        return kind


def open_table(engine: DuckDBEngine, view: str, table: Table, what: str) -> Source:
    """Make a table readable in the engine.

    Args:
        engine: where.
        view: the name it gets there.
        table: an Arrow table, or the path of a Parquet or CSV file (whose values are read as text).
        what: its role, for messages: "exposures".

    Raises:
        DataError: the file is missing, of another format, or unreadable.
    """
    if isinstance(table, pa.Table):
        label = f"The table of {what}"
        engine.register(view, table)
    else:
        label = f"The {what} file {table}"
        if not table.is_file():
            raise DataError(f"{label} does not exist.", f"Check --{what}.")
        if not table.name.endswith(SUFFIXES):
            raise DataError(f"{label} is not one of {', '.join(SUFFIXES)}.", "Export it as Parquet or CSV.")
        options = "" if table.suffix == ".parquet" else ", header = true, all_varchar = true"
        reader = "read_parquet" if table.suffix == ".parquet" else "read_csv"
        with stated(label):
            engine.execute(f"CREATE VIEW {view} AS SELECT * FROM {reader}({literal(table)}{options})")  # noqa: S608
    described = engine.query(f"DESCRIBE {view}").to_pylist()
    return Source(view, label, {row["column_name"]: row["column_type"] for row in described})


@contextmanager
def stated(label: str) -> Iterator[None]:
    """Turn the engine's complaint about a file into one sentence."""
    try:
        yield
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(
            f"{label} cannot be read: {reason}", "Check that it is a whole Parquet or CSV file."
        ) from None
