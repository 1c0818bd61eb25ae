"""One look, any look, and the hybrid of both; corrections."""

from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.analysis.corrections import benjamini_hochberg, holm
from experiments.analysis.sequential import FixedRule, SequenceRule, hybrid_rule


@given(st.floats(0.1, 8), st.integers(10, 10**7), st.sampled_from([0.001, 0.01, 0.05, 0.2]))
def test_interval_and_p_value_of_the_sequence_agree(statistic, n, alpha):
    rule = SequenceRule(alpha, 20_000)
    critical = rule.critical_value(n, 1e9)
    if abs(statistic - critical) > 1e-9:
        assert (rule.p_value(statistic, n, 1e9) <= alpha) == (statistic >= critical)


@given(st.floats(0.1, 8), st.floats(2, 1e6), st.sampled_from([0.001, 0.05, 0.2]))
def test_interval_and_p_value_of_the_fixed_rule_agree(statistic, freedom, alpha):
    rule = FixedRule(alpha)
    critical = rule.critical_value(100, freedom)
    if abs(statistic - critical) > 1e-6:
        assert (rule.p_value(statistic, 100, freedom) <= alpha) == (statistic >= critical)


def test_the_sequence_by_hand():
    rule = SequenceRule(0.05, 1000)
    # ρ² = (−2 ln .05 + ln(1 − 2 ln .05)) / 1000 = (5.99146 + ln 6.99146) / 1000 = .00793616
    assert rule.rho_squared == pytest.approx(0.00793616, abs=1e-8)
    # At n = 1000: √(2 · 8.93616 / 7.93616 · ln(√8.93616 / .05)) = 3.0354
    expected = sqrt(2 * 8.93616 / 7.93616 * log(sqrt(8.93616) / 0.05))
    assert rule.critical_value(1000, 1.0) == pytest.approx(expected, rel=1e-5)


def test_the_sequence_holds_at_all_looks_together():
    """Without effect it leaves zero out at some look in at most 5 % of runs; Student's t in far more."""
    looks = np.arange(50, 2001, 50)
    rng = np.random.default_rng(3)
    walks = np.cumsum(rng.standard_normal((2000, 2000)), axis=1)[:, looks - 1]
    statistics = np.abs(walks) / np.sqrt(looks)
    sequence, fixed = SequenceRule(0.05, 2000), FixedRule(0.05)
    crossed = (statistics > [sequence.critical_value(n, 1e9) for n in looks]).any(axis=1).mean()
    peeked = (statistics > fixed.critical_value(0, 1e9)).any(axis=1).mean()
    assert crossed <= 0.05
    assert peeked > 0.2


def test_the_hybrid_splits_alpha():
    running = hybrid_rule(0.05, customers=999, planned=1000, pair_planned=800)
    assert running == SequenceRule(pytest.approx(0.01), 800)
    assert hybrid_rule(0.05, customers=1000, planned=1000, pair_planned=800) == FixedRule(pytest.approx(0.04))


def test_holm_by_hand():
    # Sorted .01, .02, .03, .04: 4·.01, then 3·.02 = .06, then 2·.03 = .06, then max(.06, .04) = .06.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_benjamini_hochberg_by_hand():
    # Sorted .01, .02, .03, .5: min over later of 4·.01, 2·.02, 4/3·.03, .5 = .04, .04, .04, .5.
    assert benjamini_hochberg([0.5, 0.02, 0.01, 0.03]) == pytest.approx([0.5, 0.04, 0.04, 0.04])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_corrections_only_raise_and_keep_the_order(p_values):
    for adjusted in (holm(p_values), benjamini_hochberg(p_values)):
        assert all(
            raw <= new <= 1 or new == pytest.approx(raw) for raw, new in zip(p_values, adjusted, strict=True)
        )
        order = np.argsort(p_values, kind="stable")
        assert (np.diff(np.array(adjusted)[order]) >= 0).all()
