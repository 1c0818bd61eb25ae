"""How far an experiment is, in customers and in days."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from experiments.analysis.exposed import Exposed
from experiments.analysis.power import days_needed
from experiments.analysis.results import MetricResult
from experiments.design import Design


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the experiment is.

    Attributes:
        customers: those that count for the primary metric, all variants together.
        planned: those at which it ends; None if the design names no end.
        days: local days from the first exposure to the newest data; None if exposures carry no time.
        days_left: about how many more until it is complete; None if it is, or nobody can tell.
        waiting: exposed customers whose window has not closed yet.
        closed: nobody joins any more.
    """

    customers: int
    planned: int | None
    days: int | None
    days_left: int | None
    waiting: int = 0
    closed: bool = False

    @property
    def complete(self) -> bool:
        """Whether the planned number is reached, or was not stated, or cannot be reached any more."""
        if self.planned is None or self.customers >= self.planned:
            return True
        return self.closed and not self.waiting

    def to_dict(self, exposed: int) -> dict[str, Any]:
        """With how many customers were exposed, and which share of them counts."""
        return {
            "exposed": exposed,
            "matured": self.customers,
            "share": self.customers / exposed if exposed else 0.0,
            "planned": self.planned,
            "days": self.days,
            "days_left": self.days_left,
            "complete": self.complete,
        }


def progress_of(
    design: Design, primary: MetricResult, exposed: Exposed, newest_day: date | None, closed: bool = False
) -> Progress:
    """How far it is.

    Args:
        design: names the planned number.
        primary: gives the customers that count.
        exposed: gives everybody, and the days on which they came.
        newest_day: local day of the newest order; None for wide outcomes, whose windows are closed.
        closed: nobody joins any more.
    """
    planned, first, last = design.planned_matured_customers, exposed.first_day, exposed.last_day
    customers, waiting = primary.customers, exposed.customers - primary.customers
    if first is None or last is None:
        return Progress(customers, planned, None, None, waiting, closed)
    newest = max(last, newest_day) if newest_day is not None else last
    days = (newest - first).days + 1
    # A window of N days closes on the day after its last one.
    window = primary.metric.window_days + 1 if newest_day is not None else 0
    enrolment = (last - first).days + 1
    left = 0
    if closed:
        left = enrolment + window - days
    elif planned is not None:
        left = days_needed(planned, exposed.customers / enrolment, window) - days
    found = Progress(customers, planned, days, None, waiting, closed)
    return found if found.complete or left <= 0 else replace(found, days_left=left)
