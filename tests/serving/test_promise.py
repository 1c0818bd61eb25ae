"""The promise: with Redis dead, hung or flushed, the database gone, or a release being swapped.

A question gets 200 and exactly `limit` products, `degraded` says what was missing, and it heals by itself.
"""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from features.cache.embedded_redis import EmbeddedRedis
from features.release.write import write_release
from tests.serving.conftest import ask, assert_full, contents, product_ids
from tests.support.waiting import wait_until

PLACEMENTS = ("home", "buy_again", "discover")


def degraded(client, **question):
    return ask(client, **question).json()["degraded"]


def ask_all(client, expected: str | None) -> None:
    for placement in PLACEMENTS:
        for customer in ("ada", "empty", "stranger"):
            assert_full(ask(client, customer_id=customer, placement=placement, limit=20), 20, expected)
    assert_full(ask(client, session_id="s", limit=20), 20, expected)
    # Trending reads neither row nor events, so it lacks nothing without Redis.
    without_cache = None if expected == "cache_unavailable" else expected
    assert_full(ask(client, placement="trending", limit=20), 20, without_cache)


def test_redis_killed(fragile_shop):
    with fragile_shop.client() as client:
        before = product_ids(ask(client))
        os.kill(fragile_shop.redis.pid, signal.SIGSTOP)  # so that the supervisor cannot restart it too soon
        killed = fragile_shop.redis.pid
        ask_all(client, "cache_unavailable")
        assert product_ids(ask(client)) == before
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: fragile_shop.redis.pid != killed)
        wait_until(lambda: degraded(client) is None)
        ask_all(client, None)
        assert 'huitou_fallbacks_total{missing="cache"}' in client.get("/metrics").text


def test_no_redis_from_the_start(fragile_shop):
    fragile_shop.redis.stop()
    later = EmbeddedRedis(Path(fragile_shop.redis.url.removeprefix("unix://")).parent)
    with fragile_shop.client() as client:
        ask_all(client, "cache_unavailable")
        later.start()
        try:
            wait_until(lambda: degraded(client) is None)
            ask_all(client, None)
        finally:
            later.stop()


def test_redis_hung(fragile_shop):
    with fragile_shop.client() as client:
        ask_all(client, None)
        os.kill(fragile_shop.redis.pid, signal.SIGSTOP)
        ask_all(client, "cache_unavailable")
        os.kill(fragile_shop.redis.pid, signal.SIGCONT)
        wait_until(lambda: degraded(client) is None)
        ask_all(client, None)


def test_redis_flushed_degrades_nothing(shop):
    with shop.client() as client:
        ask_all(client, None)
        shop.flush()
        ask_all(client, None)


def test_garbage_in_redis_is_read_past(shop):
    from redis import Redis

    from features.cache.keys import customer_subject, recent_key, row_key

    with shop.client() as client:
        before = product_ids(ask(client))
        release = client.app.state.services.watcher.release
        redis = Redis.from_url(shop.redis.url)
        for garbage in (b"x", b"\xff" * 14, b"[1]", b""):
            redis.set(row_key(release.id, "home", customer_subject("ada")), garbage or b"\xff" * 7)
            redis.set(recent_key(customer_subject("ada")), garbage)
            answer = ask(client)
            assert_full(answer, 20)
            assert product_ids(answer) == before


def test_an_event_sent_while_redis_hung_counts_after_it_came_back(fragile_shop):
    view = {"event_id": "e1", "type": "view", "occurred_at": "2018-01-02T12:00:00Z", "customer_id": "ada"}

    def recent(answer):
        return [p for p in answer.json()["products"] if p["source"] == "recent_activity"]

    with fragile_shop.client() as client:
        assert recent(ask(client)) == []  # "nothing recent" is in the cache now
        os.kill(fragile_shop.redis.pid, signal.SIGSTOP)
        sent = client.post("/v1/events", json={"events": [view | {"product_id": "p3"}]})
        assert sent.json()["results"][0]["status"] == "stored"
        assert recent(ask(client)), "read from the database"
        os.kill(fragile_shop.redis.pid, signal.SIGCONT)
        wait_until(lambda: degraded(client) is None)
        assert recent(ask(client)), "the old entry is gone from the cache"


def test_database_file_gone_and_back(shop):
    with shop.client() as client:
        before = product_ids(ask(client))
        away = shop.database_file.with_suffix(".away")
        shop.database_file.rename(away)
        wait_until(lambda: degraded(client) == "database_unavailable")
        ask_all(client, "database_unavailable")
        assert product_ids(ask(client)) == before
        sent = client.post(
            "/v1/events",
            json={
                "events": [
                    {
                        "event_id": "e1",
                        "type": "view",
                        "occurred_at": "2018-01-02T12:00:00Z",
                        "customer_id": "ada",
                    }
                ]
            },
        )
        assert (sent.status_code, sent.json()["code"]) == (503, "database_unavailable")
        assert not shop.database_file.exists()
        away.rename(shop.database_file)
        wait_until(lambda: degraded(client) is None)
        ask_all(client, None)


