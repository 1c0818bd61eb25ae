"""Make a release live, or name it: load its rows into Redis, check them, then say so in the database."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from features.cache.keys import customer_subject, row_key
from features.cache.redis_cache import jittered
from features.database.store import Database
from features.errors import CacheUnavailableError, ReleaseError
from features.release.read import Release
from features.settings import CacheSettings

BATCH_ROWS = 2000
SAMPLE_CUSTOMERS = 200
LOAD_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class PublishReport:
    """What publishing did.

    Attributes:
        release_id: the release that is live now, or has the alias.
        alias: the alias it was given instead of being set live.
        customers: customers with rows in it.
        rows_loaded: rows written to Redis; 0 when they fill on first read.
        cache: `loaded`, or `fills on first read` (an older release, or no Redis running).
        seconds: how long it took.
    """

    release_id: str
    alias: str | None
    customers: int
    rows_loaded: int
    cache: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def publish(
    release: Release,
    redis_url: str | None,
    settings: CacheSettings,
    database: Database,
    at: datetime,
    *,
    alias: str | None = None,
) -> PublishReport:
    """Make a verified release live, or give it an alias by which experiments serve it.

    A new release is loaded into Redis first, so that nobody waits for it. One that was live before is set
    live at once, because publishing it back is how a bad release is undone; its rows fill on first read.

    Args:
        release: an opened release.
        redis_url: address of Redis, or None where none is running.
        settings: lifetimes of rows.
        database: holds which release is live.
        at: the instant to record.
        alias: a name to give it; what is live stays so then.

    Raises:
        CacheUnavailableError: Redis failed while loading; neither live release nor alias is changed then.
        ReleaseError: Redis does not hold what was written.
    """
    started = time.perf_counter()
    loaded = 0
    was_live = {earlier.release_id for earlier in database.live_history()}
    if redis_url is not None and (alias is not None or release.id not in was_live):
        client = Redis.from_url(
            redis_url,
            protocol=2,
            socket_timeout=LOAD_TIMEOUT_SECONDS,
            socket_connect_timeout=LOAD_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            loaded = _load(client, release, settings)
            _verify(client, release)
        except RedisError as error:
            raise CacheUnavailableError(
                f"Redis failed while loading release {release.id}: {error}.",
                "The live release is unchanged. Start Redis and publish again.",
            ) from error
        finally:
            client.close()
    if alias is None:
        database.set_live(release.id, at)
    else:
        database.set_alias(alias, release.id, at)
    return PublishReport(
        release_id=release.id,
        alias=alias,
        customers=release.manifest.customers,
        rows_loaded=loaded,
        cache="loaded" if loaded else "fills on first read",
        seconds=round(time.perf_counter() - started, 3),
    )


def _rows(release: Release) -> Iterator[tuple[bytes, bytes]]:
    for customer, customer_id in enumerate(release.customer_ids):
        if release.personalization_allowed(customer):
            subject = customer_subject(customer_id)
            for placement in release.manifest.placements:
                yield row_key(release.id, placement, subject), release.row(placement, customer)


def _load(client: Redis, release: Release, settings: CacheSettings) -> int:
    loaded = 0
    for batch in batched_rows(_rows(release)):
        pipeline = client.pipeline(transaction=False)
        for key, row in batch:
            pipeline.set(key, row, ex=jittered(settings.row_ttl_seconds))
        replies = pipeline.execute()
        if not all(replies):
            raise ReleaseError(f"Redis refused a row of release {release.id}.", "Publish it again.")
        loaded += len(replies)
    return loaded


def batched_rows(rows: Iterator[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    """Rows in lists of at most BATCH_ROWS."""
    batch: list[tuple[bytes, bytes]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _verify(client: Redis, release: Release) -> None:
    customers = release.manifest.customers
    picked = np.linspace(0, customers - 1, min(customers, SAMPLE_CUSTOMERS)).astype(int)
    for customer in picked:
        if not release.personalization_allowed(int(customer)):
            continue
        subject = customer_subject(str(release.customer_ids[int(customer)]))
        for placement in release.manifest.placements:
            if client.get(row_key(release.id, placement, subject)) != release.row(placement, int(customer)):
                raise ReleaseError(
                    f"Redis does not hold the {placement} row of release {release.id} as it was written.",
                    "Check that Redis has enough memory, then publish again.",
                )
