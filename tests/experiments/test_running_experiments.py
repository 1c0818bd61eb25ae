"""Holdout, forced variants, targeting, layers and schedules: who is in which experiment, and why not."""

from datetime import date, timedelta
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.assignment import Assignment, assign, hash_fraction, layer_fraction
from experiments.design import Treatment, parse_design
from experiments.running import REASONS, RunningExperiments, holdout_design, place_many
from features.settings import ExperimentSettings

DAY = date(2026, 3, 1)
OFFER = Treatment(offer_policy="win_back")
HALVES = [
    {"key": "control", "weight": 0.5},
    {"key": "offer", "weight": 0.5, "treatment": {"offer_policy": "win_back"}},
]
IDS = [f"c{i}" for i in range(4000)]


def design(key="mail", **changes):
    return parse_design({"key": key, "rule": "fixed", "variants": HALVES, **changes})


def holdout(share=0.1, seed="keep out"):
    return holdout_design(ExperimentSettings(holdout_share=share, holdout_seed=seed))


def test_everybody_gets_the_variant_of_the_hash_with_its_treatment_and_the_controls():
    assigner = RunningExperiments([design()])
    for customer in IDS[:50]:
        [found] = assigner(customer, {}, DAY)
        if assign("mail", customer, [0.5, 0.5]) == 1:
            assert found == Assignment("mail", "offer", OFFER, forced=False, control=Treatment())
        else:
            assert found == Assignment("mail", "control", Treatment())


def test_the_seed_replaces_the_key():
    seeded = RunningExperiments([design(seed="mail", key="other")])
    plain = RunningExperiments([design()])
    assert [seeded(c, {}, DAY)[0].variant for c in IDS[:100]] == [
        plain(c, {}, DAY)[0].variant for c in IDS[:100]
    ]


def test_a_forced_customer_needs_no_target_layer_or_coverage():
    plan = design(
        forced={"tester": "offer"},
        targeting={"tier": ["gold"]},
        layer={"name": "home", "range": [0.0, 0.001]},
        schedule=[{"from": "2030-01-01", "coverage": 1.0}],
    )
    assigner = RunningExperiments([plan])
    assert assigner("tester", {}, DAY) == [Assignment("mail", "offer", OFFER, forced=True)]
    assert assigner.explain("mail", "tester", {}, DAY)[1] == "forced"


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        ({"tier": "gold", "consent_marketing": True, "rfm_recency": 5}, "assigned"),
        ({"tier": "silver", "consent_marketing": True, "rfm_recency": 5}, "not_targeted"),
        ({"tier": "gold", "consent_marketing": False, "rfm_recency": 5}, "not_targeted"),
        ({"tier": "gold", "consent_marketing": None, "rfm_recency": 5}, "not_targeted"),
        ({"tier": "gold", "consent_marketing": True, "rfm_recency": 1}, "not_targeted"),
        ({}, "not_targeted"),
    ],
)
def test_targeting_wants_one_of_the_values_of_every_field(profile, reason):
    targeting = {"tier": ["gold", "platinum"], "consent_marketing": ["true"], "rfm_recency": ["4", "5"]}
    assigner = RunningExperiments([design(targeting=targeting)])
    assert assigner.explain("mail", "c1", profile, DAY)[1] == reason
    assert len(assigner("c1", profile, DAY)) == (reason == "assigned")


def test_experiments_in_one_layer_share_nobody_and_together_have_everybody():
    assigner = RunningExperiments(
        [
            design("one", layer={"name": "home", "range": [0.0, 0.4]}),
            design("two", layer={"name": "home", "range": [0.4, 1.0]}),
        ]
    )
    keys = [[each.key for each in assigner(customer, {}, DAY)] for customer in IDS]
    assert all(len(found) == 1 for found in keys)
    ones = keys.count(["one"])
    assert abs(ones - 1600) < 3.9 * sqrt(4000 * 0.4 * 0.6)
    outside = next(c for c in IDS if layer_fraction("home", c) >= 0.4)
    assert assigner.explain("one", outside, {}, DAY) == (None, "outside_layer")


