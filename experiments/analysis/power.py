"""How much an experiment can see, how many customers it needs, and how long that takes.

By the normal approximation for two arms and a two-sided test (Lehr; van Belle, *Statistical Rules of Thumb*,
chapter 2), at the look that ends the experiment. Early looks only ever add power, so it is never less.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, sqrt

from scipy.special import ndtri

from experiments.analysis.sequential import RUNNING_SHARE, SequenceRule
from experiments.design import Rule

POWER = 0.8
HALVES = (0.5, 0.5)
# Beyond the days seen, customers keep coming as in the last of them.
RATE_DAYS = 28


def critical_value(rule: Rule = "fixed", alpha: float = 0.05) -> float:
    """Half the width of the interval at the planned end, in standard errors."""
    if rule == "sequence":
        # At n = N* it depends on α alone.
        return SequenceRule(alpha, 1.0).critical_value(1, 1.0)
    spent = alpha * (1 - RUNNING_SHARE) if rule == "hybrid" else alpha
    return float(ndtri(1 - spent / 2))


def minimum_detectable_effect(
    standard_error: float, alpha: float = 0.05, power: float = POWER, rule: Rule = "fixed"
) -> float:
    """The true difference that a test with this standard error finds with the given power."""
    return (critical_value(rule, alpha) + float(ndtri(power))) * standard_error


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an experiment, whatever the effect.

    Attributes:
        mean, variance: of one customer, as they are today.
        is_share: the values are 0 or 1, so that the variance of a treated customer follows from the mean.
        rho_squared: the share of the variance that CUPED takes out; 0 without.
        weights: the compared arms' shares of all customers, control first; with further arms they sum to
            less than 1.
        alpha: two-sided error, all comparisons together.
        power: the chance to find the effect.
        comparisons: arms against the control; Holm's first step divides α by them.
        rule: of stopping.
    """

    mean: float
    variance: float
    is_share: bool = False
    rho_squared: float = 0.0
    weights: tuple[float, float] = HALVES
    alpha: float = 0.05
    power: float = POWER
    comparisons: int = 1
    rule: Rule = "fixed"

    def standard_error(self, customers: float, effect: float) -> float:
        """Of the difference, with this many customers in all arms together."""
        treated = self.variance
        if self.is_share:
            share = min(1.0, max(0.0, self.mean + effect))
            treated = share * (1 - share)
        control, treatment = (weight * customers for weight in self.weights)
        return sqrt((1 - self.rho_squared) * (self.variance / control + treated / treatment))

    def customers_for(self, effect: float) -> int:
        """Customers of all arms together that find this true difference (not zero)."""
        alpha = self.alpha / self.comparisons
        one = minimum_detectable_effect(self.standard_error(1.0, effect), alpha, self.power, self.rule)
        return ceil((one / effect) ** 2)

    def effect_for(self, customers: int) -> float:
        """The smallest true gain that this many customers find."""
        alpha, effect = self.alpha / self.comparisons, 0.0
        # A share's error depends on the effect, but so weakly that a few rounds settle it.
        for _ in range(20):
            error = self.standard_error(customers, effect)
            effect = minimum_detectable_effect(error, alpha, self.power, self.rule)
        return effect


def days_needed(customers: int, customers_per_day: float, matures_after_days: int = 0) -> int:
    """Days until this many customers are enrolled and the last of them has matured."""
    return ceil(customers / customers_per_day) + matures_after_days


@dataclass(frozen=True)
class Arrivals:
    """How fast an experiment meets customers it has not met before.

    Attributes:
        new: customers first seen on each day from some day on; fewer and fewer, as regulars come first.
        coverage: the share of them that joins.
    """

    new: Sequence[int]
    coverage: float = 1.0

    @property
    def later_per_day(self) -> float:
        """New customers a day beyond the days seen."""
        last = self.new[-RATE_DAYS:]
        return self.coverage * sum(last) / len(last)

    def customers_after(self, days: int) -> int:
        """Customers enrolled within so many days."""
        beyond = max(0, days - len(self.new)) * self.later_per_day
        return int(self.coverage * sum(self.new[: max(0, days)]) + beyond)

    def days_for(self, customers: int) -> int | None:
        """Days until so many customers are enrolled; None if they never come."""
        for day, total in enumerate(accumulate(self.new), start=1):
            if self.coverage * total >= customers:
                return day
        missing = customers - self.coverage * sum(self.new)
        rate = self.later_per_day
        return len(self.new) + ceil(missing / rate) if rate > 0 else None