def test_database_locked_against_readers(shop):
    with shop.client(database={"timeout_ms": 50}) as client:
        other = sqlite3.connect(shop.database_file, isolation_level=None)
        with closing(other):
            # In this mode the lock keeps readers out too; it needs every other connection closed first.
            client.app.state.services.database.opened.close()
            other.execute("PRAGMA locking_mode=EXCLUSIVE")
            wait_until(lambda: _took_the_file(other))
            wait_until(lambda: degraded(client) == "database_unavailable")
            ask_all(client, "database_unavailable")
        wait_until(lambda: degraded(client) is None)
        ask_all(client, None)


def _took_the_file(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        return False
    return True


def test_both_gone_is_the_databases_name_and_still_full(fragile_shop):
    with fragile_shop.client() as client:
        os.kill(fragile_shop.redis.pid, signal.SIGSTOP)
        fragile_shop.database_file.unlink()
        wait_until(lambda: degraded(client) == "database_unavailable")
        ask_all(client, "database_unavailable")


def test_the_service_starts_without_database_and_finds_it_later(shop, tmp_path):
    away = shop.database_file.with_suffix(".away")
    shop.database_file.rename(away)
    shop.database_file.mkdir()  # in the way: it can neither be opened nor created
    with shop.client() as client:
        assert client.get("/readyz").status_code == 503
        assert ask(client).json()["code"] == "keys_unknown"
        shop.database_file.rmdir()
        away.rename(shop.database_file)
        wait_until(lambda: client.get("/readyz").status_code == 200)
        ask_all(client, None)


def served(client) -> str:
    return ask(client).json()["release_id"]


def test_a_new_release_is_swapped_in_and_an_older_one_back(shop):
    with shop.client() as client:
        first = served(client)
        before = product_ids(ask(client, limit=12))
        second = shop.publish(seed=2).id
        wait_until(lambda: served(client) == second)
        ask_all(client, None)
        assert product_ids(ask(client, limit=12)) != before
        shop.set_live(first)
        wait_until(lambda: served(client) == first)
        assert product_ids(ask(client, limit=12)) == before


@pytest.mark.parametrize("damage", ["missing", "truncated", "changed"])
def test_a_release_that_cannot_be_opened_keeps_the_one_before(shop, damage):
    with shop.client() as client:
        first = served(client)
        folder = write_release(shop.settings.releases, contents(2))
        away = shop.settings.workspace / "away"
        victim = folder / "trending.npy"
        original = victim.read_bytes()
        if damage == "missing":
            folder.rename(away)
        else:
            shorter, changed = original[:-1], original[:-1] + bytes([original[-1] ^ 1])
            victim.write_bytes(shorter if damage == "truncated" else changed)
        shop.set_live(folder.name)
        wait_until(lambda: degraded(client) == "previous_release")
        ask_all(client, "previous_release")
        assert served(client) == first
        if damage == "missing":
            away.rename(folder)
        else:
            victim.write_bytes(original)
        wait_until(lambda: served(client) == folder.name)
        ask_all(client, None)


def test_a_restart_and_a_flush_keep_the_live_release(shop):
    with shop.client() as client:
        live = served(client)
    shop.flush()
    with shop.client() as client:
        assert served(client) == live
        ask_all(client, None)


def test_a_restart_on_a_broken_release_serves_the_one_before(shop):
    first = shop.publish(seed=1).id
    second = shop.publish(seed=2)
    (second.folder / "trending.npy").write_bytes(b"broken")
    with shop.client() as client:
        ask_all(client, "previous_release")
        assert served(client) == first
        shop.publish(seed=3)
        wait_until(lambda: degraded(client) is None)


def test_a_release_that_is_written_into_gives_way_to_the_one_before_and_comes_back(shop):
    first = shop.publish(seed=1).id
    second = shop.publish(seed=2)
    victim = second.folder / "rows_home.npy"
    original = victim.read_bytes()
    with shop.client() as client:
        wait_until(lambda: served(client) == second.id)
        victim.write_bytes(original[:-8] + b"damaged!")
        wait_until(lambda: served(client) == first)
        ask_all(client, "previous_release")
        victim.write_bytes(original)
        wait_until(lambda: served(client) == second.id)
        ask_all(client, None)
