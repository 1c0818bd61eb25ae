"""The database as pages read it: in a thread, longer than a recommendation may wait, never forever."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from features.database.store import Database
from features.errors import DatabaseUnavailableError
from serving.database_access import DatabaseAccess
from serving.problems import ProblemError

T = TypeVar("T")
SECONDS = 5.0


async def read(access: DatabaseAccess, call: Callable[[Database], T]) -> T:
    """Read for a page; a slow page says nothing about the database to the request path.

    Raises:
        ProblemError: 503, the database does not answer.
    """
    try:
        async with asyncio.timeout(SECONDS):
            return await asyncio.to_thread(lambda: call(access.opened))
    except (DatabaseUnavailableError, TimeoutError):
        raise ProblemError(
            503, "database_unavailable", "The database did not answer.", headers={"Retry-After": "1"}
        ) from None
