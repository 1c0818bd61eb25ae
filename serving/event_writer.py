"""Events on their way to the database; an event is acknowledged only once it is there."""

from collections.abc import Callable, Sequence
from datetime import datetime

from features.database.records import Event, EventStatus
from serving.batch_writer import BatchWriter
from serving.database_access import DatabaseAccess


class EventWriter(BatchWriter[Event, EventStatus]):
    """A bounded queue in front of the database. Sending events again is safe: known ones are duplicates.

    Args:
        database: where events go.
        clock: gives the instant of arrival.
        queue_events: how many events may wait at most.
        timeout_ms: how long a caller waits for the commit.
    """

    def __init__(
        self, database: DatabaseAccess, clock: Callable[[], datetime], queue_events: int, timeout_ms: int
    ) -> None:
        def store(events: Sequence[Event]) -> list[EventStatus]:
            return database.opened.insert_events(events, clock())

        super().__init__("events", store, queue_events, timeout_ms)
