"""Wait for a condition instead of for a time."""

import asyncio
import threading
from collections.abc import Callable

LIMIT_SECONDS = 20.0


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds.

    Raises:
        TimeoutError: it never did.
    """
    pause = threading.Event()
    for _ in range(int(LIMIT_SECONDS / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    raise TimeoutError("the awaited condition never held")


async def until(condition: Callable[[], bool]) -> None:
    """`wait_until` for coroutines."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)
