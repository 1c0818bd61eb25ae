"""Simulated customers: what is planted is there exactly, and the twin counts as an analysis must."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.analysis.estimates import estimate
from experiments.analysis.sequential import FixedRule
from experiments.assignment import assign
from experiments.design import parse_design
from experiments.simulate import (
    HISTORY_DAYS,
    LAPSED_AFTER_DAYS,
    TRUE_LIFT_MAX,
    TRUE_LIFT_MIN,
    counts_by,
    draw_population,
    planned_customers,
    simulate_twin,
)
from features.errors import DataError

DESIGN = parse_design(
    {
        "key": "win-back",
        "rule": "fixed",
        "variants": [
            {"key": "control", "weight": 0.5},
            {"key": "gift", "weight": 0.5, "treatment": {"offer_policy": "win_back"}},
        ],
    }
)


def people_of(seed=1, customers=600, days=75, true_lift=0.06):
    rng = np.random.default_rng(seed)
    return draw_population(rng, customers=customers, days=days, true_lift=true_lift)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    true_lift=st.floats(TRUE_LIFT_MIN, TRUE_LIFT_MAX),
    customers=st.integers(200, 900),
)
def test_the_planted_lift_is_the_mean_gain_and_every_chance_is_one(seed, true_lift, customers):
    people = people_of(seed, customers, 40, true_lift)
    assert people.gain[people.lapsed].mean() == pytest.approx(true_lift, abs=1e-12)
    assert (people.gain[~people.lapsed] == 0).all()
    for chance in (people.chance, people.chance + people.gain):
        assert ((chance >= 0) & (chance <= 1)).all()
    assert ((people.soon >= 1) & (people.soon <= 30)).all()
    assert (people.late > 30).all()


def test_silence_is_counted_from_the_last_purchase_to_the_eve_of_the_launch():
    people = people_of()
    for customer in range(50):
        bought = np.flatnonzero(people.bought_before[customer])
        assert people.silent_days[customer] == HISTORY_DAYS - 1 - bought[-1]
    assert (people.lapsed == (people.silent_days > LAPSED_AFTER_DAYS)).all()
    assert not (people.awake & people.lapsed).any()
    assert 0.6 < people.lapsed.mean() < 0.9


def test_a_customer_whom_the_offer_brings_back_is_below_the_raised_chance_only():
    people = people_of(customers=4000)
    nobody, everybody = np.zeros(4000, dtype=bool), np.ones(4000, dtype=bool)
    without, with_offer = people.returns_after(nobody) <= 30, people.returns_after(everybody) <= 30
    assert not (without & ~with_offer).any(), "an offer that helps keeps nobody away"
    won = people.lapsed & with_offer & ~without
    assert (
        (people.draw[won] >= people.chance[won]) & (people.draw[won] < (people.chance + people.gain)[won])
    ).all()
    lapsed = int(people.lapsed.sum())
    assert won.sum() / lapsed == pytest.approx(0.06, abs=4 * sqrt(0.06 * 0.94 / lapsed))


def test_nobody_orders_before_coming_back():
    people = people_of()
    back = people.back_from(np.zeros(600, dtype=bool))
    for day in range(75):
        ordering = people.orders_on(day, back)
        assert (back[ordering] <= day).all()
        assert ordering[back == day].all(), "the day of the return is a day of an order"
    assert (back[people.lapsed] > people.first_visit[people.lapsed]).all(), "day 0 is never an outcome"


def test_day_thirty_must_lie_before_the_newest_order():
    # 10 + 30 = 40 < 41, but 11 + 30 = 41 is not.
    assert counts_by(41, np.array([10, 11])).tolist() == [True, False]


def test_the_twin_counts_what_a_loop_over_customers_counts():
    people = people_of(seed=4, customers=400, days=50)
    twin = simulate_twin(np.random.default_rng(4), DESIGN, customers=400, days=50, true_lift=0.06)
    orders, exposed, gains = {}, {"control": [], "gift": []}, []
    for i, customer_id in enumerate(people.customer_ids):
        variant = ("control", "gift")[assign("win-back", customer_id, [0.5, 0.5])]
        chance = people.chance[i] + (people.gain[i] if variant == "gift" else 0)
        back = -1 if people.awake[i] else people.first_visit[i]
        if people.lapsed[i]:
            back += people.soon[i] if people.draw[i] < chance else people.late[i]
        habit = [d for d in range(50) if people.habit[i, d] and d > back]
        orders[i] = [d for d in [back, *habit] if 0 <= d < 50] if people.awake[i] or people.lapsed[i] else []
        if people.first_visit[i] < 50:
            exposed[variant].append(i)
    newest = max(day for days in orders.values() for day in days)
    assert twin.newest_day == newest
    for variant, customers in exposed.items():
        assert twin.exposed[variant] == len(customers)
        first = {i: people.first_visit[i] for i in customers}
        counted = [i for i in customers if first[i] + 30 < newest]
        gains += [people.gain[i] for i in counted]
        for found, of in ((twin.matured, counted), (twin.everyone, customers)):
            returned = [any(1 <= day - first[i] <= 30 for day in orders[i]) for i in of]
            assert (found[variant].n, found[variant].sums["value"]) == (len(of), sum(returned))
    assert twin.true_lift == pytest.approx(sum(gains) / len(gains))


def test_matured_customers_tell_the_truth_and_everyone_does_not():
    metric = DESIGN.described_metrics()[0]
    matured, everyone, covered = [], [], 0
    for seed in range(200):
        design = DESIGN.model_copy(update={"seed": str(seed)})
        rng = np.random.default_rng(seed)
        twin = simulate_twin(rng, design, customers=2000, days=55, true_lift=0.1)
        arms = twin.matured["control"], twin.matured["gift"]
        found = estimate(metric, *arms, FixedRule(0.05))
        covered += found.ci_abs[0] <= twin.true_lift <= found.ci_abs[1]
        matured.append(found.lift_abs - twin.true_lift)
        everyone.append(
            twin.everyone["gift"].mean() - twin.everyone["control"].mean() - twin.true_lift_everyone
        )
    error = np.std(matured) / sqrt(200)
    assert abs(np.mean(matured)) < 4 * error
    assert np.mean(everyone) < -4 * error, "immature customers pull the lift towards zero"
    # 200 × .95 = 190, standard deviation √(200 × .95 × .05) = 3.1
    assert covered > 190 - 4 * 3.1


def test_equal_seeds_give_equal_experiments_and_the_plan_is_reached():
    first, second = (
        simulate_twin(np.random.default_rng(9), DESIGN, customers=800, days=60, true_lift=0.06)
        for _ in range(2)
    )
    assert first == second
    counted = sum(arm.n for arm in first.matured.values())
    planned = planned_customers(people_of(9, 800, 60), 60)
    assert planned <= counted <= planned * 1.3


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"customers": 50}, "50 customers"),
        ({"days": 31}, "31 days"),
        ({"true_lift": 0.9}, "0.9"),
        ({"true_lift": -0.2}, "-0.2"),
        ({"true_lift": float("nan")}, "nan"),
    ],
)
def test_what_cannot_be_simulated_is_said(changed, named):
    with pytest.raises(DataError, match=named):
        people_of(**changed)
