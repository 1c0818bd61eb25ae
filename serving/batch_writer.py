"""A bounded queue and one thread that commits what waits in it, many at once."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from features.errors import DatabaseUnavailableError
from serving.problems import ProblemError

logger = logging.getLogger("huitou.serving")
# Larger groups do not commit faster, they only keep the first item waiting.
GROUP_ITEMS = 2000
RETRY_SECONDS = 0.25
DRAIN_SECONDS = 5.0
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, eq=False)
class _Job(Generic[Item, Result]):
    """Items of one caller; `results` is None where nobody waits for them."""

    items: Sequence[Item]
    results: "Future[list[Result]] | None"


class BatchWriter(Generic[Item, Result]):
    """Two ways in: `write` waits for the commit and hears of its failure, `offer` leaves items behind.

    What was left behind is tried again until it is committed, so it survives a database that is away for a
    while, though not the end of this process.

    Args:
        what: the items, in words, such as `events`.
        store: commits items, in a thread of its own; returns a result for each.
        queue_items: how many may wait at most.
        timeout_ms: how long `write` waits for the commit.
        group_items: how many are committed at once, unless one caller brings more.
    """

    def __init__(
        self,
        what: str,
        store: Callable[[Sequence[Item]], list[Result]],
        queue_items: int,
        timeout_ms: int = 0,
        group_items: int = GROUP_ITEMS,
    ) -> None:
        self._what = what
        self._store = store
        self._queue_items = queue_items
        self._timeout_seconds = timeout_ms / 1000
        self._group_items = group_items
        self._jobs: deque[_Job[Item, Result]] = deque()
        self._waiting = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._give_up_at = float("inf")
        # A daemon: a thread that hangs in the driver must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"{what}-writer", daemon=True)

    @property
    def waiting(self) -> int:
        """Items that wait for the database."""
        return self._waiting

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more items, commit what waits, and end. Blocks for a bounded time."""
        with self._changed:
            self._stopping = True
            self._give_up_at = time.monotonic() + DRAIN_SECONDS
            self._changed.notify()
        self._thread.join(DRAIN_SECONDS)

    def offer(self, items: Sequence[Item]) -> bool:
        """Leave items behind, all or none; False if the queue is full or the service is stopping."""
        return self._enqueue(_Job(items, None))

    async def write(self, items: Sequence[Item]) -> list[Result]:
        """Commit items and say what became of each.

        Raises:
            ProblemError: 503 when the queue is full or the database did not commit in time. It may have
                committed after all, so items must bear being sent again.
        """
        results: Future[list[Result]] = Future()
        if not self._enqueue(_Job(items, results)):
            raise self._try_again("queue_full", f"Too many {self._what} wait for the database.")
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await asyncio.wrap_future(results)
        except (DatabaseUnavailableError, TimeoutError):
            what = f"The {self._what} could not be committed in time."
            raise self._try_again("database_unavailable", what) from None

    def _try_again(self, code: str, what: str) -> ProblemError:
        return ProblemError(
            503, code, f"{what} Send the same {self._what} again.", headers={"Retry-After": "1"}
        )

    def _enqueue(self, job: _Job[Item, Result]) -> bool:
        with self._changed:
            if self._stopping or self._waiting + len(job.items) > self._queue_items:
                return False
            self._jobs.append(job)
            self._waiting += len(job.items)
            self._changed.notify()
            return True

    def _run(self) -> None:
        while group := self._next_group():
            try:
                results = self._store([item for job in group for item in job.items])
            except Exception as error:
                # Whatever it is, callers must hear of it and the thread must go on.
                if not isinstance(error, DatabaseUnavailableError):
                    logger.error("unexpected %s while committing %s", type(error).__name__, self._what)
                self._failed(group)
            else:
                _succeeded(group, results)

    def _next_group(self) -> list[_Job[Item, Result]]:
        """The jobs to commit together; empty when stopping and nothing waits."""
        group: list[_Job[Item, Result]] = []
        while not group:
            size = 0
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._stopping)
                if not self._jobs:
                    return []
                while self._jobs and (not size or size + len(self._jobs[0].items) <= self._group_items):
                    job = self._jobs.popleft()
                    self._waiting -= len(job.items)
                    # A caller that gave up has been told to send again.
                    if job.results is None or job.results.set_running_or_notify_cancel():
                        group.append(job)
                        size += len(job.items)
        return group

    def _failed(self, group: Sequence[_Job[Item, Result]]) -> None:
        kept = []
        for job in group:
            if job.results is None:
                kept.append(job)
            else:
                job.results.set_exception(DatabaseUnavailableError(f"The {self._what} were not committed."))
        if kept:
            self._put_back(kept)

    def _put_back(self, kept: Sequence[_Job[Item, Result]]) -> None:
        """Let items wait once more, in front; beyond the bound for a moment, because they were taken."""
        with self._changed:
            self._jobs.extendleft(reversed(kept))
            self._waiting += sum(len(job.items) for job in kept)
            if self._stopping and time.monotonic() >= self._give_up_at:
                logger.error("%d %s could not be stored before the end", self._waiting, self._what)
                self._jobs.clear()
                self._waiting = 0
                return
            stopping = self._stopping
            self._changed.wait_for(lambda: self._stopping is not stopping, RETRY_SECONDS)


def _succeeded(group: Sequence[_Job[Item, Result]], results: list[Result]) -> None:
    start = 0
    for job in group:
        end = start + len(job.items)
        if job.results is not None:
            job.results.set_result(results[start:end])
        start = end
