"""What an offer earned for what it cost: (Δmargin − Δcost) / Δcost, each Δ of the treatment over the control.

The interval is Fieller's (J. Royal Statistical Society B 1954): the returns r for which the difference
Δmargin − (1 + r) Δcost could be zero. With a cost far above zero it is the delta method's; where the cost
could be zero, no interval of finite length holds what it promises, and none is given.
"""

from dataclasses import dataclass
from math import sqrt

from experiments.analysis.aggregates import DENOMINATOR, VALUE, Aggregate
from experiments.analysis.arms import Interval, Rule, Withheld, WithheldError, welch_freedom


@dataclass(frozen=True, slots=True)
class IncrementalReturn:
    """Money gained per money spent, beyond the money itself: 0 means that the offer just paid for itself."""

    value: float
    interval: Interval


def differences(control: Aggregate, treatment: Aggregate) -> tuple[float, float]:
    """Δmargin and Δcost per customer; needs n ≥ 1 in both arms."""
    return (
        treatment.mean(VALUE) - control.mean(VALUE),
        treatment.mean(DENOMINATOR) - control.mean(DENOMINATOR),
    )


def incremental_return(control: Aggregate, treatment: Aggregate, rule: Rule) -> IncrementalReturn:
    """The return of the treatment's offers (margin as `value`, their cost as `denominator`).

    Raises:
        WithheldError: an arm has fewer than two customers, or the cost is not clearly above the control's.
    """
    fewest = min(control.n, treatment.n)
    if fewest < 2:
        raise WithheldError(Withheld.ONE_CUSTOMER if fewest else Withheld.NO_CUSTOMERS)
    margin, cost = differences(control, treatment)
    if cost <= 0:
        raise WithheldError(Withheld.NO_EXTRA_COST)
    ratio = margin / cost
    of_control, of_treatment = (_variance_of_mean(arm, ratio) for arm in (control, treatment))
    if of_control + of_treatment == 0:
        raise WithheldError(Withheld.NO_VARIATION)
    freedom = welch_freedom(of_control, control.n, of_treatment, treatment.n)
    critical = rule.critical_value(control.n + treatment.n, freedom) ** 2
    of_margin, together, of_cost = (_sum_over_n(control, treatment, pair) for pair in _PAIRS)
    a, b, c = (
        cost**2 - critical * of_cost,
        margin * cost - critical * together,
        margin**2 - critical * of_margin,
    )
    if a <= 0:
        raise WithheldError(Withheld.NO_EXTRA_COST)
    half = sqrt(max(0.0, b**2 - a * c))
    return IncrementalReturn(ratio - 1, ((b - half) / a - 1, (b + half) / a - 1))


_PAIRS = ((VALUE, VALUE), (DENOMINATOR, VALUE), (DENOMINATOR, DENOMINATOR))


def _sum_over_n(control: Aggregate, treatment: Aggregate, pair: tuple[str, str]) -> float:
    """(Co)variance of two differences of means."""
    return control.covariance(*pair) / control.n + treatment.covariance(*pair) / treatment.n


def _variance_of_mean(arm: Aggregate, ratio: float) -> float:
    """Squared standard error of an arm's mean of margin − ratio · cost."""
    together = arm.covariance(DENOMINATOR, VALUE)
    spread = arm.variance(VALUE) - 2 * ratio * together + ratio**2 * arm.variance(DENOMINATOR)
    return max(0.0, spread) / arm.n
