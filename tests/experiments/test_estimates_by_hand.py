"""Every kind of metric on numbers small enough to follow."""

from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.analysis.aggregates import Aggregate
from experiments.analysis.arms import Withheld, WithheldError
from experiments.analysis.estimates import arms_of, estimate, plain_mean
from experiments.analysis.sequential import FixedRule
from experiments.design import Metric

MEAN = Metric(key="spend", kind="mean")
ADJUSTED = Metric(key="spend", kind="mean", covariate="before")
RATIO = Metric(key="order_value", kind="ratio", denominator="orders")
FIXED = FixedRule(0.05)


def test_welch():
    control, treatment = Aggregate.of(value=[1, 2, 3]), Aggregate.of(value=[2, 4, 6, 8])
    found = estimate(MEAN, control, treatment, FIXED)
    # Means 2 and 5; variances 1 and 20/3; standard errors squared 1/3 and 5/3, together 2.
    # Degrees of freedom 2² / ((1/3)²/2 + (5/3)²/3) = 4 / (1/18 + 25/27) = 216/53.
    freedom = 216 / 53
    half = stats.t.ppf(0.975, freedom) * sqrt(2)
    assert found.lift_abs == pytest.approx(3)
    assert found.standard_error == pytest.approx(sqrt(2))
    assert found.ci_abs == pytest.approx((3 - half, 3 + half))
    assert found.p_value == pytest.approx(2 * stats.t.sf(3 / sqrt(2), freedom))
    assert found.lift_rel == pytest.approx(5 / 2 - 1)


def test_the_relative_interval_is_that_of_the_logarithm():
    control, treatment = Aggregate.of(value=[1, 2, 3]), Aggregate.of(value=[2, 4, 6, 8])
    # Squared errors of the logarithms: (1/3)/2² = 1/12 and (5/3)/5² = 1/15, together 3/20.
    freedom = (3 / 20) ** 2 / ((1 / 12) ** 2 / 2 + (1 / 15) ** 2 / 3)
    half = stats.t.ppf(0.975, freedom) * sqrt(3 / 20)
    low, high = exp(log(2.5) - half) - 1, exp(log(2.5) + half) - 1
    assert estimate(MEAN, control, treatment, FIXED).ci_rel == pytest.approx((low, high))


def test_a_proportion_is_a_mean_of_zeros_and_ones():
    control, treatment = Aggregate.of(value=[0, 0, 0, 1]), Aggregate.of(value=[0, 1, 1, 1])
    metric = Metric(key="visit", kind="proportion")
    # Variances with divisor n − 1: 4 · .25 · .75 / 3 = .25 in both arms.
    assert [arm.variance for arm in arms_of(metric, control, treatment)] == pytest.approx([0.25, 0.25])
    assert estimate(metric, control, treatment, FIXED).lift_abs == pytest.approx(0.5)


def test_a_ratio_divides_sums_not_customers():
    control = Aggregate.of(value=[10, 30], denominator=[1, 2])
    treatment = Aggregate.of(value=[20, 30], denominator=[1, 1])
    # Control: 40 / 3. Residuals value − 40/3 · denominator: 10 − 40/3 = −10/3 and 10/3; mean denominator 3/2;
    # variance 2 · (10/3)² / (2 − 1) / (3/2)² = 800/81.
    arms = arms_of(RATIO, control, treatment)
    assert arms[0].mean == pytest.approx(40 / 3)
    assert arms[0].variance == pytest.approx(800 / 81)
    # Treatment: 25 with residuals −5 and 5, mean denominator 1: variance 50.
    assert (arms[1].mean, arms[1].variance) == pytest.approx((25, 50))
    assert plain_mean(RATIO, control) == pytest.approx(40 / 3)


