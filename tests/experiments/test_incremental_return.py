"""What offers earned for what they cost: a ratio of two differences, with Fieller's interval."""

from math import sqrt

import numpy as np
import pytest
import scipy.stats

from experiments.analysis.aggregates import Aggregate
from experiments.analysis.arms import Withheld, WithheldError
from experiments.analysis.metrics.incremental_return import differences, incremental_return
from experiments.analysis.sequential import FixedRule, SequenceRule

FIXED = FixedRule(0.05)


def arm(margin, cost):
    return Aggregate.of(value=margin, denominator=cost)


def test_by_hand():
    control = arm([10.0, 12.0, 8.0, 10.0], [0.0, 0.0, 0.0, 0.0])
    treatment = arm([13.0, 17.0, 14.0, 16.0], [2.0, 2.0, 1.0, 3.0])
    # Means 10 and 15, 0 and 2: five gained for two spent, 5/2 − 1.
    assert differences(control, treatment) == (5.0, 2.0)
    found = incremental_return(control, treatment, FIXED)
    assert found.value == pytest.approx(1.5)
    # Squared errors of Δmargin (8/3 + 10/3)/4 = 1.5, of Δcost (2/3)/4 = 1/6, together (2/3)/4 = 1/6:
    # deviations −2 2 −1 1 and 0 0 −1 1 multiply to 2. At R = 2.5: control 2/3, treatment
    # (10/3 − 2·2.5·2/3 + 6.25·2/3)/4 = 25/24; Welch's freedom (2/3 + 25/24)²/((4/9 + 625/576)/3) = 5.7195.
    freedom = (2 / 3 + 25 / 24) ** 2 / ((4 / 9 + 625 / 576) / 3)
    t = scipy.stats.t.ppf(0.975, freedom)
    # R with (5 − 2R)² ≤ t² (1.5 − 2R/6 + R²/6).
    a, b, c = 4 - t**2 / 6, 10 - t**2 / 6, 25 - 1.5 * t**2
    ends = [(b - sqrt(b * b - a * c)) / a - 1, (b + sqrt(b * b - a * c)) / a - 1]
    assert found.interval == pytest.approx(ends)
    for end in found.interval:
        ratio = end + 1
        assert (5 - 2 * ratio) ** 2 == pytest.approx(t**2 * (1.5 - ratio / 3 + ratio**2 / 6))


def test_with_a_cost_far_above_zero_it_is_the_delta_method():
    rng = np.random.default_rng(2)
    n = 200_000
    control = arm(rng.normal(20, 5, n), np.zeros(n))
    cost = rng.normal(2, 0.1, n)
    treatment = arm(rng.normal(23, 5, n) - cost, cost)
    low, high = incremental_return(control, treatment, FIXED).interval
    margin, spent = differences(control, treatment)
    ratio = margin / spent
    together = treatment.covariance("denominator", "value") / n
    of_margin = control.variance() / n + treatment.variance() / n
    error = sqrt(of_margin - 2 * ratio * together + ratio**2 * treatment.variance("denominator") / n) / spent
    assert (low, high) == pytest.approx((ratio - 1 - 1.96 * error, ratio - 1 + 1.96 * error), rel=2e-4)


def test_the_interval_covers_the_truth():
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(500):
        claimed = rng.random(300) < 0.3
        control = arm(rng.gamma(1, 10, 300), np.zeros(300))
        treatment = arm(rng.gamma(1, 10, 300) + 6 * claimed, 3.0 * claimed)
        low, high = incremental_return(control, treatment, FIXED).interval
        covered += low <= 6 / 3 - 1 <= high
    # 500 · .95 = 475; three binomial standard deviations are 15.
    assert 460 <= covered <= 490


def test_a_sequence_is_wider():
    rng = np.random.default_rng(7)
    control = arm(rng.normal(10, 3, 5000), np.zeros(5000))
    treatment = arm(rng.normal(11, 3, 5000), rng.normal(1, 0.5, 5000))
    once = incremental_return(control, treatment, FIXED).interval
    always = incremental_return(control, treatment, SequenceRule(0.05, 10_000)).interval
    assert always[0] < once[0] < once[1] < always[1]


@pytest.mark.parametrize(
    ("control", "treatment", "reason"),
    [
        (arm([], []), arm([1.0, 2], [1.0, 2]), Withheld.NO_CUSTOMERS),
        (arm([1.0], [0.0]), arm([1.0, 2], [1.0, 2]), Withheld.ONE_CUSTOMER),
        # No cost at all, a cost below the control's, and one that might as well be zero.
        (arm([1.0, 2, 4], [0.0, 0, 0]), arm([1.0, 2, 3], [0.0, 0, 0]), Withheld.NO_EXTRA_COST),
        (arm([1.0, 2, 4], [3.0, 4, 3]), arm([1.0, 2, 3], [0.0, 1, 0]), Withheld.NO_EXTRA_COST),
        (arm([1.0, 2, 4], [0.0, 0, 0]), arm([1.0, 2, 3], [9.0, 0, 0]), Withheld.NO_EXTRA_COST),
        (arm([1.0, 1, 1], [0.0, 0, 0]), arm([2.0, 2, 2], [1.0, 1, 1]), Withheld.NO_VARIATION),
    ],
)
def test_what_has_no_answer_says_why(control, treatment, reason):
    with pytest.raises(WithheldError) as caught:
        incremental_return(control, treatment, FIXED)
    assert caught.value.reason is reason
