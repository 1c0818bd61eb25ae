"""Ratios of two sums over customers, such as orders per session, by the delta method.

Source: Deng, Knoblich & Lu, "Applying the Delta Method in Metric Analytics" (KDD 2018), section 3.
"""

from experiments.analysis.aggregates import DENOMINATOR, VALUE, Aggregate, above_rounding
from experiments.analysis.arms import Arm, Withheld, WithheldError


def ratio_arm(sums: Aggregate) -> Arm:
    """R = Σvalue / Σdenominator, and one customer's variance of (value − R·denominator) / mean denominator.

    Raises:
        WithheldError: the denominators sum to zero.
    """
    if sums.sums[DENOMINATOR] == 0:
        raise WithheldError(Withheld.NO_DENOMINATOR)
    ratio = sums.sums[VALUE] / sums.sums[DENOMINATOR]
    of_value, of_denominator = sums.variance(VALUE), ratio**2 * sums.variance(DENOMINATOR)
    spread = of_value - 2 * ratio * sums.covariance(VALUE, DENOMINATOR) + of_denominator
    scale = sums.mean_square(VALUE) + ratio**2 * sums.mean_square(DENOMINATOR)
    spread = max(0.0, above_rounding(spread, scale))
    return Arm(sums.n, ratio, spread / sums.mean(DENOMINATOR) ** 2)
