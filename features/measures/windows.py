"""The windows of a report: the days before it, and every complete month.

A month is complete if the orders begin on its first day or earlier, and its last day is neither after the
newest order nor after the report's window. The newest order decides, never the wall clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

OVERALL = ""  # the dimension and group of the whole shop


@dataclass(frozen=True, slots=True)
class Span:
    """What the report looks at.

    Attributes:
        as_of: the day whose morning it is; only local days before it are read.
        days: length of the window.
        oldest_day: of the first order line.
        newest_day: of the last order line before as_of.
    """

    as_of: date
    days: int
    oldest_day: date
    newest_day: date

    @property
    def months(self) -> tuple[date, ...]:
        """The first day of each complete month."""
        return tuple(_months(self.oldest_day, self.newest_day))

    @property
    def end_of_months(self) -> date:
        """The day after the last complete month.

        Raises:
            IndexError: there is none.
        """
        return _next_month(self.months[-1])

    def table(self, dimensions: tuple[str, ...], zone: ZoneInfo) -> pa.Table:
        """One row per window: dimension, grp (None: the row decides), its days and their midnights in UTC.

        Args:
            dimensions: by what the report is split, beside the whole shop.
            zone: the shop's.
        """
        start, length = self.as_of - timedelta(days=self.days), timedelta(days=self.days)
        rows = [(OVERALL, OVERALL, start, self.as_of, start - length)]
        for dimension in dimensions:
            if dimension == "month":
                rows += [
                    ("month", f"{first:%Y-%m}", first, _next_month(first), _month_before(first))
                    for first in self.months
                ]
            else:
                rows.append((dimension, None, start, self.as_of, start - length))  # type: ignore[arg-type]
        names = ("dimension", "grp", "start_day", "stop_day", "previous_day")
        columns: dict[str, pa.Array] = {
            name: pa.array(values, pa.string() if name in ("dimension", "grp") else pa.date32())
            for name, values in zip(names, zip(*rows, strict=True), strict=True)
        }
        for name, day in (("start_at", "start_day"), ("stop_at", "stop_day")):
            stamps = [_midnight(value, zone) for value in columns[day].to_pylist()]
            columns[name] = pa.array(stamps, pa.timestamp("us"))
        return pa.table(columns)


def _months(oldest: date, newest: date) -> Iterator[date]:
    first = oldest if oldest.day == 1 else _next_month(oldest)
    while _next_month(first) <= newest + timedelta(days=1):
        yield first
        first = _next_month(first)


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _month_before(first: date) -> date:
    return (first - timedelta(days=1)).replace(day=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
