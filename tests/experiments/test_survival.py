"""Days until customers come back: curves, restricted means and the log-rank test."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from experiments.analysis.metrics.survival import (
    LifeTable,
    curve,
    log_rank,
    restricted_mean,
    restricted_mean_difference,
)

# Weeks in remission of leukaemia patients, + censored (Freireich et al., Blood 1963): the textbooks' example.
TREATED = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


def table(text, days=35):
    return LifeTable.of(days, ((int(word.rstrip("+")), not word.endswith("+"), 1) for word in text.split()))


def random_arm(rng, n, pace, days=30):
    """Returns on a geometric day; seen for 1 to 40 days."""
    back, seen = rng.geometric(pace, n), rng.integers(1, 41, n)
    day = np.minimum(np.minimum(back, seen), days)
    return day, (back <= seen) & (back <= days)


def life_table(day, came, days=30):
    return LifeTable.of(days, ((int(d), bool(c), 1) for d, c in zip(day, came, strict=True)))


def test_the_published_curve_of_the_leukaemia_trial():
    """Source: Klein & Moeschberger, *Survival Analysis* (2003), table 4.1A."""
    treated = table(TREATED)
    away = {point.day: 1 - point.returned for point in curve(treated, 0.05)}
    published = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448, 35: 0.448}
    assert {day: round(away[day], 3) for day in published} == published
    assert (treated.n, treated.at_risk[5], treated.at_risk[22]) == (21, 21, 6)
    # The standard error at 10 weeks is .0963 there: .753 · √(3/(21·18) + 1/(17·16) + 1/(15·14)).
    error = away[10] * np.sqrt(treated.hazard_variance[:10].sum())
    assert error == pytest.approx(0.0963, abs=5e-5)


def test_the_published_log_rank_of_the_leukaemia_trial():
    """Source: Collett, *Modelling Survival Data*, and every package: χ² 16.79."""
    assert log_rank(table(PLACEBO), table(TREATED)) == pytest.approx(scipy.stats.chi2.sf(16.79, 1), rel=5e-3)


def test_curves_and_log_rank_agree_with_scipy():
    rng = np.random.default_rng(3)
    arms = [random_arm(rng, 400, 0.05), random_arm(rng, 380, 0.07)]
    theirs = [scipy.stats.CensoredData.right_censored(day, ~came) for day, came in arms]
    ours = [life_table(*arm) for arm in arms]
    assert log_rank(*ours) == pytest.approx(scipy.stats.logrank(*theirs).pvalue, rel=1e-9)
    expected = scipy.stats.ecdf(theirs[0]).sf
    band = expected.confidence_interval(0.9, method="log-log")
    for point in curve(ours[0], 0.1):
        found = (1 - point.returned, 1 - point.high, 1 - point.low)
        wanted = [float(each.evaluate(point.day)) for each in (expected, band.low, band.high)]
        assert found == pytest.approx(wanted, abs=1e-12)


def test_the_restricted_mean_by_hand():
    """Four customers over 3 days: back on day 1, back on day 3, seen to the end of day 1, and of day 3."""
    four = LifeTable.of(3, [(1, True, 1), (1, False, 1), (3, True, 1), (3, False, 1)])
    # Away after day 1: 3/4; day 2: 3/4; day 3: 3/4 · 1/2. Area 1 + 3/4 + 3/4.
    found = restricted_mean(four)
    assert found.days == pytest.approx(1 + 3 / 4 + 3 / 4)
    # The change of day 1 moves the area of days 2 and 3, 3/2; that of day 3 none: (3/2)² · 1/(4 · 3).
    assert found.variance == pytest.approx((3 / 2) ** 2 / 12)
    nobody = LifeTable.of(3, [(3, False, 4)])
    # All away for 3 days; the difference 2.5 − 3 with a standard error of 1.5/√12 = .43301.
    difference = restricted_mean_difference(nobody, four, 0.05)
    assert difference.days == pytest.approx(-0.5)
    assert difference.interval == pytest.approx(
        (-0.5 - 1.95996 * 0.43301, -0.5 + 1.95996 * 0.43301), abs=1e-4
    )
    assert difference.p_value == pytest.approx(2 * scipy.stats.norm.sf(0.5 / 0.43301), rel=1e-4)


def test_without_censoring_the_restricted_mean_is_the_mean():
    rng = np.random.default_rng(4)
    day = np.minimum(rng.geometric(0.1, 500), 31)
    full = LifeTable.of(30, ((int(min(d, 30)), bool(d <= 30), 1) for d in day))
    found = restricted_mean(full)
    until = np.minimum(day, 30)
    assert found.days == pytest.approx(until.mean())
    # Greenwood's variance is then the plug-in variance of the mean.
    assert found.variance == pytest.approx(until.var() / 500)


def test_intervals_of_the_restricted_mean_cover_the_truth():
    rng = np.random.default_rng(5)
    paces = (0.04, 0.06)
    truth = [sum((1 - pace) ** day for day in range(30)) for pace in paces]
    covered = 0
    for _ in range(400):
        arms = [life_table(*random_arm(rng, 250, pace)) for pace in paces]
        low, high = restricted_mean_difference(*arms, 0.05).interval
        covered += low <= truth[1] - truth[0] <= high
    # 400 · .95 = 380; three binomial standard deviations are 13.
    assert 367 <= covered <= 393


customers = st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.integers(1, 5)), min_size=1, max_size=30)


@given(customers, customers)
def test_life_tables_of_disjoint_customers_add_up(first, second):
    together, added = LifeTable.of(12, first + second), LifeTable.of(12, first) + LifeTable.of(12, second)
    assert curve(together, 0.05) == curve(added, 0.05)


@given(customers, customers)
def test_nothing_is_ever_not_a_number(first, second):
    arms = LifeTable.of(12, first), LifeTable.of(12, second)
    for point in curve(arms[0], 0.05):
        assert 0 <= point.low <= point.returned + 1e-12
        assert point.returned - 1e-12 <= point.high <= 1
    difference, pace = restricted_mean_difference(*arms, 0.05), log_rank(*arms)
    numbers = [] if difference is None else [difference.days, *difference.interval, difference.p_value]
    assert np.isfinite([*numbers, 0.0 if pace is None else pace]).all()
    assert pace is None or 0 <= pace <= 1


def test_how_far_a_curve_reaches():
    assert LifeTable.of(10, [(4, False, 3), (2, True, 1)]).known_days == 4
    # If everybody came back, the rest is known: nobody is away.
    everybody = LifeTable.of(10, [(4, True, 3)])
    assert everybody.known_days == 10
    assert curve(everybody, 0.05)[-1].returned == 1.0
    assert restricted_mean(everybody).days == 4.0
    assert LifeTable.of(10, []).known_days == 0
