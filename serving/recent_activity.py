"""What a customer or session did last: read from the cache, else from the database."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from features.cache.redis_cache import Cache
from features.database.records import RecentEvent
from features.errors import CacheUnavailableError
from features.settings import ServingSettings
from serving.database_access import DatabaseAccess

INTEREST = ("view", "click", "cart_add")
# Longer than any answer may take, so no reader that began before a commit can still write what it saw.
SECOND_FORGET_AFTER_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Recent:
    """Product ids.

    Attributes:
        seen: viewed, clicked or put into the cart, latest first.
        bought: purchased and not returned since; no longer worth recommending.
    """

    seen: tuple[str, ...] = ()
    bought: frozenset[str] = frozenset()


def summarise(events: Iterable[RecentEvent]) -> Recent:
    """What the last events (latest first) say."""
    seen: dict[str, None] = {}
    settled: dict[str, bool] = {}
    for event in events:
        if event.type in INTEREST:
            seen.setdefault(event.product_id)
        elif event.type in ("purchase", "return"):
            settled.setdefault(event.product_id, event.type == "purchase")
    bought = frozenset(product for product, kept in settled.items() if kept)
    return Recent(tuple(product for product in seen if product not in bought), bought)


def pack_recent(recent: Recent) -> bytes:
    """The form that is cached; product ids, because it outlives a release."""
    return orjson.dumps([recent.seen, sorted(recent.bought)])


def unpack_recent(value: bytes) -> Recent | None:
    """The cached form read back, or None if the value is not one of ours."""
    try:
        seen, bought = orjson.loads(value)
        return Recent(tuple(seen), frozenset(bought))
    except (ValueError, TypeError):
        return None


class RecentActivity:
    """Reads recent events, and drops what the cache holds of them when new ones are committed.

    Args:
        cache: asked first, by the caller, together with the packed row.
        database: asked on a miss.
        clock: what "recent" is counted from.
        settings: how many events, and for how long.
    """

    def __init__(
        self,
        cache: Cache,
        database: DatabaseAccess,
        clock: Callable[[], datetime],
        settings: ServingSettings,
    ) -> None:
        self._cache = cache
        self._database = database
        self._clock = clock
        self._limit = settings.recent_events
        self._window = timedelta(days=settings.recent_within_days)
        self._forget_again: dict[str, float] = {}

    async def read(self, subject: str) -> Recent:
        """From the database.

        Raises:
            DatabaseUnavailableError: it did not answer in time.
        """
        since = self._clock() - self._window
        events = await self._database.read(
            lambda database: database.recent_events(subject, self._limit, since)
        )
        return summarise(events)

    async def refill(self, subject: str, recent: Recent) -> None:
        """Cache what the database said, also when it said nothing: most customers did nothing lately."""
        if subject in self._forget_again:
            return
        await self._cache.write_recent(subject, pack_recent(recent))

    async def forget(self, subjects: Iterable[str]) -> None:
        """Drop cached events of subjects whose new events were just committed.

        They are dropped once more a little later: a reader that asked the database before the commit may put
        its older answer into the cache after the first drop.
        """
        names = tuple(subjects)
        due = asyncio.get_running_loop().time() + SECOND_FORGET_AFTER_SECONDS
        self._forget_again.update(dict.fromkeys(names, due))
        await self._cache.forget_recent(names)

    async def tick(self) -> None:
        """Do the second drops that are due."""
        now = asyncio.get_running_loop().time()
        due = [name for name, at in self._forget_again.items() if at <= now]
        for name in due:
            del self._forget_again[name]
        if due:
            try:
                await self._cache.forget_recent(due)
            except CacheUnavailableError:
                return  # without a cache there is nothing to drop
