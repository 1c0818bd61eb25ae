"""Reads and writes of the serving path: one MGET a request, a strict time budget, and a circuit breaker.

Everything in Redis may vanish at any moment, so every method either answers within its budget or raises
CacheUnavailableError; callers then read the release or the database. After a few failures in a row the
breaker opens and calls fail at once, while a background task asks Redis whether it is back.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from features.cache.keys import recent_key, row_key
from features.errors import CacheUnavailableError
from features.settings import CacheSettings

# Subjects whose cached events must go once Redis is back. Beyond this many the entries' short life has to do.
PENDING_LIMIT = 100_000


class Cache(Protocol):
    """What serving needs of a cache. Every coroutine may raise CacheUnavailableError."""

    @property
    def available(self) -> bool:
        """Whether the cache answered lately."""
        ...

    async def start(self) -> None:
        """Begin to watch over the connection."""
        ...

    async def close(self) -> None:
        """Stop and release every connection."""
        ...

    async def read(
        self, release_id: str, placement: str | None, subject: str | None
    ) -> tuple[bytes | None, bytes | None]:
        """(packed row, recent events) of a subject; None where nothing is cached."""
        ...

    async def write_row(self, release_id: str, placement: str, subject: str, row: bytes) -> None:
        """Keep a packed row."""
        ...

    async def write_recent(self, subject: str, value: bytes) -> None:
        """Keep the recent events of a subject, opaque to the cache."""
        ...

    async def forget_recent(self, subjects: Iterable[str]) -> None:
        """Drop the recent events of subjects; never raises, what fails is done once the cache is back."""
        ...


class RedisCache:
    """The cache in Redis.

    Args:
        url: redis://, rediss:// or unix:// address.
        settings: budgets, pool bound and lifetimes.
    """

    def __init__(self, url: str, settings: CacheSettings) -> None:
        self._settings = settings
        self._budget_seconds = settings.timeout_ms / 1000
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=settings.pool_size,
            timeout=self._budget_seconds,
            # One budget around the whole call is cheaper and tighter than one per step.
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
            protocol=2,  # no HELLO round trip on connecting
        )
        self._redis = Redis.from_pool(pool)
        self._failures = 0
        self._open = False
        self._pending: dict[str, None] = {}
        self._probe_task: asyncio.Task[None] | None = None

    @property
    def available(self) -> bool:
        """Whether the breaker is closed."""
        return not self._open

    async def start(self) -> None:
        """Begin to watch over the connection, and learn at once whether Redis is there."""
        with suppress(CacheUnavailableError):
            async with self._call():
                await self._redis.ping()
        self._probe_task = asyncio.create_task(self._probe(), name="cache-probe")

    async def close(self) -> None:
        """Stop the watch and close every connection."""
        if self._probe_task is not None:
            self._probe_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._probe_task
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(self._budget_seconds):
                await self._redis.aclose()

    async def read(
        self, release_id: str, placement: str | None, subject: str | None
    ) -> tuple[bytes | None, bytes | None]:
        """(packed row, recent events) in one MGET; a missing placement or subject reads nothing."""
        if subject is None:
            return None, None
        keys = [recent_key(subject)]
        if placement is not None:
            keys.append(row_key(release_id, placement, subject))
        async with self._call():
            values: list[Any] = await self._redis.mget(keys)
        return (values[1] if placement is not None else None), values[0]

    async def write_row(self, release_id: str, placement: str, subject: str, row: bytes) -> None:
        """Keep a packed row for about `row_ttl_seconds`."""
        async with self._call():
            await self._redis.set(
                row_key(release_id, placement, subject), row, ex=jittered(self._settings.row_ttl_seconds)
            )

    async def write_recent(self, subject: str, value: bytes) -> None:
        """Keep recent events for about `recent_ttl_seconds`."""
        async with self._call():
            await self._redis.set(recent_key(subject), value, ex=jittered(self._settings.recent_ttl_seconds))

    async def forget_recent(self, subjects: Iterable[str]) -> None:
        """Drop recent events; what cannot be dropped now is dropped before the breaker closes again."""
        names = list(subjects)
        if not names:
            return
        try:
            async with self._call():
                await self._redis.delete(*map(recent_key, names))
        except CacheUnavailableError:
            self._pending.update(dict.fromkeys(names))
            while len(self._pending) > PENDING_LIMIT:
                del self._pending[next(iter(self._pending))]

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        if self._open:
            raise CacheUnavailableError("Redis is not answering.", "It is asked again in the background.")
        try:
            async with asyncio.timeout(self._budget_seconds):
                yield
        except (RedisError, OSError, TimeoutError) as error:
            self._failures += 1
            self._open = self._open or self._failures >= self._settings.breaker_failures
            raise CacheUnavailableError(
                f"Redis failed: {type(error).__name__}.", "The answer comes without it."
            ) from error
        self._failures = 0

    async def _probe(self) -> None:
        while True:
            await asyncio.sleep(self._settings.breaker_probe_ms / 1000)
            if not (self._open or self._pending):
                continue
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(self._budget_seconds):
                    await self._redis.ping()
                    await self._forget_pending()
                self._failures = 0
                self._open = False

    async def _forget_pending(self) -> None:
        while self._pending:
            names = list(self._pending)[:1000]
            await self._redis.delete(*map(recent_key, names))
            for name in names:
                self._pending.pop(name, None)


class NullCache:
    """No cache at all: everything is read from the release and the database."""

    available = False

    async def start(self) -> None:
        """Nothing to start."""

    async def close(self) -> None:
        """Nothing to close."""

    async def read(self, *_: Any) -> tuple[bytes | None, bytes | None]:
        """Never answers."""
        raise CacheUnavailableError("There is no cache.", "Set REDIS_URL.")

    async def write_row(self, *_: Any) -> None:
        """Never answers."""
        raise CacheUnavailableError("There is no cache.", "Set REDIS_URL.")

    async def write_recent(self, *_: Any) -> None:
        """Never answers."""
        raise CacheUnavailableError("There is no cache.", "Set REDIS_URL.")

    async def forget_recent(self, *_: Any) -> None:
        """Nothing to forget."""


def jittered(ttl_seconds: int) -> int:
    """A lifetime within a tenth of the asked one, so that entries written together do not expire together."""
    return max(1, round(ttl_seconds * random.uniform(0.9, 1.1)))  # noqa: S311 — not a secret
