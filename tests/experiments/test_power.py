"""How many customers find a lift: by the textbook, and by letting experiments of that size happen."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.analysis.aggregates import Aggregate
from experiments.analysis.estimates import estimate
from experiments.analysis.power import (
    Arrivals,
    Question,
    critical_value,
    days_needed,
    minimum_detectable_effect,
)
from experiments.analysis.sequential import FixedRule, SequenceRule
from experiments.design import Metric


def test_power_by_the_textbook():
    """Source: Lehr's rule, n ≈ 16 σ² / δ² an arm (15.698 exactly) for 80 % power at 5 %."""
    assert Question(mean=2.0, variance=1.0).customers_for(0.5) == 126  # 2 · 15.698 / .25 = 125.6
    assert minimum_detectable_effect(0.5) == pytest.approx(2.8016 * 0.5, abs=1e-4)


def test_a_shares_variance_follows_from_its_mean():
    # 10 % against 12 %: (1.95996 + .84162)² · (2 · .1 · .9 + 2 · .12 · .88) / .02² = 7.84888 · .3912 / .0004.
    assert Question(mean=0.1, variance=0.09, is_share=True).customers_for(0.02) == 7677


def test_cuped_takes_its_share_of_the_customers():
    # 4 · 7.84888 / .25 · (1 − .36) = 80.4
    assert Question(mean=2.0, variance=1.0, rho_squared=0.36).customers_for(0.5) == 81


def test_the_hybrid_pays_for_its_looks():
    # It ends at α .04: (2.05375 + .84162)² · 4 / .25 = 134.1
    assert Question(mean=2.0, variance=1.0, rule="hybrid").customers_for(0.5) == 135
    assert critical_value("sequence") == pytest.approx(SequenceRule(0.05, 1000).critical_value(1000, 1.0))


def test_more_variants_share_the_customers_and_the_error():
    # α .05 / 2 by Holm: (2.24140 + .84162)² · (1/.4 + 1/.3) / .5² = 9.50502 · 5.83333 / .25 = 221.8
    asked = Question(mean=2.0, variance=1.0, weights=(0.4, 0.3), comparisons=2)
    assert asked.customers_for(0.5) == 222


@given(
    st.floats(0.01, 0.9),
    st.floats(0.001, 0.09),
    st.floats(0, 0.9),
    st.sampled_from(["fixed", "hybrid", "sequence"]),
)
def test_customers_and_the_lift_they_find_are_each_others_answer(mean, effect, rho_squared, rule):
    asked = Question(mean, mean * (1 - mean), is_share=True, rho_squared=rho_squared, rule=rule)
    customers = asked.customers_for(effect)
    if customers > 1000:
        assert asked.effect_for(customers) == pytest.approx(effect, rel=2e-3)
        assert asked.effect_for(customers) <= effect * (1 + 1e-9)


def found_share(asked, effect, rule, draw, metric, runs=1_500):
    """How often experiments of the size named find the lift, by the project's own estimate."""
    customers = asked.customers_for(effect)
    sizes = [round(customers * weight) for weight in asked.weights]
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(runs):
        arms = [draw(rng, n, effect if treated else 0.0) for treated, n in enumerate(sizes)]
        hits += estimate(metric, *arms, rule).p_value <= rule.alpha
    return hits / runs, 3 * sqrt(asked.power * (1 - asked.power) / runs)


def test_an_experiment_of_the_size_named_finds_a_share():
    def draw(rng, n, effect):
        returned = rng.binomial(n, 0.2 + effect)
        return Aggregate(n, {"value": float(returned)}, {("value", "value"): float(returned)})

    asked = Question(0.2, 0.16, is_share=True, weights=(0.6, 0.4))
    share, error = found_share(asked, 0.05, FixedRule(0.05), draw, Metric(key="d30", kind="retention"))
    assert share == pytest.approx(0.8, abs=error)


@pytest.mark.parametrize("rule", ["fixed", "hybrid"])
def test_an_experiment_of_the_size_named_finds_a_mean_with_cuped(rule):
    """A habit of gamma(1) · 1.5: mean 1.5, variance 1.5 + 1.5² = 3.75, correlation 1.5 / 2.5, squared .36."""

    def draw(rng, n, effect):
        habit = rng.gamma(1.0, 1.5, n)
        return Aggregate.of(value=rng.poisson(habit) + effect, covariate=rng.poisson(habit))

    asked = Question(1.5, 3.75, rho_squared=0.36, power=0.9, rule=rule)
    at_the_end = FixedRule(0.05 if rule == "fixed" else 0.04)
    metric = Metric(key="orders", kind="mean", covariate="orders_before")
    share, error = found_share(asked, 0.3, at_the_end, draw, metric)
    assert share == pytest.approx(0.9, abs=error)


def test_days_needed_counts_the_window_of_the_last_customer():
    assert days_needed(1000, 300, matures_after_days=31) == 4 + 31


def test_regulars_come_first_and_then_fewer_and_fewer():
    arrivals = Arrivals([100, 40, 20, 20], coverage=0.5)
    assert [arrivals.customers_after(days) for days in (0, 1, 2, 4)] == [0, 50, 70, 90]
    # Beyond the days seen at their mean, 180 · .5 / 4 = 22.5 a day.
    assert arrivals.customers_after(6) == 135
    assert [arrivals.days_for(customers) for customers in (50, 51, 90, 91, 135, 136)] == [1, 2, 4, 5, 6, 7]
    assert Arrivals([10, *[0] * 28]).days_for(11) is None
