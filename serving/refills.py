"""Writes back to the cache; no answer waits for them to the end."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from features.errors import CacheUnavailableError

# After a flush every request refills; beyond this many at once the next request may as well do it.
AT_ONCE = 256
# What an answer may spend on a write whose order matters; longer than a healthy Redis takes.
SOON_SECONDS = 0.02


class Refills:
    """Background writes, bounded in number."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, write: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        """Begin a write, or drop it when too many are under way."""
        if len(self._tasks) >= AT_ONCE:
            write.close()
            return None
        task = asyncio.create_task(_quietly(write))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def soon(self, write: Coroutine[Any, Any, None]) -> None:
        """Begin a write and give it a moment, so that what the client does next comes after it."""
        task = self.start(write)
        if task is not None:
            await asyncio.wait({task}, timeout=SOON_SECONDS)

    async def finish(self) -> None:
        """Wait for the writes under way; each ends within the cache's budget."""
        await asyncio.gather(*self._tasks)


async def _quietly(write: Coroutine[Any, Any, None]) -> None:
    with suppress(CacheUnavailableError):
        await write
