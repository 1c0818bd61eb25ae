"""How long until a customer comes back: Kaplan–Meier curves, restricted means and the log-rank test.

All of it from life tables of whole local days, which add up like every other aggregate.
Sources: Kaplan & Meier (JASA 1958); Greenwood's variance on the scale of log(−log S), Kalbfleisch & Prentice,
*The Statistical Analysis of Failure Time Data* (1980), section 1.4; the variance of the restricted mean,
Klein & Moeschberger, *Survival Analysis* (2003), section 4.5; Mantel's log-rank test (Cancer Chemotherapy
Reports 1966).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtr, ndtri


@dataclass(frozen=True, eq=False)
class LifeTable:
    """Customers of one arm by the day they came back on, or were last seen on without having come back.

    Life tables of disjoint customers add up.

    Attributes:
        returned: int64[days], at position t those whose first order fell on day t + 1 after exposure.
        censored: int64[days], at position t those seen until the end of day t + 1 without an order.
    """

    returned: NDArray[np.int64]
    censored: NDArray[np.int64]

    @classmethod
    def of(cls, days: int, customers: Iterable[tuple[int, bool, int]]) -> Self:
        """From (day, came back?, how many customers), with day 1 … `days`."""
        table = cls(np.zeros(days, np.int64), np.zeros(days, np.int64))
        for day, came_back, count in customers:
            (table.returned if came_back else table.censored)[day - 1] += count
        return table

    def __add__(self, other: Self) -> Self:
        return type(self)(self.returned + other.returned, self.censored + other.censored)

    @property
    def n(self) -> int:
        """Customers seen for a day at least."""
        return int(self.returned.sum() + self.censored.sum())

    @property
    def at_risk(self) -> NDArray[np.int64]:
        """int64[days]: customers seen on each day who had not come back before it."""
        gone = np.cumsum(self.returned + self.censored)
        return np.asarray(self.n - np.concatenate(([0], gone[:-1])), dtype=np.int64)

    @property
    def known_days(self) -> int:
        """Days the curve reaches: to the last on which somebody was seen, or all if all came back."""
        if self.n and not self.censored.any():
            return len(self.returned)
        return int(np.count_nonzero(self.at_risk))

    @property
    def away(self) -> NDArray[np.float64]:
        """float64[days]: the share who have not come back by the end of each day (Kaplan and Meier)."""
        at_risk = np.maximum(self.at_risk, 1)
        return np.asarray(np.cumprod(1 - self.returned / at_risk), dtype=np.float64)

    @property
    def hazard_variance(self) -> NDArray[np.float64]:
        """float64[days]: Greenwood's terms d / (n (n − d)); 0 where all who were left came back."""
        at_risk = self.at_risk
        left = at_risk * (at_risk - self.returned)
        return np.divide(self.returned, left, out=np.zeros(len(left)), where=left > 0)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The share of customers who have come back by the end of a day, with its interval."""

    day: int
    returned: float
    low: float
    high: float
    at_risk: int


def curve(table: LifeTable, alpha: float) -> list[CurvePoint]:
    """The share returned by each day, as far as the curve is known, with pointwise 1 − α intervals."""
    z = float(ndtri(1 - alpha / 2))
    variance = np.cumsum(table.hazard_variance)
    points = []
    for t in range(table.known_days):
        away, at_risk = float(table.away[t]), int(table.at_risk[t])
        low, high = _band(away, sqrt(variance[t]), max(1, at_risk), z, alpha)
        points.append(CurvePoint(t + 1, 1 - away, 1 - high, 1 - low, at_risk))
    return points


def _band(away: float, error: float, at_risk: int, z: float, alpha: float) -> tuple[float, float]:
    """Interval of the share away; exact binomial ends where the share is 0 or 1, which have no logarithm."""
    end = (alpha / 2) ** (1 / at_risk)
    if away >= 1:
        return end, 1.0
    if away <= 0:
        return 0.0, 1 - end
    spread = exp(z * error / -log(away))
    return away**spread, away ** (1 / spread)


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Mean days until a customer came back, counting those who had not as the number of days looked at."""

    days: float
    variance: float


def restricted_mean(table: LifeTable) -> RestrictedMean:
    """The area under the curve of those away, over all days; needs `known_days` to reach them."""
    before = np.concatenate(([1.0], table.away[:-1]))
    # At position t the area from the end of day t + 1 on, which is what a change on that day moves.
    area_after = np.concatenate((np.cumsum(before[:0:-1])[::-1], [0.0]))
    return RestrictedMean(float(before.sum()), float((area_after**2 * table.hazard_variance).sum()))


@dataclass(frozen=True, slots=True)
class RestrictedMeanDifference:
    """Treatment − control in days; below zero customers came back sooner."""

    days: float
    interval: tuple[float, float]
    p_value: float


def restricted_mean_difference(
    control: LifeTable, treatment: LifeTable, alpha: float
) -> RestrictedMeanDifference | None:
    """Difference of restricted means with a normal interval; None where nobody's return can be compared."""
    means = restricted_mean(control), restricted_mean(treatment)
    error = sqrt(means[0].variance + means[1].variance)
    if error == 0:
        return None
    found = means[1].days - means[0].days
    half = float(ndtri(1 - alpha / 2)) * error
    return RestrictedMeanDifference(found, (found - half, found + half), float(2 * ndtr(-abs(found) / error)))


def log_rank(control: LifeTable, treatment: LifeTable) -> float | None:
    """Two-sided p-value of "both arms come back at the same pace"; None where no day can tell."""
    both = control + treatment
    n, of_treatment, came = both.at_risk, treatment.at_risk, both.returned
    told = (came > 0) & (n > 1)
    n, of_treatment, came = n[told].astype(float), of_treatment[told], came[told]
    expected = came * of_treatment / n
    variance = float((expected * (1 - of_treatment / n) * (n - came) / (n - 1)).sum())
    if variance <= 0:
        return None
    surplus = float(treatment.returned[told].sum() - expected.sum())
    return float(chdtrc(1, surplus**2 / variance))
