"""Numbers to 1e-7 that the statistics must reproduce from sufficient statistics alone.

Source: a simulated shop of 20,000 customers in two arms; n, Σ and Σ² of orders, of orders before exposure and
of sessions, with lifts, intervals and p-values as tea-tasting 1.14 computes them (Welch's degrees of freedom,
α .05); the confidence sequence from the formula of Waudby-Smith et al. (2024) with N* = 20,000.
"""

import pytest

from experiments.analysis.aggregates import COVARIATE, DENOMINATOR, VALUE, Aggregate
from experiments.analysis.estimates import estimate
from experiments.analysis.metrics.cuped import pooled_theta
from experiments.analysis.sample_ratio import sample_ratio
from experiments.analysis.sequential import FixedRule, SequenceRule
from experiments.design import Metric

ORDERS = Metric(key="orders", kind="mean")
ADJUSTED = Metric(key="orders", kind="mean", covariate="orders_before")
PER_SESSION = Metric(key="orders_per_session", kind="ratio", column="orders", denominator="sessions")
# n, Σorders, Σorders², Σpre, Σpre², Σorders·pre
CONTROL = (9942, 10001, 25057, 9844, 24920, 14928)
TREATMENT = (10058, 10758, 28016, 10363, 26417, 16526)
# Σsessions, Σsessions², Σorders·sessions
CONTROL_SESSIONS = (39991, 195801, 55089)
TREATMENT_SESSIONS = (40934, 203342, 60343)
EXACT = {"rel": 0, "abs": 1e-7}


def with_covariate(of_orders):
    n, orders, squares, before, before_squares, together = of_orders
    return Aggregate(
        n,
        {VALUE: orders, COVARIATE: before},
        {(VALUE, VALUE): squares, (COVARIATE, COVARIATE): before_squares, (COVARIATE, VALUE): together},
    )


def with_sessions(of_orders, of_sessions):
    n, orders, squares, *_ = of_orders
    sessions, session_squares, together = of_sessions
    return Aggregate(
        n,
        {VALUE: orders, DENOMINATOR: sessions},
        {
            (VALUE, VALUE): squares,
            (DENOMINATOR, DENOMINATOR): session_squares,
            (DENOMINATOR, VALUE): together,
        },
    )


def check(found, lift, low, high, p_value):
    assert found.lift_abs == pytest.approx(lift, **EXACT)
    assert found.ci_abs == pytest.approx((low, high), **EXACT)
    assert found.p_value == pytest.approx(p_value, **EXACT)


def test_orders_by_welch():
    found = estimate(ORDERS, with_covariate(CONTROL), with_covariate(TREATMENT), FixedRule(0.05))
    check(found, 0.06366192, 0.02887682, 0.09844702, 0.00033499)


def test_orders_with_cuped():
    control, treatment = with_covariate(CONTROL), with_covariate(TREATMENT)
    assert pooled_theta(control, treatment) == pytest.approx(0.33893447, **EXACT)
    found = estimate(ADJUSTED, control, treatment, FixedRule(0.05))
    check(found, 0.05004310, 0.01727266, 0.08281353, 0.00276403)


def test_orders_per_session_by_the_delta_method():
    control = with_sessions(CONTROL, CONTROL_SESSIONS)
    treatment = with_sessions(TREATMENT, TREATMENT_SESSIONS)
    found = estimate(PER_SESSION, control, treatment, FixedRule(0.05))
    check(found, 0.01273204, 0.00586617, 0.01959791, 0.00027893)


def test_orders_by_the_confidence_sequence():
    rule = SequenceRule(0.05, 20_000)
    found = estimate(ORDERS, with_covariate(CONTROL), with_covariate(TREATMENT), rule)
    assert found.ci_abs == pytest.approx((0.00979683, 0.11752702), **EXACT)


def test_sample_ratio():
    # χ² = (9942 − 10000)² / 10000 + (10058 − 10000)² / 10000 = .6728
    found = sample_ratio([CONTROL[0], TREATMENT[0]], [0.5, 0.5])
    assert found.chi_square == pytest.approx(0.6728)
    assert found.p_value == pytest.approx(0.41207710, **EXACT)


def test_the_published_sample_ratio_of_hillstroms_experiment():
    """Source: MineThatData's e-mail experiment has 21,306, 21,307 and 21,387 customers: χ² .2025, p .904."""
    found = sample_ratio([21_306, 21_307, 21_387], [1, 1, 1])
    assert found.chi_square == pytest.approx(0.2025, abs=5e-5)
    assert found.p_value == pytest.approx(0.904, abs=5e-4)
