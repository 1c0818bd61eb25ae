"""The tier rule: by hand, against a slow twin, and its promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.columns import TIERS
from features.errors import SettingsError
from features.loyalty.tiers import TIER_NAMES, TierRules, tiers_as_of
from features.settings import load_settings

RULES = TierRules(lines=(100.0, 200.0, 300.0), window_days=10, review_every_days=5, grace_days=7)


def standing(spends, as_of_day, rules=RULES, customers=1):
    """`spends` is [(customer, day, amount)]."""
    customer, day, amount = zip(*spends, strict=True) if spends else ((), (), ())
    return tiers_as_of(
        np.array(customer, dtype=np.int32),
        np.array(day, dtype=np.int32),
        np.array(amount, dtype=np.float64),
        customers=customers,
        as_of_day=as_of_day,
        rules=rules,
    )


def tier(spends, as_of_day, rules=RULES):
    return TIERS[standing(spends, as_of_day, rules).tier[0]]


def test_up_at_once_and_down_by_steps():
    # Day 2: 300 spent, platinum the next morning. The end of day 11 still sees it, the end of day 12 does
    # not, so from the morning of day 13 the spend is 0. Reviews: 15, 20, 25 … Grace of 7 days: 13 + 7 = 20.
    spends = [(0, 2, 300.0)]
    expected = {
        2: "bronze",
        3: "platinum",
        13: "platinum",
        15: "platinum",
        19: "platinum",
        20: "gold",
        24: "gold",
        25: "silver",
        30: "bronze",
    }
    assert {day: tier(spends, day) for day in expected} == expected


def test_spend_back_above_the_line_ends_the_stretch():
    # Below 100 from the morning of day 13; 100 again on day 16; below again from the morning of day 27.
    spends = [(0, 2, 100.0), (0, 16, 100.0)]
    assert [tier(spends, day) for day in (20, 26, 33, 34, 35)] == [
        "silver",
        "silver",
        "silver",
        "silver",  # 27 + 7 = 34, but the review is on day 35
        "bronze",
    ]


def test_a_peak_between_reviews_counts():
    # 100 on day 6 is silver on day 7 although a return on day 8 has undone it before the review of day 10.
    spends = [(0, 6, 100.0), (0, 8, -100.0)]
    assert [tier(spends, day) for day in (7, 10)] == ["silver", "silver"]
    assert standing(spends, 10).spend.tolist() == [0.0]
    # Below from the morning of day 9: 9 + 7 = 16, the next review is day 20.
    assert [tier(spends, day) for day in (19, 20)] == ["silver", "bronze"]


def test_a_line_is_reached_by_exact_cents():
    # In binary .57 × 10000 falls short of 5700; a thousand of them must still reach 570.
    rules = TierRules(lines=(570.0, 700.0, 800.0), window_days=10, review_every_days=5, grace_days=7)
    coins = [(0, 1, 0.57)] * 1000
    assert tier(coins, 2, rules) == "silver"
    assert tier(coins[:-1], 2, rules) == "bronze"


def test_days_from_the_as_of_day_on_are_not_read():
    assert tier([(0, 5, 300.0), (0, 6, 999.0)], 5) == "bronze"


def test_nobody_and_no_spend():
    assert standing([], 100, customers=3).names.tolist() == ["bronze"] * 3
    assert len(standing([], 100, customers=0).tier) == 0


def test_rules_come_from_the_settings():
    rules = TierRules.from_settings(load_settings(overrides={"tiers": {"gold_spend_min": 777.0}}).tiers)
    assert rules.lines == (500.0, 777.0, 3000.0)


def test_every_tier_is_named():
    assert tuple(TIER_NAMES) == TIERS
    assert all(names["zh"] and names["en"] for names in TIER_NAMES.values())


# Days before 1970 are as good as any: -30 .. 60.
days = st.integers(-30, 60)
purchases = st.lists(st.tuples(st.integers(0, 2), days, st.integers(-100, 320).map(float)), max_size=25)
some_rules = st.builds(
    TierRules,
    lines=st.just((100.0, 200.0, 300.0)),
    window_days=st.integers(1, 25),
    review_every_days=st.integers(1, 12),
    grace_days=st.integers(0, 20),
)


def slow_twin(spends, as_of_day, rules):
    """The docstring's rule for one customer, day by day, with no shortcut: tier on every morning."""
    spent_on = {}
    for day, amount in spends:
        spent_on[day] = spent_on.get(day, 0.0) + amount
    tier_now, history, rolling = 0, {}, {}
    for morning in range(-60, as_of_day + 1):
        yesterday = morning - 1
        window = range(yesterday - rules.window_days + 1, yesterday + 1)
        rolling[morning] = sum(spent_on.get(day, 0.0) for day in window)
        tier_now = max(tier_now, sum(rolling[morning] >= line for line in rules.lines))
        if tier_now and morning % rules.review_every_days == 0:
            line, below = rules.lines[tier_now - 1], 0
            while rolling.get(morning - below, line) < line:
                below += 1
            # `below` mornings including this one: the stretch began below − 1 days ago.
            if below and below - 1 >= rules.grace_days:
                tier_now -= 1
        history[morning] = tier_now
    return history


