"""What every database must do; the same suite runs on SQLite and on a real PostgreSQL."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import create_engine

from features.database.records import Event
from features.database.store import Database, open_database

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALWAYS = NOON - timedelta(days=3650)


def event(event_id: str, **fields: object) -> Event:
    return Event(**{"event_id": event_id, "type": "view", "occurred_at": NOON, "customer_id": "c1"} | fields)


def test_no_release_is_live_before_the_first_publish(database):
    assert database.live_release() is None
    assert database.live_history() == []


def test_the_last_release_set_is_live_and_the_history_keeps_the_others(database):
    for minute, release in enumerate(["a", "b", "a"]):
        database.set_live(release, NOON + timedelta(minutes=minute))
    assert database.live_release() == "a"
    assert [(row.release_id, row.set_at.minute) for row in database.live_history()] == [
        ("a", 2),
        ("b", 1),
        ("a", 0),
    ]
    assert database.live_history()[0].set_at == NOON + timedelta(minutes=2)


def test_what_was_written_is_there_for_another_process(url, database):
    database.set_live("a", NOON)
    database.insert_events([event("e1", product_id="p1")], NOON)
    second = open_database(url)
    try:
        assert second.live_release() == "a"
        assert second.insert_events([event("e1")], NOON) == ["duplicate"]
    finally:
        second.close()


def test_an_event_is_stored_once(database):
    first = database.insert_events([event("e1"), event("e2"), event("e1")], NOON)
    assert first == ["stored", "stored", "duplicate"]
    assert database.insert_events([event("e2"), event("e3")], NOON) == ["duplicate", "stored"]
    assert database.insert_events([], NOON) == []


def test_a_large_batch_gets_a_status_each(database):
    batch = [event(f"e{i}") for i in range(3000)]
    assert database.insert_events(batch[:1], NOON) == ["stored"]
    assert database.insert_events(batch, NOON) == ["duplicate"] + ["stored"] * 2999


def test_every_field_of_an_event_survives(url, database):
    shanghai = datetime.fromisoformat("2026-03-01T20:00:00.123456+08:00")
    stored = event(
        "e1", occurred_at=shanghai, session_id="s1", product_id="p1", recommendation_id="r1",
        quantity=Decimal("1.5"), amount=Decimal("12345678901234.5678"), channel="app",
        dwell_seconds=Decimal("3.25"), type="purchase",
    )  # fmt: skip
    database.insert_events([stored], NOON)
    row = _only_row(url)
    assert row["amount"] == Decimal("12345678901234.5678")
    assert (row["quantity"], row["dwell_seconds"]) == (Decimal("1.5000"), Decimal("3.2500"))
    assert row["occurred_at"] == shanghai.astimezone(UTC)
    assert [row[name] for name in ("customer_id", "session_id", "recommendation_id", "channel", "type")] == [
        "c1", "s1", "r1", "app", "purchase",
    ]  # fmt: skip


def _only_row(url: str) -> dict[str, object]:
    from features.database.schema import events

    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        row = dict(connection.execute(events.select()).mappings().one())
    engine.dispose()
    return row


def test_an_instant_without_a_zone_is_refused(database):
    with pytest.raises(Exception, match="time zone"):
        database.set_live("a", datetime(2026, 3, 1))  # noqa: DTZ001


def test_recent_events_are_the_last_to_arrive_of_that_subject(database):
    database.insert_events([event("e1", product_id="p1")], NOON)
    later = [
        event("e2", product_id="p2", occurred_at=NOON + timedelta(seconds=1)),
        event("e3", product_id="p3", occurred_at=NOON + timedelta(seconds=2)),
        event("e4", product_id="p4", customer_id="c2"),
        event("e5", type="sign_in"),
    ]
    database.insert_events(later, NOON + timedelta(minutes=1))
    recent = database.recent_events("c:c1", 10, ALWAYS)
    # e3 and e2 arrived together, later than e1; e5 names no product, e4 is another customer's.
    assert [item.product_id for item in recent] == ["p3", "p2", "p1"]
    assert recent[0].received_at == NOON + timedelta(minutes=1)
    assert [item.product_id for item in database.recent_events("c:c1", 2, ALWAYS)] == ["p3", "p2"]
    assert [item.product_id for item in database.recent_events("c:c1", 9, NOON + timedelta(seconds=1))] == [
        "p3",
        "p2",
    ]


def test_a_session_and_a_customer_are_different_subjects(database):
    anonymous = event("e1", customer_id=None, session_id="x", product_id="p1")
    signed_in = event("e2", customer_id="x", session_id=None, product_id="p2")
    both = event(
        "e3", customer_id="y", session_id="x", product_id="p3", occurred_at=NOON + timedelta(seconds=1)
    )
    database.insert_events([anonymous, signed_in, both], NOON)
    assert [item.product_id for item in database.recent_events("s:x", 9, ALWAYS)] == ["p3", "p1"]
    assert [item.product_id for item in database.recent_events("c:x", 9, ALWAYS)] == ["p2"]
    assert both.subjects == ("c:y", "s:x")


def test_keys_are_kept_and_revoked_once(database):
    database.create_key("k1", "h1", ["storefront", "marketing"], NOON)
    database.create_key("k2", "h2", ["admin"], NOON + timedelta(minutes=1))
    assert database.revoke_key("k1", NOON + timedelta(hours=1))
    assert database.revoke_key("k1", NOON + timedelta(hours=2))
    assert not database.revoke_key("k9", NOON)
    first, second = database.list_keys()
    assert (first.key_id, first.hash, first.scopes) == ("k1", "h1", ("storefront", "marketing"))
    assert (first.revoked_at, second.revoked_at) == (NOON + timedelta(hours=1), None)


def test_a_server_reads_release_and_keys_together(database):
    database.set_live("a", NOON)
    database.create_key("k1", "h1", ["admin"], NOON)
    control = database.control()
    assert control.release_id == "a"
    assert [key.key_id for key in control.keys] == ["k1"]


def test_writers_in_threads_lose_nothing(url):
    database: Database = open_database(url)
    statuses: list[str] = []

    def write(worker: int) -> None:
        for i in range(20):
            statuses.extend(database.insert_events([event(f"{worker}-{i}"), event(f"shared-{i}")], NOON))

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    # 4 × 20 own events and 20 shared ones, each stored exactly once.
    assert (statuses.count("stored"), statuses.count("duplicate")) == (100, 60)


def test_opening_at_the_same_time_migrates_once(url):
    opened: list[Database] = []
    threads = [threading.Thread(target=lambda: opened.append(open_database(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [database.live_release() for database in opened] == [None] * 4
    for database in opened:
        database.close()


def test_events_come_in_batches_whole_and_of_the_asked_types_only(database):
    bought = event(
        "e0", type="purchase", product_id="p1", recommendation_id="r1", amount=Decimal("9.99"),
        quantity=Decimal(2), channel="app", session_id="s1", dwell_seconds=Decimal("1.5"),
    )  # fmt: skip
    clicks = [event(f"e{i}", type="click") for i in range(1, 8)]
    database.insert_events([bought, *clicks, event("e9", type="view")], NOON)
    batches = list(database.event_batches(["click", "purchase"], size=3))
    # 8 events in threes: 3 + 3 + 2.
    assert [len(batch) for batch in batches] == [3, 3, 2]
    found = sorted((each for batch in batches for each in batch), key=lambda each: each.event_id)
    assert found == [bought, *clicks]
    assert list(database.event_batches(["return"])) == []


def test_batches_may_be_left_early_and_leave_the_database_usable(database):
    database.insert_events([event(f"e{i}") for i in range(50)], NOON)
    for _ in range(20):
        batches = database.event_batches(["view"], size=5)
        assert len(next(batches)) == 5
        batches.close()
    assert database.insert_events([event("late")], NOON) == ["stored"]


def test_an_alias_stands_for_the_release_it_was_set_to_last(database):
    assert database.aliases() == {}
    database.set_alias("challenger", "r1", NOON)
    database.set_alias("other", "r1", NOON)
    database.set_alias("challenger", "r2", NOON + timedelta(minutes=1))
    assert database.aliases() == {"challenger": "r2", "other": "r1"}
    assert database.control().aliases == {"challenger": "r2", "other": "r1"}


def test_all_servers_get_the_same_secret(url):
    opened = [open_database(url) for _ in range(4)]
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda each=each: found.append(each.server_secret("console")))
        for each in opened
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1
    assert len(found[0]) == 32
    assert opened[0].server_secret("other") != found[0]
    for database in opened:
        database.close()
