"""The lift as it stood at the end of each day: what a reader would have seen who looked every morning.

The outcome of a matured customer never changes, so the sums of those who matured by a day are the running
sums over the day of exposure. The band is the one that the design's rule decides by: a confidence sequence,
which holds at all looks together, or for the fixed rule the interval of a single look. A winsorised metric is
capped where it is capped today.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from experiments.analysis.aggregates import Aggregate
from experiments.analysis.arms import WithheldError
from experiments.analysis.comparisons import pair_rule
from experiments.analysis.estimates import estimate, roles_of
from experiments.design import Design, Metric

MOST_POINTS = 120
# Sums of the customers exposed on a day, by variant.
Daily = Sequence[tuple[date, dict[str, Aggregate]]]


@dataclass(frozen=True, slots=True)
class Look:
    """What one day's look shows.

    Attributes:
        day: the local day of the newest order at that look.
        n: matured customers of both arms.
        lift, low, high: with the band.
    """

    day: date
    n: int
    lift: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """The day as YYYY-MM-DD."""
        return {
            "day": self.day.isoformat(),
            "n": self.n,
            "lift": self.lift,
            "low": self.low,
            "high": self.high,
        }


@dataclass(frozen=True, slots=True)
class CumulativeLift:
    """The looks at one variant, at most 120, the last one always among them."""

    variant: str
    points: tuple[Look, ...]

    def to_dict(self) -> dict[str, Any]:
        """`{variant, points}`."""
        return {"variant": self.variant, "points": [point.to_dict() for point in self.points]}


def cumulative(design: Design, metric: Metric, daily: Daily) -> tuple[CumulativeLift, ...]:
    """The lift of every variant at each look.

    Args:
        design: gives variants and rule.
        metric: the primary one.
        daily: sums of matured customers by their day of exposure, in order.
    """
    control, *others = (variant.key for variant in design.variants)
    return tuple(
        CumulativeLift(key, _thinned(list(_looks(design, metric, daily, control, key)))) for key in others
    )


def _looks(design: Design, metric: Metric, daily: Daily, control: str, treatment: str) -> Iterator[Look]:
    # As long as it runs, however many have matured: one band over the whole chart.
    rule = pair_rule(design, treatment, customers=0)
    nobody = Aggregate.empty(roles_of(metric))
    sums = {control: nobody, treatment: nobody}
    for exposed_on, of_day in daily:
        sums = {key: total + of_day.get(key, nobody) for key, total in sums.items()}
        try:
            found = estimate(metric, sums[control], sums[treatment], rule)
        except WithheldError:
            continue
        # Day N of the window must lie before the newest order's day.
        day = exposed_on + timedelta(days=metric.window_days + 1)
        yield Look(day, sums[control].n + sums[treatment].n, found.lift_abs, *found.ci_abs)


def _thinned(looks: list[Look]) -> tuple[Look, ...]:
    """Evenly, from the newest back."""
    step = max(1, -(-len(looks) // MOST_POINTS))
    return tuple(looks[::-1][::step][::-1])
