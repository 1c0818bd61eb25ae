"""Connections: SQLite in WAL mode or PostgreSQL, every wait bounded.

Reads and writes have an engine each, because they have different budgets: a read may hold up an answer,
a write holds up an acknowledgement.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import QueuePool

from features.database.address import shown_address
from features.errors import MissingExtraError, SettingsError

MIGRATIONS = Path(__file__).with_name("migrations")
# Any number: it only has to be the same in every process that migrates the same PostgreSQL database.
MIGRATION_LOCK = 4_151_209


@dataclass(frozen=True, slots=True)
class Engines:
    """The engine for reads and the one for writes.

    Attributes:
        address: of the database, for messages, without its password.
    """

    reads: Engine
    writes: Engine
    address: str

    def dispose(self) -> None:
        """Close every connection."""
        self.reads.dispose()
        self.writes.dispose()


def open_engines(url: str, read_timeout_ms: int, write_timeout_ms: int) -> Engines:
    """Engines for an address, after the missing migrations have run.

    Raises:
        SettingsError: the address is not one of SQLite or PostgreSQL.
        sqlalchemy.exc.SQLAlchemyError, OSError: the database cannot be reached.
    """
    address = _parse(url)
    if address.get_backend_name() == "sqlite":
        path = Path(address.database or "")
        _create_sqlite(path, write_timeout_ms)
        engines = Engines(
            _sqlite_engine(path, read_timeout_ms, "BEGIN"),
            # IMMEDIATE: a transaction that starts as a reader cannot wait for the writer's lock later.
            _sqlite_engine(path, write_timeout_ms, "BEGIN IMMEDIATE"),
            shown_address(url),
        )
    else:
        engines = Engines(
            _postgres_engine(address, read_timeout_ms),
            _postgres_engine(address, write_timeout_ms),
            shown_address(url),
        )
    with engines.writes.begin() as connection:
        _migrate(connection)
    return engines


def _parse(url: str) -> URL:
    remedy = "Use sqlite:////path/huitou.db or postgresql://user@host/name as database.url or DATABASE_URL."
    try:
        address = make_url(url)
    except ArgumentError:
        raise SettingsError("The database address cannot be read.", remedy) from None
    backend = address.get_backend_name()
    if backend == "sqlite" and address.database not in (None, "", ":memory:"):
        return address
    if backend == "postgresql":
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise MissingExtraError("The PostgreSQL driver", "serving") from None
        return address.set(drivername="postgresql+psycopg")
    raise SettingsError(f"A {backend} database at that address is not supported.", remedy)


def _create_sqlite(path: Path, timeout_ms: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=timeout_ms / 1000)
    try:
        # Kept in the file: readers and the writer do not block each other.
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


def _sqlite_engine(path: Path, timeout_ms: int, begin: str) -> Engine:
    # mode=rw: a database that is gone must be an error, not a new empty one that acknowledges events.
    address = f"file:{quote(str(path.resolve()))}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=timeout_ms / 1000, isolation_level=None, check_same_thread=False
        )
        # FULL: a committed event survives a power cut, not only a crash of this process.
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=4,
        pool_timeout=timeout_ms / 1000,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def remember_file(_: Any, record: Any) -> None:
        record.info["file"] = _file_identity(path)

    @event.listens_for(engine, "checkout")
    def same_file(_: Any, record: Any, __: Any) -> None:
        # An open SQLite connection keeps working on a deleted file; what it commits there is lost.
        if record.info.get("file") != _file_identity(path):
            raise DisconnectionError("the database file was removed or replaced")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _file_identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _postgres_engine(address: URL, timeout_ms: int) -> Engine:
    return create_engine(
        address,
        pool_size=4,
        max_overflow=4,
        pool_timeout=timeout_ms / 1000,
        # A server that was restarted leaves dead connections in the pool.
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 2,
            # A machine that vanished without a word must not hold a thread for the kernel's two hours.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            "options": f"-c statement_timeout={timeout_ms} -c lock_timeout={timeout_ms}",
        },
    )


def _migrate(connection: Connection) -> None:
    """Bring the schema up to date inside the caller's transaction; processes take turns."""
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql":
        # Other processes wait here while one migrates; creating tables may outlast a request's budget.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
