"""A database of an earlier version is brought up to date where it stands, and keeps its rows."""

from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text

from features.database.engines import MIGRATIONS
from features.database.records import Exposure
from features.database.store import open_database

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FIRST_TABLES = {"alembic_version", "api_keys", "events", "live_releases"}


@pytest.fixture
def old(tmp_path):
    """The address of a database as the first version left it, with a live release and an event."""
    address = f"sqlite:///{tmp_path / 'huitou.db'}"
    engine = create_engine(address)
    with engine.begin() as connection:
        move(connection, "upgrade", "0001")
        connection.execute(text("INSERT INTO live_releases VALUES (1, 'r1', '2026-01-01 00:00:00')"))
        connection.execute(
            text(
                "INSERT INTO events (event_id, type, occurred_at, customer_id, received_at) "
                "VALUES ('e1', 'click', '2026-01-01 00:00:00', 'c1', '2026-01-01 00:00:00')"
            )
        )
    engine.dispose()
    return address


def move(connection, direction, revision):
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    getattr(command, direction)(config, revision)


def test_opening_adds_what_is_missing_and_keeps_what_is_there(old):
    for _ in range(2):
        with open_database(old) as database:
            assert database.live_release() == "r1"
            [[event]] = database.event_batches(["click"])
            assert (event.event_id, event.customer_id) == ("e1", "c1")
            database.experiments.insert_exposures([Exposure("mail", "c1", "offer", NOON)])
            assert database.experiments.exposure_counts("mail") == {"offer": 1}


def test_the_way_back_leaves_the_first_tables(old):
    open_database(old).close()
    engine = create_engine(old)
    with engine.begin() as connection:
        move(connection, "downgrade", "0001")
    assert set(inspect(engine).get_table_names()) == FIRST_TABLES
    engine.dispose()