@settings(max_examples=200, deadline=None)
@given(purchases, st.integers(-30, 90), some_rules)
def test_the_replay_agrees_with_its_slow_twin(spends, as_of_day, rules):
    found = standing(spends, as_of_day, rules, customers=3).tier.tolist()
    for customer in range(3):
        own = [(day, amount) for who, day, amount in spends if who == customer]
        assert found[customer] == slow_twin(own, as_of_day, rules)[as_of_day]


one_more = st.tuples(st.integers(0, 2), days, st.integers(0, 300).map(float))


@settings(max_examples=300, deadline=None)
@given(purchases, one_more, st.integers(-30, 90), some_rules)
def test_more_spend_never_gives_a_lower_tier(spends, more, as_of_day, rules):
    before = standing(spends, as_of_day, rules, customers=3).tier
    after = standing([*spends, more], as_of_day, rules, customers=3).tier
    assert (after >= before).all()


@settings(max_examples=40, deadline=None)
@given(purchases, some_rules)
def test_falls_are_single_steps_at_reviews_after_the_grace(spends, rules):
    mornings = range(-30, 90)
    tiers = np.array([standing(spends, day, rules, customers=3).tier for day in mornings])
    spend = np.array([standing(spends, day, rules, customers=3).spend for day in mornings])
    lines = np.array([-np.inf, *rules.lines])
    for row, day in enumerate(mornings):
        if row == 0:
            continue
        fell = np.flatnonzero(tiers[row] < tiers[row - 1])
        assert not len(fell) or day % rules.review_every_days == 0
        assert (tiers[row - 1, fell] - tiers[row, fell] <= 1).all()
        stretch = spend[max(0, row - rules.grace_days) : row + 1, fell]
        assert (stretch < lines[tiers[row - 1, fell]]).all()


@given(purchases, st.permutations(range(25)), some_rules)
def test_the_order_of_rows_does_not_matter(spends, order, rules):
    shuffled = [spends[place] for place in order if place < len(spends)]
    left, right = standing(spends, 50, rules, customers=3), standing(shuffled, 50, rules, customers=3)
    assert left.tier.tolist() == right.tier.tolist()
    assert left.spend.tolist() == right.spend.tolist()


@pytest.mark.parametrize("later", [51, 60])
def test_later_spend_never_moves_a_review(later):
    spends = [(0, 1, 300.0), (0, 12, 120.0)]
    assert tier([*spends, (0, later, 999.0)], 50) == tier(spends, 50)


def test_lines_that_do_not_rise_are_refused():
    with pytest.raises(SettingsError, match="must rise from silver over gold to platinum"):
        load_settings(overrides={"tiers": {"gold_spend_min": 100.0}})
