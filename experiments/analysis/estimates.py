"""From the sums of two arms to an estimate, whatever the kind of metric."""

from experiments.analysis.aggregates import COVARIATE, DENOMINATOR, VALUE, Aggregate
from experiments.analysis.arms import Arm, Estimate, Rule, Withheld, WithheldError, compare
from experiments.analysis.metrics.cuped import cuped_arms
from experiments.analysis.metrics.mean import mean_arm
from experiments.analysis.metrics.ratio import ratio_arm
from experiments.design import Metric


def roles_of(metric: Metric) -> tuple[str, ...]:
    """Which columns a metric sums."""
    if metric.denominator is not None:
        return (VALUE, DENOMINATOR)
    return (VALUE,) if metric.covariate is None else (VALUE, COVARIATE)


def plain_mean(metric: Metric, sums: Aggregate) -> float | None:
    """The mean (or ratio) of one arm as it is, without CUPED; None where there is none."""
    if sums.n == 0 or (metric.kind == "ratio" and sums.sums[DENOMINATOR] == 0):
        return None
    return sums.mean(VALUE) / (sums.mean(DENOMINATOR) if metric.kind == "ratio" else 1.0)


def arms_of(metric: Metric, control: Aggregate, treatment: Aggregate) -> tuple[Arm, Arm]:
    """Mean and variance of one customer in both arms.

    Raises:
        WithheldError: an arm has fewer than two customers, or a ratio's denominators sum to zero.
    """
    fewest = min(control.n, treatment.n)
    if fewest < 2:
        raise WithheldError(Withheld.ONE_CUSTOMER if fewest else Withheld.NO_CUSTOMERS)
    if metric.covariate is not None:
        return cuped_arms(control, treatment)
    arm = ratio_arm if metric.kind == "ratio" else mean_arm
    return arm(control), arm(treatment)


def estimate(metric: Metric, control: Aggregate, treatment: Aggregate, rule: Rule) -> Estimate:
    """The lift of a treatment over the control.

    Raises:
        WithheldError: there is no answer; the reason says why.
    """
    return compare(*arms_of(metric, control, treatment), rule)
