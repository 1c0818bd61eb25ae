"""Follows the live row of the database: opens a new release beside the old one, then swaps."""

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from features.database.store import Database
from features.errors import DatabaseUnavailableError, ReleaseError
from features.release.read import Release, open_release
from features.settings import Settings
from serving.api_keys import KeyRing
from serving.database_access import DatabaseAccess
from serving.recent_activity import RecentActivity

logger = logging.getLogger("huitou.serving")
# A release that cannot be opened is read in full at each try, so it is not tried at every poll.
RETRY_SECONDS = 2.0
EARLIER_RELEASES = 10


class ReleaseWatcher:
    """The release and the keys that hold now; both survive a database that is gone.

    Attributes:
        release: what is served, or None before the first one could be opened.
        keys: who may call, or None while the database was never read.
    """

    def __init__(self, settings: Settings, database: DatabaseAccess, recent: RecentActivity) -> None:
        self.release: Release | None = None
        self.keys: KeyRing | None = None
        self._folder: Path = settings.releases
        self._poll_seconds = settings.serving.release_poll_ms / 1000
        self._database = database
        self._recent = recent
        self._wanted: str | None = None
        self._retry_at = 0.0
        self._stamps: dict[str, tuple[int, int]] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def serves_previous(self) -> bool:
        """Whether another release should be live, but cannot be opened."""
        return self.release is not None and self._wanted is not None and self.release.id != self._wanted

    async def start(self) -> None:
        """Read the database once, then keep reading it."""
        await self.poll()
        self._task = asyncio.create_task(self._watch(), name="release-watcher")

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def poll(self) -> None:
        """Learn what is live and which keys hold; open the live release if it is another one."""
        try:
            control = await self._database.probe(Database.control)
        except DatabaseUnavailableError:
            return
        self.keys = KeyRing(control.keys)
        served = self.release.id if self.release else None
        damaged = self.release is not None and await asyncio.to_thread(self._is_damaged, self.release.folder)
        if control.release_id is None or (control.release_id == served and not damaged):
            self._wanted = control.release_id
            return
        now = asyncio.get_running_loop().time()
        if control.release_id == self._wanted and now < self._retry_at:
            return
        try:
            # Until it is open, the old one is simply still the one to serve.
            self._serve(await asyncio.to_thread(open_release, self._folder / control.release_id))
            logger.info("serving release %s", control.release_id)
        except ReleaseError as error:
            if self.release is None or damaged:
                await self._open_earlier()
            if control.release_id != self._wanted:
                logger.error("%s Serving %s.", error.message, self.release.id if self.release else "nothing")
            self._retry_at = now + RETRY_SECONDS
        self._wanted = control.release_id

    async def _open_earlier(self) -> None:
        """After a restart on a broken release: the one that was live before it is better than nothing."""
        with suppress(DatabaseUnavailableError, ReleaseError):
            history = await self._database.probe(lambda database: database.live_history(EARLIER_RELEASES))
            names = [live.release_id for live in history]
            self._serve(await asyncio.to_thread(open_latest, self._folder, names))

    def _serve(self, release: Release) -> None:
        self.release = release
        self._stamps = _stamps(release.folder)

    def _is_damaged(self, folder: Path) -> bool:
        """Whether somebody wrote into the open release; files that are gone stay readable, being mapped."""
        now = _stamps(folder)
        return any(now.get(name, stamp) != stamp for name, stamp in self._stamps.items())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self.poll()
                await self._recent.tick()
            except Exception as error:
                # The watcher is how the service recovers; nothing may end it.
                logger.error("unexpected %s in the release watcher", type(error).__name__)


def open_latest(folder: Path, release_ids: Sequence[str], verify: bool = True) -> Release:
    """The first of the releases that can be opened.

    Args:
        folder: where releases lie.
        release_ids: latest first, at least one.
        verify: compare checksums.

    Raises:
        ReleaseError: of the first one, if none can be opened.
    """
    problems = []
    for release_id in dict.fromkeys(release_ids):
        try:
            return open_release(folder / release_id, verify)
        except ReleaseError as error:
            problems.append(error)
    raise problems[0]


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of each file."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        return {entry.name: (entry.stat().st_size, entry.stat().st_mtime_ns) for entry in entries}