def test_a_schedule_covers_nobody_before_its_first_day_and_then_more_and_more():
    steps = [{"from": "2026-03-01", "coverage": 0.1}, {"from": "2026-03-08", "coverage": 0.5}]
    plan = design(schedule=steps)
    assert [plan.coverage_on(DAY + timedelta(days=days)) for days in (-1, 0, 6, 7, 700)] == [
        0.0, 0.1, 0.1, 0.5, 0.5,
    ]  # fmt: skip
    assigner = RunningExperiments([plan])
    before, first, last = (
        {c: found[0].variant for c in IDS if (found := assigner(c, {}, DAY + timedelta(days=days)))}
        for days in (-1, 0, 7)
    )
    assert before == {}
    assert first.items() < last.items()
    assert abs(len(first) - 400) < 3.9 * sqrt(4000 * 0.1 * 0.9)


def test_the_holdout_joins_nothing_else_and_everybody_else_joins_both():
    keep_out, assigner = holdout(), RunningExperiments([design(forced={"c0": "offer"})], holdout())
    held_out = 0
    for customer in IDS:
        found = assigner(customer, {}, DAY)
        if hash_fraction("keep out", customer) < 0.1:
            held_out += 1
            assert [(each.key, each.variant) for each in found] == [("program_holdout", "held_out")]
            assert found[0].treatment == Treatment(offer_policy="none")
            assert assigner.explain("mail", customer, {}, DAY) == (None, "held_out")
        else:
            assert [each.key for each in found] == ["program_holdout", "mail"]
            assert (found[0].variant, found[0].treatment) == ("program", Treatment())
    assert abs(held_out - 400) < 3.9 * sqrt(4000 * 0.1 * 0.9)
    assert list(assigner.designs) == ["program_holdout", "mail"]
    assert keep_out.variants[0].key == "held_out"


def test_without_exposures_the_shop_keeps_its_offers_and_the_holdout_stays_without():
    assigner = RunningExperiments([], holdout())
    controls = {assigner(c, {}, DAY)[0].variant: assigner(c, {}, DAY)[0].control for c in IDS[:200]}
    assert controls == {"held_out": Treatment(offer_policy="none"), "program": Treatment()}


def test_a_share_of_0_holds_nobody_out():
    assert holdout(share=0.0) is None


def test_a_wider_holdout_moves_nobody_back_and_another_seed_draws_others():
    def held_out(share, seed="keep out"):
        assigner = RunningExperiments([], holdout(share, seed))
        return {c for c in IDS if assigner(c, {}, DAY)[0].variant == "held_out"}

    assert held_out(0.05) < held_out(0.1)
    assert held_out(0.1) - held_out(0.1, "another")


TEXT = st.text(max_size=12)


@given(
    st.lists(TEXT | st.just("tester"), max_size=20),
    st.sampled_from([None, 0.05, 0.5]),
    st.sampled_from([{}, {"tier": ["gold"]}]),
    st.sampled_from([None, {"name": "home", "range": [0.2, 0.7]}]),
    st.floats(0.01, 1),
)
def test_many_customers_are_placed_as_each_one_is(customers, share, targeting, layer, coverage):
    plan = design(targeting=targeting, layer=layer, coverage=coverage, forced={"tester": "offer"})
    keep_out = None if share is None else holdout(share)

    def profile_of(customer):
        return {"tier": "gold" if len(customer) % 2 else "silver"}

    positions, reasons = place_many(plan, keep_out, customers, profile_of, DAY)
    assigner = RunningExperiments([plan], keep_out)
    for customer, position, reason in zip(customers, positions.tolist(), reasons.tolist(), strict=True):
        found, why = assigner.explain("mail", customer, profile_of(customer), DAY)
        assert REASONS[reason] == why
        assert (None if position < 0 else plan.variants[position].key) == (found and found.variant)
        served = [each for each in assigner(customer, profile_of(customer), DAY) if each.key == "mail"]
        assert served == ([] if found is None else [found])
