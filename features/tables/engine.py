"""What the rest of Huitou asks of a SQL engine over the lake."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from features.errors import DataError

SQL_FOLDER = Path(__file__).with_name("sql")


class Engine(Protocol):
    """A SQL engine with one view of the lake per contract table: `orders`, `products`, `customers` …

    Parameters are named: `$as_of` in the SQL, `{"as_of": date(2017, 12, 4)}` beside it; each parameter given
    must occur in the SQL. Statements stay in the subset of SQL that DuckDB and Spark share.
    """

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """Run one statement and return its rows."""

    def execute(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run one statement for its effect."""

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable under a name, replacing an earlier one of that name."""

    def copy_to_parquet(self, sql: str, path: Path, parameters: Mapping[str, object] | None = None) -> None:
        """Write the rows of a query to one Parquet file, in the query's order, without holding them all."""

    def close(self) -> None:
        """Give back memory and files; the engine is of no use afterwards."""


def read_sql(name: str) -> str:
    """The text of `features/tables/sql/NAME.sql`.

    Raises:
        DataError: there is no such query.
    """
    path = SQL_FOLDER / f"{name}.sql"
    if not path.is_file():
        raise DataError(f"There is no query named {name}.", f"Queries live in {SQL_FOLDER.name}/.")
    return path.read_text(encoding="utf-8")
