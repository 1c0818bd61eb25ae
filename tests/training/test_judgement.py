"""Means, intervals and paired differences over customers and windows."""

import numpy as np
import pytest

from features.errors import DataError
from training.judgement import Bootstrap, TaskValues, interval, leaderboard

BOOTSTRAP = Bootstrap(samples=2000, seed=1)


def judged(customers, **models):
    """One window in which each model's metrics are all the same number."""
    return {
        "all": TaskValues(
            tuple(customers),
            {name: np.repeat(np.array(values, float)[:, None], 3, axis=1) for name, values in models.items()},
        )
    }


def test_means_are_over_all_customers_of_all_windows():
    windows = [judged("abc", base=[0, 0, 0.3], good=[0.6, 0, 0.3]), judged("a", base=[0.4], good=[0.5])]
    rows = leaderboard(windows, "all", "base", BOOTSTRAP, 20)
    assert [row["model"] for row in rows] == ["good", "base"]
    assert rows[0]["ndcg@20"] == pytest.approx((0.6 + 0 + 0.3 + 0.5) / 4)
    assert rows[1]["recall@20"] == pytest.approx((0 + 0 + 0.3 + 0.4) / 4)
    assert rows[0]["customers"] == 3
    assert rows[0]["paired"]["ndcg@20"][0] == pytest.approx(((0.6 - 0) + 0 + 0 + (0.5 - 0.4)) / 4)
    assert rows[1]["paired"] == {"against": "base"} | {
        metric: [0, 0, 0] for metric in ("recall@20", "recall_capped@20", "ndcg@20")
    }


def test_the_interval_is_as_wide_as_the_normal_one_for_many_customers():
    values = np.random.default_rng(4).random(900)
    row = leaderboard([judged(map(str, range(900)), base=values)], "all", "base", BOOTSTRAP, 20)[0]
    low, high = row["ci"]["recall@20"]
    half = 1.96 * values.std() / np.sqrt(900)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)


def test_pairing_sees_a_small_steady_gain_under_large_spread():
    base = np.random.default_rng(4).random(300)
    rows = leaderboard(
        [judged(map(str, range(300)), base=base, better=base + 0.01)], "all", "base", BOOTSTRAP, 20
    )
    assert rows[0]["ci"]["ndcg@20"][0] < rows[1]["ndcg@20"]  # unpaired intervals overlap
    assert rows[0]["paired"]["ndcg@20"] == pytest.approx([0.01, 0.01, 0.01])


def test_a_customer_is_drawn_with_all_windows():
    # Three customers whose two windows agree are three facts, not six: the spread is that of three.
    once = judged("abc", base=[0, 0.5, 1])
    one = leaderboard([once], "all", "base", BOOTSTRAP, 20)[0]["ci"]
    two = leaderboard([once, once], "all", "base", BOOTSTRAP, 20)[0]["ci"]
    assert one == two


def test_equal_seeds_give_equal_intervals():
    sums, counts = np.random.default_rng(2).random((50, 4)), np.ones(50)
    np.testing.assert_array_equal(
        interval(Bootstrap(200, 5).means(sums, counts)), interval(Bootstrap(200, 5).means(sums, counts))
    )


def test_models_judged_in_one_window_only_are_not_compared():
    windows = [judged("ab", base=[0, 1], new=[1, 1]), judged("ab", base=[0, 1])]
    assert [row["model"] for row in leaderboard(windows, "all", "base", BOOTSTRAP, 20)] == ["base"]


def test_nobody_with_a_target_and_an_unknown_baseline():
    assert leaderboard([judged("", base=[])], "all", "base", BOOTSTRAP, 20) == []
    assert leaderboard([], "all", "base", BOOTSTRAP, 20) == []
    with pytest.raises(DataError, match="was not judged"):
        leaderboard([judged("a", base=[1])], "all", "other", BOOTSTRAP, 20)
