"""One thread that commits events in groups; an event is acknowledged only once it is in the database."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

from features.database.records import Event, EventStatus
from features.errors import DatabaseUnavailableError
from serving.database_access import DatabaseAccess
from serving.problems import ProblemError

logger = logging.getLogger("huitou.serving")
# Larger groups do not commit faster, they only keep the first event waiting.
GROUP_EVENTS = 2000
DRAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Job:
    events: Sequence[Event]
    statuses: "Future[list[EventStatus]]" = field(default_factory=Future)


class EventWriter:
    """A bounded queue in front of the database.

    Args:
        database: where events go.
        clock: gives the instant of arrival.
        queue_events: how many events may wait at most.
        timeout_ms: how long a caller waits for the commit.
    """

    def __init__(
        self, database: DatabaseAccess, clock: Callable[[], datetime], queue_events: int, timeout_ms: int
    ) -> None:
        self._database = database
        self._clock = clock
        self._queue_events = queue_events
        self._timeout_seconds = timeout_ms / 1000
        self._jobs: deque[_Job] = deque()
        self._waiting = 0
        self._changed = threading.Condition()
        self._stopping = False
        # A daemon: a thread that hangs in the driver must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="event-writer", daemon=True)

    @property
    def waiting(self) -> int:
        """Events that wait for the database."""
        return self._waiting

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more events, commit what waits, and end. Blocks for a bounded time."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(DRAIN_SECONDS)

    async def write(self, events: Sequence[Event]) -> list[EventStatus]:
        """Commit events and say what became of each.

        Raises:
            ProblemError: 503 when the queue is full or the database did not commit in time. Sending the same
                events again is safe then: one that was stored after all counts as a duplicate.
        """
        job = _Job(events)
        self._enqueue(job)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await asyncio.wrap_future(job.statuses)
        except (DatabaseUnavailableError, TimeoutError):
            raise _try_again("database_unavailable", "The events could not be committed in time.") from None

    def _enqueue(self, job: _Job) -> None:
        with self._changed:
            if self._stopping or self._waiting + len(job.events) > self._queue_events:
                raise _try_again("queue_full", "Too many events wait for the database.")
            self._jobs.append(job)
            self._waiting += len(job.events)
            self._changed.notify()

    def _run(self) -> None:
        while group := self._next_group():
            try:
                self._commit(group)
            except Exception as error:
                # Whatever it is, callers must hear of it and the thread must go on.
                if not isinstance(error, DatabaseUnavailableError):
                    logger.error("unexpected %s while committing events", type(error).__name__)
                for job in group:
                    job.statuses.set_exception(DatabaseUnavailableError("Events were not committed."))

    def _next_group(self) -> list[_Job]:
        """The jobs to commit together; empty when stopping and nothing waits."""
        group: list[_Job] = []
        while not group:
            size = 0
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._stopping)
                if not self._jobs:
                    return []
                while self._jobs and (not group or size + len(self._jobs[0].events) <= GROUP_EVENTS):
                    job = self._jobs.popleft()
                    self._waiting -= len(job.events)
                    # A caller that gave up has been told to send again.
                    if job.statuses.set_running_or_notify_cancel():
                        group.append(job)
                        size += len(job.events)
        return group

    def _commit(self, group: Sequence[_Job]) -> None:
        events = [event for job in group for event in job.events]
        statuses = self._database.opened.insert_events(events, self._clock())
        start = 0
        for job in group:
            end = start + len(job.events)
            job.statuses.set_result(statuses[start:end])
            start = end


def _try_again(code: str, what: str) -> ProblemError:
    return ProblemError(503, code, f"{what} Send the same events again.", headers={"Retry-After": "1"})
