"""Publishing: rows first and checked, then the live row; the older at once; failures change nothing."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from features.cache.keys import customer_subject, row_key
from features.cache.publish import publish
from features.database.store import open_database
from features.errors import CacheUnavailableError, ReleaseError
from features.release.read import open_release
from features.release.write import write_release
from tests.support.redis_server import redis_server
from tests.support.releases import CUSTOMERS, small_contents

NOON = datetime(2018, 1, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def server():
    with redis_server() as running:
        yield running


@pytest.fixture
def redis(server):
    client = Redis.from_url(server.url)
    client.config_set("maxmemory", "0")
    client.flushall()
    return client


@pytest.fixture
def database(tmp_path):
    with open_database(f"sqlite:///{tmp_path}/huitou.db") as opened:
        yield opened


@pytest.fixture
def first(tmp_path):
    return open_release(write_release(tmp_path / "releases", small_contents(seed=1)))


@pytest.fixture
def second(tmp_path):
    return open_release(write_release(tmp_path / "releases", small_contents(seed=2)))


@pytest.fixture
def cache_settings(settings_for, tmp_path):
    return settings_for(tmp_path).cache


def test_every_row_of_who_agreed_is_in_redis(server, redis, database, first, cache_settings):
    report = publish(first, server.url, cache_settings, database, NOON)
    assert database.live_release() == first.id == report.release_id
    agreed = [customer for customer in CUSTOMERS if customer != "no-consent"]
    assert report.rows_loaded == redis.dbsize() == 3 * len(agreed)
    for customer in agreed:
        for placement in ("home", "buy_again", "discover"):
            key = row_key(first.id, placement, customer_subject(customer))
            assert redis.get(key) == first.row(placement, first.customer_index(customer))
            assert redis.ttl(key) > 0


def test_an_older_release_is_live_at_once_and_fills_on_first_read(
    server, redis, database, first, second, cache_settings
):
    publish(first, server.url, cache_settings, database, NOON)
    publish(second, server.url, cache_settings, database, NOON)
    redis.flushall()
    report = publish(first, server.url, cache_settings, database, NOON)
    assert (report.cache, redis.dbsize()) == ("fills on first read", 0)
    assert database.live_release() == first.id


def test_an_alias_loads_rows_and_leaves_live_what_is(server, redis, database, first, second, cache_settings):
    publish(first, server.url, cache_settings, database, NOON)
    redis.flushall()
    report = publish(second, server.url, cache_settings, database, NOON, alias="challenger")
    assert (report.alias, report.release_id, report.cache) == ("challenger", second.id, "loaded")
    assert redis.dbsize() == report.rows_loaded > 0
    assert (database.live_release(), database.aliases()) == (first.id, {"challenger": second.id})
    with pytest.raises(CacheUnavailableError):
        publish(first, "redis://127.0.0.1:1", cache_settings, database, NOON, alias="champion")
    publish(first, None, cache_settings, database, NOON, alias="challenger")
    assert database.aliases() == {"challenger": first.id}


def test_without_a_running_redis_rows_fill_on_first_read(database, first, cache_settings):
    report = publish(first, None, cache_settings, database, NOON)
    assert (report.cache, database.live_release()) == ("fills on first read", first.id)


def test_a_redis_that_fails_leaves_the_live_release(server, redis, database, first, second, cache_settings):
    publish(first, server.url, cache_settings, database, NOON)
    with pytest.raises(CacheUnavailableError, match="live release is unchanged"):
        publish(second, "redis://127.0.0.1:1", cache_settings, database, NOON)
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", "1")
    with pytest.raises(CacheUnavailableError):
        publish(second, server.url, cache_settings, database, NOON)
    assert database.live_release() == first.id


def test_rows_that_redis_does_not_hold_are_noticed(server, redis, database, first, cache_settings):
    # Room for a few rows only, and only rows may go: Redis evicts one to take the next, and says OK.
    redis.config_set("maxmemory-policy", "volatile-lru")
    redis.set("filler", b"x" * 100_000)
    redis.config_set("maxmemory", str(redis.info("memory")["used_memory"] + 50_000))
    with suppress(ResponseError):
        for place in range(5000):
            redis.set(f"filler {place}", b"x" * 20)
    redis.delete("filler 1", "filler 2")
    with pytest.raises((ReleaseError, CacheUnavailableError)):
        publish(first, server.url, cache_settings, database, NOON)
    assert database.live_release() is None
