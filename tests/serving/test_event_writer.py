"""Group commit: nothing acknowledged is lost, nothing is acknowledged early, shutting down drains."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from features.database.records import Event
from features.database.store import Database
from serving.database_access import DatabaseAccess
from serving.event_writer import EventWriter
from serving.problems import ProblemError
from tests.serving.conftest import NOON
from tests.support.waiting import until


def event(event_id: str) -> Event:
    return Event(event_id, "view", NOON, customer_id="c1", product_id="p1")


@pytest.fixture
def settings(tmp_path, settings_for):
    return settings_for(tmp_path, database={"timeout_ms": 500, "write_timeout_ms": 100})


def stored(settings) -> int:
    with closing(sqlite3.connect(settings.workspace / "huitou.db")) as connection:
        return connection.execute("SELECT count(*) FROM events").fetchone()[0]


def run(settings, scenario, queue_events=1000, timeout_ms=3000):
    async def main():
        database = DatabaseAccess(settings)
        await database.probe(Database.control)
        writer = EventWriter(database, lambda: NOON, queue_events, timeout_ms)
        writer.start()
        try:
            return await scenario(writer)
        finally:
            await asyncio.to_thread(writer.stop)
            database.close()

    return asyncio.run(main())


def test_many_callers_at_once_all_get_their_own_statuses(settings):
    async def scenario(writer):
        return await asyncio.gather(*(writer.write([event(f"e{i}"), event("shared")]) for i in range(50)))

    statuses = run(settings, scenario)
    assert [own for own, _ in statuses] == ["stored"] * 50
    assert [shared for _, shared in statuses].count("stored") == 1
    assert stored(settings) == 51


def test_stopping_commits_what_waits(settings):
    async def scenario(writer):
        waiting = [asyncio.create_task(writer.write([event(f"e{i}")])) for i in range(100)]
        await asyncio.sleep(0)  # every task has queued its event now
        await asyncio.to_thread(writer.stop)
        return await asyncio.gather(*waiting)

    assert run(settings, scenario) == [["stored"]] * 100
    assert stored(settings) == 100


def test_after_stopping_nothing_is_taken(settings):
    async def scenario(writer):
        await asyncio.to_thread(writer.stop)
        with pytest.raises(ProblemError) as refusal:
            await writer.write([event("e1")])
        return refusal.value

    assert run(settings, scenario).status == 503
    assert stored(settings) == 0


def test_a_caller_that_was_told_to_send_again_has_nothing_stored_behind_its_back(settings):
    async def scenario(writer):
        with closing(sqlite3.connect(settings.workspace / "huitou.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for attempt in range(3):
                with pytest.raises(ProblemError) as refusal:
                    await writer.write([event(f"e{attempt}")])
                assert refusal.value.code == "database_unavailable"
                assert refusal.value.headers["Retry-After"] == "1"
            other.execute("ROLLBACK")
        assert writer.waiting == 0
        return await writer.write([event("e0")])

    assert run(settings, scenario) == ["stored"], "the writer goes on once the database is back"
    assert stored(settings) == 1


def test_a_full_queue_refuses_and_keeps_its_bound(settings):
    async def scenario(writer):
        with closing(sqlite3.connect(settings.workspace / "huitou.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            first = asyncio.create_task(writer.write([event("e0")]))
            await asyncio.sleep(0)
            await until(lambda: writer.waiting == 0)  # the thread has taken it and waits for the lock
            queued = [asyncio.create_task(writer.write([event(f"q{i}")])) for i in range(3)]
            await asyncio.sleep(0)
            codes = [task.exception().code for task in queued if task.done()]
            assert writer.waiting <= 2
            other.execute("ROLLBACK")
            await asyncio.gather(first, *queued, return_exceptions=True)
            return codes

    assert run(settings, scenario, queue_events=2) == ["queue_full"]
