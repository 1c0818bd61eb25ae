"""The small formulas, at their edges."""

import numpy as np
import pytest

from features.profiles.cadence import due_score, gap_sums, pair_gaps
from features.profiles.lifecycle import lifecycles
from tests.support.order_lines import settings_with


@pytest.mark.parametrize(
    ("age", "silent", "expected"),
    [
        (27, 27, "new"),
        (28, 28, "active"),
        (300, 28, "active"),
        (300, 29, "lapsing"),
        (300, 84, "lapsing"),
        (300, 85, "churned"),
        (np.nan, np.nan, "new"),
    ],
)
def test_lifecycle_edges(age, silent, expected):
    rules = settings_with(new_within_days=28, lapsing_after_days=28, churned_after_days=84).profiles
    assert lifecycles(np.array([float(age)]), np.array([float(silent)]), rules).tolist() == [expected]


def test_due_peaks_at_the_gap_and_fades_when_overdue():
    since = np.arange(0, 80)
    score = due_score(since, np.full(80, 10.0), np.full(80, 5))
    assert since[score.argmax()] == 9  # the as-of day is the tenth day after the purchase
    assert score.max() == pytest.approx(4 / (4 + 2), abs=1e-6)
    assert (np.diff(score[:10]) > 0).all()
    assert (np.diff(score[9:]) < 0).all()
    assert score[19] / score[9] == pytest.approx(2 * np.exp(-1), abs=1e-5)


def test_more_evidence_is_trusted_more():
    days = np.array([1, 2, 3, 11])
    assert due_score(np.full(4, 9), np.full(4, 10.0), days).tolist() == [0.0, 0.333333, 0.5, 0.833333]


def test_an_unknown_gap_is_not_due():
    assert due_score(np.array([5]), np.array([np.nan]), np.array([1])).tolist() == [0.0]


def test_gaps_without_a_rhythm_in_the_product():
    pairs = [np.array(column, dtype=np.int32) for column in ([0, 0, 1], [1, 2, 4], [0, 12, 21])]
    gaps = pair_gaps(*pairs, gap_sums(*pairs, products=2, minimum_days=3))
    # Product 0 has no steady buyer: one pair has no gap at all, the other only its own; product 1 has 21 / 3.
    assert np.isnan(gaps[0])
    assert gaps[1:].tolist() == [12.0, (21 + 2 * 7) / (3 + 2)]
