"""DuckDB as the SQL engine: in process, on files larger than memory."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from features.errors import DataError, MissingExtraError
from features.tables.contracts import CONTRACTS, Contract
from features.tables.lake import HIDDEN_COLUMNS, LAKE_REMEDY, Lake

PARQUET_OPTIONS = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880"


def identifier(name: str) -> str:
    """A name quoted for SQL, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | Path) -> str:
    """A text or path quoted for SQL."""
    return "'" + str(value).replace("'", "''") + "'"


class DuckDBEngine:
    """An in-memory DuckDB that reads and writes Parquet. Implements `Engine`.

    Args:
        threads: threads at most.
        memory_limit: DuckDB's own limit; larger results spill to `temp_folder`.
        temp_folder: where to spill; None uses the system's temporary folder.
        lake: whose parts the queries read, if any. A query that fails while one of them is damaged raises
            DataError with the part's name.

    Raises:
        MissingExtraError: the wheel has no ICU, without which local time cannot be computed.
    """

    def __init__(
        self,
        threads: int = 2,
        memory_limit: str = "4GB",
        temp_folder: Path | None = None,
        lake: Lake | None = None,
    ) -> None:
        self._lake = lake
        # Stated, because DuckDB's own choice would be `.tmp` in whatever folder the command was run from.
        spill = temp_folder or Path(tempfile.gettempdir()) / "huitou-duckdb"
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": threads,
            "memory_limit": memory_limit,
            "temp_directory": str(spill),
            # Nothing may be fetched at run time: what the wheel carries is what there is.
            "autoinstall_known_extensions": False,
        }
        self._connection = duckdb.connect(config=config)
        # Progress is the command line's to show.
        self._connection.execute("SET enable_progress_bar = false")
        try:
            # Casts between zoned and plain stamps must not depend on the machine's own zone.
            self._connection.execute("SET TimeZone = 'UTC'")
        except duckdb.Error:
            raise MissingExtraError("A DuckDB with time zones (ICU)", "training") from None

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """Run one statement and return its rows."""
        with self._damage_named():
            relation = self._connection.sql(sql, params=dict(parameters) if parameters else None)
            return relation.to_arrow_table()

    def execute(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run one statement for its effect."""
        with self._damage_named():
            self._connection.execute(sql, dict(parameters) if parameters else None)

    def register(self, name: str, table: pa.Table | pa.RecordBatchReader) -> None:
        """Make an Arrow table (or, once, a stream of batches) readable under a name."""
        self._connection.register(name, table)

    def copy_to_parquet(self, sql: str, path: Path, parameters: Mapping[str, object] | None = None) -> None:
        """Write the rows of a query to one Parquet file, in the query's order."""
        self.execute(f"COPY ({sql}) TO {literal(path)} ({PARQUET_OPTIONS})", parameters)

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            # DuckDB's own words name no file for most kinds of damage, and its classes do not tell damage
            # from a wrong query: the checksums of the manifest do.
            damaged = self._lake.damaged_part() if self._lake else None
            if damaged is None:
                raise
            reason = str(error).strip().partition("\n")[0].rstrip(" .:")
            raise DataError(f"The lake's part {damaged} is damaged ({reason}).", LAKE_REMEDY) from error

    def close(self) -> None:
        """Give back memory and files."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_lake(
    lake: Lake, threads: int = 2, memory_limit: str = "4GB", temp_folder: Path | None = None
) -> DuckDBEngine:
    """An engine with one view per contract table over the committed parts of a lake.

    A table that was never ingested is an empty view with the right types. `products`, `customers` and
    `tickets` have one row per id, the one of the latest load. The views keep showing what was committed when
    they were made.

    Raises:
        DataError: a part is damaged; so do the engine's queries, where the damage only shows on reading.
    """
    engine = DuckDBEngine(threads, memory_limit, temp_folder, lake)
    for contract in CONTRACTS.values():
        engine.execute(f"CREATE VIEW {contract.table} AS {_view(contract, lake.parts(contract.table))}")
    return engine


def _view(contract: Contract, parts: list[Path]) -> str:
    if not parts:
        typed = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in contract.lake_columns)
        return f"SELECT {typed} WHERE FALSE"
    files = ", ".join(literal(part) for part in parts)
    hidden = ", ".join(HIDDEN_COLUMNS)
    # By name, because attr_* columns differ from file to file.
    rows = f"SELECT * EXCLUDE ({hidden}) FROM read_parquet([{files}], union_by_name = true)"  # noqa: S608
    if contract.versioned:
        newest_first = f"PARTITION BY {contract.identity} ORDER BY load_number DESC"
        rows += f" QUALIFY row_number() OVER ({newest_first}) = 1"
    return rows