def test_cuped_moves_both_arms_to_the_common_covariate():
    control = Aggregate.of(value=[1, 2, 3, 6], covariate=[0, 1, 2, 3])
    treatment = Aggregate.of(value=[3, 5, 6, 8], covariate=[1, 2, 3, 4])
    # Together: mean covariate 2, mean value 34/8; Σ(x−2)² = 12;
    # Σ(x−2)(y−34/8) = Σxy − 8·2·34/8 = 89 − 68 = 21.
    theta = 21 / 12
    arms = arms_of(ADJUSTED, control, treatment)
    assert arms[0].mean == pytest.approx(3 - theta * (1.5 - 2))
    assert arms[1].mean == pytest.approx(5.5 - theta * (2.5 - 2))
    # The variance that is left is that of value − θ·covariate.
    left = np.var(np.array([1, 2, 3, 6]) - theta * np.array([0, 1, 2, 3]), ddof=1)
    assert arms[0].variance == pytest.approx(left)


def test_cuped_with_a_constant_covariate_changes_nothing():
    control = Aggregate.of(value=[1, 2, 3], covariate=[7, 7, 7])
    treatment = Aggregate.of(value=[2, 4, 6], covariate=[7, 7, 7])
    plain = estimate(MEAN, Aggregate.of(value=[1, 2, 3]), Aggregate.of(value=[2, 4, 6]), FIXED)
    assert estimate(ADJUSTED, control, treatment, FIXED) == plain


def test_cuped_that_explains_everything_leaves_no_variation():
    control = Aggregate.of(value=[0.1, 0.2, 0.3], covariate=[0.1, 0.2, 0.3])
    with pytest.raises(WithheldError) as caught:
        estimate(ADJUSTED, control, control, FIXED)
    assert caught.value.reason is Withheld.NO_VARIATION


@pytest.mark.parametrize(
    ("metric", "control", "treatment", "reason"),
    [
        (MEAN, Aggregate.empty(), Aggregate.of(value=[1, 2]), Withheld.NO_CUSTOMERS),
        (MEAN, Aggregate.of(value=[1, 2]), Aggregate.of(value=[1]), Withheld.ONE_CUSTOMER),
        (MEAN, Aggregate.of(value=[1, 1]), Aggregate.of(value=[3, 3]), Withheld.NO_VARIATION),
        (
            RATIO,
            Aggregate.of(value=[0, 0], denominator=[0, 0]),
            Aggregate.of(value=[1, 2], denominator=[1, 1]),
            Withheld.NO_DENOMINATOR,
        ),
    ],
)
def test_what_has_no_answer_says_why(metric, control, treatment, reason):
    with pytest.raises(WithheldError) as caught:
        estimate(metric, control, treatment, FIXED)
    assert caught.value.reason is reason


def test_one_arm_without_variation_is_still_an_answer():
    found = estimate(MEAN, Aggregate.of(value=[0, 0, 0]), Aggregate.of(value=[0, 1, 2]), FIXED)
    # Only the treatment's error counts, with its own 2 degrees of freedom.
    assert found.p_value == pytest.approx(2 * stats.t.sf(1 / sqrt(1 / 3), 2))
    assert found.lift_rel is None


def test_a_mean_next_to_nothing_gives_no_infinite_number():
    tiny, whole = Aggregate.of(value=[0.0, 5e-167]), Aggregate.of(value=[0.0, 1.0])
    there, back = estimate(MEAN, tiny, whole, FIXED), estimate(MEAN, whole, tiny, FIXED)
    assert np.isfinite([there.lift_rel, *there.ci_rel]).all()
    assert back.lift_rel == pytest.approx(-1.0)
    # 1 / 1e-320 is beyond any number.
    assert estimate(MEAN, Aggregate.of(value=[0.0, 2e-320]), whole, FIXED).lift_rel is None


VALUES = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=2, max_size=20)


@given(VALUES, VALUES)
def test_swapping_the_arms_turns_the_sign(one, other):
    first, second = Aggregate.of(value=one), Aggregate.of(value=other)
    try:
        there, back = estimate(MEAN, first, second, FIXED), estimate(MEAN, second, first, FIXED)
    except WithheldError:
        return
    assert there.lift_abs == -back.lift_abs
    assert there.ci_abs == pytest.approx((-back.ci_abs[1], -back.ci_abs[0]))
    assert there.p_value == pytest.approx(back.p_value)
    assert 0 <= there.p_value <= 1
    assert np.isfinite([*there.ci_abs, there.p_value]).all()
