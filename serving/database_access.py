"""The database seen from the event loop: bounded in time, in threads of its own, skipped while it is out."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from features.database.store import Database, open_database
from features.errors import DatabaseUnavailableError
from features.settings import Settings

logger = logging.getLogger("huitou.serving")
T = TypeVar("T")
THREADS = 4
FAILURES_IN_A_ROW = 3
PROBE_SECONDS = 1.0
# Opening may have to migrate, and nothing can be answered before.
OPENING_SECONDS = 5.0


class DatabaseAccess:
    """Reads of the request path, and the probes of the release watcher that say whether it is back.

    A thread that hangs in the driver cannot be stopped, only no longer waited for; with all threads hanging,
    probes fail too, so nothing is sent until one comes back.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = settings.database_url
        self._settings = settings.database
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="database")
        self._database: Database | None = None
        self._failures = 0
        self._available = False

    @property
    def available(self) -> bool:
        """Whether it answered lately."""
        return self._available

    @property
    def opened(self) -> Database:
        """The database itself, for a thread that may wait.

        Raises:
            DatabaseUnavailableError: it could never be opened so far.
        """
        if self._database is None:
            raise DatabaseUnavailableError("The database is not open yet.", "It is tried again.")
        return self._database

    async def read(self, call: Callable[[Database], T]) -> T:
        """Read on the request path, within `database.timeout_ms`.

        Raises:
            DatabaseUnavailableError: it failed, took too long, or is known to be out.
        """
        if not self._available:
            raise DatabaseUnavailableError("The database is not answering.", "It is asked again.")
        try:
            result = await self._within(self._settings.timeout_ms / 1000, lambda: call(self.opened))
        except DatabaseUnavailableError:
            self._failures += 1
            if self._failures >= FAILURES_IN_A_ROW:
                self._say(False)
            raise
        self._failures = 0
        return result

    async def probe(self, call: Callable[[Database], T]) -> T:
        """Read in the background, opening the database if need be; decides whether it is available.

        Raises:
            DatabaseUnavailableError: it failed or took too long.
        """
        seconds = OPENING_SECONDS if self._database is None else PROBE_SECONDS
        try:
            result = await self._within(seconds, lambda: call(self._open()))
        except DatabaseUnavailableError:
            self._say(False)
            raise
        self._failures = 0
        self._say(True)
        return result

    def close(self) -> None:
        """Close connections; threads that hang are left behind."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._database is not None:
            self._database.close()

    def _open(self) -> Database:
        if self._database is None:
            self._database = open_database(
                self._url, self._settings.timeout_ms, self._settings.write_timeout_ms
            )
        return self._database

    async def _within(self, seconds: float, call: Callable[[], T]) -> T:
        future = asyncio.get_running_loop().run_in_executor(self._threads, call)
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            raise DatabaseUnavailableError("The database took too long.", "It is asked again.") from None

    def _say(self, available: bool) -> None:
        if available != self._available:
            level = logging.INFO if available else logging.WARNING
            logger.log(level, "the database is %s", "answering" if available else "not answering")
        self._available = available
