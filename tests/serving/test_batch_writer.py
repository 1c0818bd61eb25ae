"""What is left behind with a batch writer is stored once, in order, or the log says how much was not."""

import threading

import pytest

from features.errors import DatabaseUnavailableError
from serving import batch_writer
from serving.batch_writer import BatchWriter
from tests.support.waiting import wait_until


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(batch_writer, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(batch_writer, "DRAIN_SECONDS", 0.1)


class Shelf:
    """Somewhere to store numbers; out of order while `broken`."""

    def __init__(self) -> None:
        self.stored: list[int] = []
        self.tries = 0
        self.broken: Exception | None = None
        self.open = threading.Event()
        self.open.set()

    def __call__(self, numbers):
        self.open.wait()
        self.tries += 1
        if self.broken is not None:
            raise self.broken
        self.stored += numbers
        return [None] * len(numbers)


@pytest.mark.parametrize("failure", [DatabaseUnavailableError("out"), ZeroDivisionError()])
def test_what_is_left_behind_is_tried_until_it_is_stored(failure):
    shelf = Shelf()
    shelf.broken = failure
    writer = BatchWriter("numbers", shelf, queue_items=100)
    writer.start()
    assert all(writer.offer([number, number + 1]) for number in range(0, 20, 2))
    wait_until(lambda: shelf.tries >= 3)
    assert shelf.stored == []
    shelf.broken = None
    wait_until(lambda: shelf.stored == list(range(20)))
    writer.stop()
    assert (shelf.stored, writer.waiting) == (list(range(20)), 0)


def test_items_come_in_together_or_not_at_all():
    shelf = Shelf()
    shelf.open.clear()
    writer = BatchWriter("numbers", shelf, queue_items=3)
    writer.start()
    assert writer.offer([1])
    wait_until(lambda: writer.waiting == 0)  # the thread has taken it
    assert writer.offer([2, 3])
    assert not writer.offer([4, 5])
    assert writer.offer([6])
    assert not writer.offer([7])
    shelf.open.set()
    writer.stop()
    assert shelf.stored == [1, 2, 3, 6]
    assert not writer.offer([8])


def test_what_cannot_be_stored_before_the_end_is_counted_in_the_log(caplog):
    shelf = Shelf()
    shelf.broken = DatabaseUnavailableError("out")
    writer = BatchWriter("numbers", shelf, queue_items=100)
    writer.start()
    writer.offer([1, 2])
    writer.offer([3])
    writer.stop()
    wait_until(lambda: "3 numbers could not be stored" in caplog.text)
    assert writer.waiting == 0


def test_no_more_are_stored_together_than_allowed():
    groups: list[list[int]] = []
    shelf = Shelf()
    shelf.open.clear()

    def store(numbers):
        shelf.open.wait()
        groups.append(list(numbers))
        return [None] * len(numbers)

    writer = BatchWriter("numbers", store, queue_items=100, group_items=2)
    for job in ([1], [2], [3, 4, 5], [6], [7]):
        writer.offer(job)
    writer.start()
    shelf.open.set()
    writer.stop()
    assert groups == [[1, 2], [3, 4, 5], [6, 7]]
