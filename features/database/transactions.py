"""Transactions on the database: each one commits or says in one sentence why it could not."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Row, Select, Table
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from features.database.engines import Engines
from features.errors import DatabaseUnavailableError


class Transactions:
    """Where the parts of the database get their connections. Safe to use from several threads."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, within the read budget.

        Raises:
            DatabaseUnavailableError: it failed or took too long.
        """
        with stated_failure(self._engines.address), self._engines.reads.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes, within the write budget; whatever is raised inside undoes it.

        Raises:
            DatabaseUnavailableError: it failed or took too long.
        """
        with stated_failure(self._engines.address), self._engines.writes.begin() as connection:
            yield connection

    def stream(self, query: Select[Any], size: int) -> Iterator[Sequence[Row[Any]]]:
        """The rows of a query from one snapshot, `size` at a time; holds a connection until it ends.

        Raises:
            DatabaseUnavailableError: it failed, or one batch took longer than the read budget.
        """
        with self.reading() as connection:
            yield from connection.execution_options(yield_per=size).execute(query).partitions()

    def close(self) -> None:
        """Close every connection."""
        self._engines.dispose()


def insert_into(connection: Connection, table: Table) -> PostgresInsert | SqliteInsert:
    """An INSERT of the connection's own dialect, which knows ON CONFLICT."""
    return postgres_insert(table) if connection.dialect.name == "postgresql" else sqlite_insert(table)


@contextmanager
def stated_failure(address: str) -> Iterator[None]:
    """Turn every failure of the database into one error.

    Args:
        address: of the database, as people may see it.

    Raises:
        DatabaseUnavailableError: in place of a driver's or the system's error.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        # Only the driver's own words: SQLAlchemy's would carry the statement and, without care, its values.
        reason = getattr(error, "orig", error if isinstance(error, sqlite3.Error) else type(error).__name__)
        raise DatabaseUnavailableError(
            f"The database {address} did not answer ({str(reason).strip()}).",
            "Check database.url and that it is reachable.",
        ) from error
