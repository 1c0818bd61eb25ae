"""The cache of the serving path against a real Redis that is killed, stopped and flushed."""

import asyncio
import os
import signal
from contextlib import suppress

import pytest
from redis import Redis

from features.cache.keys import customer_subject
from features.cache.redis_cache import NullCache, RedisCache
from features.errors import CacheUnavailableError
from features.settings import load_settings
from tests.support.redis_server import redis_server
from tests.support.waiting import until

ADA = customer_subject("ada")


def settings(**changes):
    return load_settings(overrides={"cache": {"timeout_ms": 200, "breaker_probe_ms": 20, **changes}}).cache


@pytest.fixture(scope="module")
def server():
    with redis_server() as running:
        yield running


def run(server, scenario, **changes):
    async def main():
        cache = RedisCache(server.url, settings(**changes))
        await cache.start()
        try:
            await scenario(cache)
        finally:
            await cache.close()

    Redis.from_url(server.url).flushall()
    asyncio.run(main())


def test_rows_and_recent_events_come_back_in_one_read(server):
    async def scenario(cache):
        assert await cache.read("r1", "home", ADA) == (None, None)
        await cache.write_row("r1", "home", ADA, b"row")
        await cache.write_recent(ADA, b"recent")
        assert await cache.read("r1", "home", ADA) == (b"row", b"recent")
        assert await cache.read("r2", "home", ADA) == (None, b"recent"), "a row belongs to its release"
        assert await cache.read("r1", None, ADA) == (None, b"recent")
        assert await cache.read("r1", "home", None) == (None, None)
        await cache.forget_recent([ADA])
        assert await cache.read("r1", "home", ADA) == (b"row", None)

    run(server, scenario)


def test_everything_expires(server):
    async def scenario(cache):
        await cache.write_row("r1", "home", ADA, b"row")
        await cache.write_recent(ADA, b"recent")

    run(server, scenario)
    redis = Redis.from_url(server.url)
    lifetimes = [redis.ttl(key) for key in redis.scan_iter()]
    assert len(lifetimes) == 2
    assert all(lifetime > 0 for lifetime in lifetimes)


def test_a_hung_redis_opens_the_breaker_and_closes_it_when_back(server):
    async def scenario(cache):
        await cache.write_recent(ADA, b"stale")
        os.kill(server.pid, signal.SIGSTOP)
        try:
            for _ in range(3):
                with pytest.raises(CacheUnavailableError):
                    await cache.read("r1", "home", ADA)
            assert not cache.available
            await cache.forget_recent([ADA])
        finally:
            os.kill(server.pid, signal.SIGCONT)
        await until(lambda: cache.available)
        assert await cache.read("r1", "home", ADA) == (None, None), (
            "what was to be forgotten is forgotten first"
        )

    run(server, scenario, timeout_ms=50, breaker_failures=3)


def test_a_killed_redis_is_restarted_and_used_again(server):
    async def scenario(cache):
        killed = server.pid
        os.kill(killed, signal.SIGKILL)
        while cache.available:
            with suppress(CacheUnavailableError):
                await cache.read("r1", "home", ADA)
        await until(lambda: server.pid != killed)
        await until(lambda: cache.available)
        await cache.write_row("r1", "home", ADA, b"row")
        assert (await cache.read("r1", "home", ADA))[0] == b"row"

    run(server, scenario, breaker_failures=1)


def test_more_callers_than_connections_wait_for_one_another(server):
    async def scenario(cache):
        await cache.write_row("r1", "home", ADA, b"row")
        answers = await asyncio.gather(*(cache.read("r1", "home", ADA) for _ in range(200)))
        assert {row for row, _ in answers} == {b"row"}

    run(server, scenario, pool_size=4, timeout_ms=5000)


def test_without_redis_every_call_fails_at_once():
    async def scenario():
        cache = RedisCache("unix:///nowhere/redis.sock", settings(breaker_failures=1))
        await cache.start()
        assert not cache.available
        await cache.forget_recent([ADA])
        await cache.close()
        for broken in (cache, NullCache()):
            with pytest.raises(CacheUnavailableError):
                await broken.read("r1", "home", ADA)

    asyncio.run(scenario())
