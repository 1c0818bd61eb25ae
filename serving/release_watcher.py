"""Follows the database: the live release, opened beside the old one and then swapped; keys; experiments."""

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

from features.database.records import Control
from features.database.store import Database
from features.errors import DatabaseUnavailableError, ReleaseError
from features.release.read import Release
from features.settings import Settings
from serving.api_keys import KeyRing
from serving.database_access import DatabaseAccess
from serving.opened_release import RETRY_SECONDS, NamedReleases, OpenedRelease, open_latest
from serving.recent_activity import RecentActivity
from serving.running_designs import RunningDesigns

logger = logging.getLogger("huitou.serving")
EARLIER_RELEASES = 10


class ReleaseWatcher:
    """The releases, keys and experiments that hold now; they survive a database that is gone.

    Attributes:
        keys: who may call, or None while the database was never read.
        running: the running experiments.
        named: the releases that they name.
    """

    def __init__(self, settings: Settings, database: DatabaseAccess, recent: RecentActivity) -> None:
        self.keys: KeyRing | None = None
        self.running = RunningDesigns((), settings.experiments)
        self.named = NamedReleases(settings.releases)
        self._opened: OpenedRelease | None = None
        self._folder: Path = settings.releases
        self._poll_seconds = settings.serving.release_poll_ms / 1000
        self._database = database
        self._recent = recent
        self._wanted: str | None = None
        self._retry_at = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def release(self) -> Release | None:
        """What is served, or None before the first release could be opened."""
        return self._opened.release if self._opened else None

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
        """Learn what is live, which keys hold and what runs; open the releases that this asks for."""
        try:
            control = await self._database.probe(Database.control)
        except DatabaseUnavailableError:
            return
        self.keys = KeyRing(control.keys)
        await self._follow_live(control)
        # Before the designs: an experiment that begins finds its releases open.
        running = self.running.followed_by(control.experiments)
        ids = {alias: control.aliases[alias] for alias in running.aliases if alias in control.aliases}
        await self.named.follow(ids, self.release.id if self.release else None)
        self.running = running

    async def _follow_live(self, control: Control) -> None:
        opened = self._opened
        damaged = opened is not None and await asyncio.to_thread(opened.is_damaged)
        served = opened.release.id if opened else None
        if control.release_id is None or (control.release_id == served and not damaged):
            self._wanted = control.release_id
            return
        now = asyncio.get_running_loop().time()
        if control.release_id == self._wanted and now < self._retry_at:
            return
        try:
            # Until it is open, the old one is simply still the one to serve.
            self._opened = await asyncio.to_thread(OpenedRelease.open, self._folder / control.release_id)
            logger.info("serving release %s", control.release_id)
        except ReleaseError as error:
            if opened is None or damaged:
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
            self._opened = await asyncio.to_thread(_open_one_of, self._folder, names)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self.poll()
                await self._recent.tick()
            except Exception as error:
                # The watcher is how the service recovers; nothing may end it.
                logger.error("unexpected %s in the release watcher", type(error).__name__)


def _open_one_of(folder: Path, release_ids: list[str]) -> OpenedRelease:
    return OpenedRelease.of(open_latest(folder, release_ids))
