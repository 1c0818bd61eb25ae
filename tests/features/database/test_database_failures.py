"""A database that is gone, locked or foreign: always one error, never an acknowledged loss."""

import sqlite3
from datetime import UTC, datetime

import pytest
from sqlalchemy import inspect

from features.database.address import shown_address
from features.database.engines import open_engines
from features.database.records import Event
from features.database.schema import metadata
from features.database.store import open_database
from features.errors import DatabaseUnavailableError, SettingsError

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVENT = Event("e1", "view", NOON, customer_id="c1", product_id="p1")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "huitou.db"


@pytest.fixture
def database(path):
    database = open_database(f"sqlite:///{path}", read_timeout_ms=50, write_timeout_ms=50)
    yield database
    database.close()


def test_a_deleted_file_acknowledges_nothing_and_is_not_created_anew(path, database):
    database.insert_events([EVENT], NOON)
    path.unlink()
    with pytest.raises(DatabaseUnavailableError):
        database.insert_events([Event("e2", "view", NOON, customer_id="c1")], NOON)
    with pytest.raises(DatabaseUnavailableError):
        database.live_release()
    assert not path.exists()


def test_a_file_moved_away_and_back_works_again(path, database):
    database.insert_events([EVENT], NOON)
    elsewhere = path.with_suffix(".away")
    path.rename(elsewhere)
    with pytest.raises(DatabaseUnavailableError):
        database.control()
    elsewhere.rename(path)
    assert database.insert_events([EVENT], NOON) == ["duplicate"]


def test_a_locked_database_refuses_writes_within_its_budget_and_still_reads(path, database):
    database.set_live("a", NOON)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DatabaseUnavailableError, match="locked"):
        database.insert_events([EVENT], NOON)
    assert database.live_release() == "a"
    other.execute("ROLLBACK")
    other.close()
    assert database.insert_events([EVENT], NOON) == ["stored"]


def test_writes_are_durable_and_readers_do_not_block_them(path, database):
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    with database._transactions.writing() as own:
        assert own.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # 2 = FULL


def test_the_message_carries_no_customer(path, database):
    database.close()
    path.unlink()
    with pytest.raises(DatabaseUnavailableError) as failure:
        database.recent_events("c:secret-customer", 5, NOON)
    assert "secret-customer" not in str(failure.value)


@pytest.mark.parametrize("url", ["mysql://host/name", "sqlite://", "nonsense", "sqlite:///:memory:"])
def test_an_unsupported_address_names_the_remedy(url):
    with pytest.raises(SettingsError, match=r"database\.url"):
        open_database(url)


def test_an_unreachable_postgresql_is_unavailable(tmp_path):
    with pytest.raises(DatabaseUnavailableError):
        open_database(f"postgresql://nobody@/none?host={tmp_path}")


def test_a_file_that_is_no_database_is_unavailable(path):
    path.parent.mkdir()
    path.write_bytes(b"not a database, but long enough to look like one" * 50)
    with pytest.raises(DatabaseUnavailableError, match="not a database"):
        open_database(f"sqlite:///{path}")


def test_the_migrations_end_where_the_schema_says(path):
    engines = open_engines(f"sqlite:///{path}", 1000, 1000)
    found = inspect(engines.reads)
    for table in metadata.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert columns == {column.name: bool(column.nullable) for column in table.columns}
        assert {index["name"] for index in found.get_indexes(table.name)} == {
            index.name for index in table.indexes
        }
    engines.dispose()


def test_a_failure_names_the_file(path, database):
    path.unlink()
    with pytest.raises(DatabaseUnavailableError) as failure:
        database.live_release()
    assert f"The database {path} did not answer" in failure.value.message


@pytest.mark.parametrize(
    "address", ["shop:hush-hush@/none?host={}", "/none?host={}&user=shop&password=hush-hush"]
)
def test_a_failure_names_the_address_without_its_password(tmp_path, address):
    with pytest.raises(DatabaseUnavailableError) as failure:
        open_database("postgresql://" + address.format(tmp_path))
    assert "/none?host=" in failure.value.message
    assert "hush-hush" not in str(failure.value)


def test_an_unparsable_address_keeps_its_secret():
    assert shown_address("postgresql://shop:hush@host:port:9/x") == "postgresql://***@host:port:9/x"
    assert shown_address("https://shop:hush@tracker.example/x") == "https://shop:***@tracker.example/x"
    assert shown_address("./runs") == "./runs"
