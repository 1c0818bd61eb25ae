"""A release as it was opened, so that somebody's writing into it is noticed; and more than one of them."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from features.errors import ReleaseError
from features.release.read import Release, open_release

logger = logging.getLogger("huitou.serving")
# A release that cannot be opened is read in full at each try, so it is not tried at every poll.
RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class OpenedRelease:
    """A release with the stamps (size and time of change) that its files had when it was opened."""

    release: Release
    stamps: Mapping[str, tuple[int, int]]

    @classmethod
    def open(cls, folder: Path) -> "OpenedRelease":
        """Open and verify a release folder.

        Raises:
            ReleaseError: it cannot be opened.
        """
        return cls.of(open_release(folder))

    @classmethod
    def of(cls, release: Release) -> "OpenedRelease":
        """A release that was opened just now."""
        return cls(release, _stamps(release.folder))

    def is_damaged(self) -> bool:
        """Whether somebody wrote into it; files that are gone stay readable, being mapped."""
        now = _stamps(self.release.folder)
        return any(now.get(name, stamp) != stamp for name, stamp in self.stamps.items())


class NamedReleases:
    """The releases that running experiments name by an alias, open beside the live one.

    Args:
        folder: where releases lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ids: Mapping[str, str] = {}
        self._opened: dict[str, OpenedRelease] = {}
        self._retry_at: dict[str, float] = {}

    def get(self, alias: str, live: Release) -> Release | None:
        """The release of an alias, or None if it cannot be served now."""
        release_id = self._ids.get(alias)
        if release_id == live.id:
            return live
        opened = self._opened.get(release_id or "")
        return opened.release if opened else None

    async def follow(self, ids: Mapping[str, str], live_id: str | None) -> None:
        """Open what is named now, and let go of what no longer is.

        Args:
            ids: release id of each alias that a running experiment names.
            live_id: the live release, which is open already.
        """
        self._ids = dict(ids)
        wanted = set(ids.values()) - {live_id}
        self._opened = {name: opened for name, opened in self._opened.items() if name in wanted}
        self._retry_at = {name: at for name, at in self._retry_at.items() if name in wanted}
        for name, opened in list(self._opened.items()):
            if await asyncio.to_thread(opened.is_damaged):
                del self._opened[name]
        for name in sorted(wanted - set(self._opened)):
            await self._open(name)

    async def _open(self, release_id: str) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._retry_at.get(release_id, now):
            return
        try:
            self._opened[release_id] = await asyncio.to_thread(OpenedRelease.open, self._folder / release_id)
            logger.info("serving release %s to experiments", release_id)
        except ReleaseError as error:
            if release_id not in self._retry_at:
                logger.error("%s Experiments that name it serve everyone as without them.", error.message)
            self._retry_at[release_id] = now + RETRY_SECONDS


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
