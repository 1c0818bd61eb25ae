"""Means, and proportions, which are means of zeros and ones."""

from experiments.analysis.aggregates import VALUE, Aggregate
from experiments.analysis.arms import Arm


def mean_arm(sums: Aggregate) -> Arm:
    """Mean and variance of the values of one arm."""
    return Arm(sums.n, sums.mean(VALUE), sums.variance(VALUE))
