"""Quintiles and segments."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from features.columns import SEGMENTS
from features.profiles.rfm import SEGMENT_NAMES, SEGMENT_RULES, quintiles, segments


def test_without_ties_each_score_holds_a_fifth():
    values = np.array([10.0, 7, 1, 9, 2, 3, 8, 4, 5, 6])
    assert quintiles(values).tolist() == [5, 4, 1, 5, 1, 2, 4, 2, 3, 3]


def test_ties_share_their_mean_rank():
    # Ranks 1..6 of 10 are tied: mean rank 3.5, 1 + floor(5 · 3 / 10) = 2; then 7, 8, 9, 10.
    values = np.array([0.0] * 6 + [1, 2, 3, 4])
    assert quintiles(values).tolist() == [2] * 6 + [4, 4, 5, 5]


def test_equals_are_average_and_unknown_has_no_score():
    assert quintiles(np.array([4.0, 4, 4, np.nan])).tolist() == [3, 3, 3, 0]
    assert quintiles(np.array([np.nan])).tolist() == [0]


@given(arrays(np.float64, st.integers(1, 60), elements=st.integers(-5, 5).map(float)))
def test_ties_are_never_split_and_more_is_never_worse(values):
    scores = quintiles(values)
    assert ((scores >= 1) & (scores <= 5)).all()
    for (value, score), (other, other_score) in product(zip(values, scores, strict=True), repeat=2):
        if value == other:
            assert score == other_score
        elif value < other:
            assert score <= other_score


@given(arrays(np.float64, st.integers(1, 60), elements=st.integers(-5, 5).map(float)))
def test_the_order_of_customers_does_not_matter(values):
    assert quintiles(values[::-1]).tolist() == quintiles(values)[::-1].tolist()


def test_every_pair_of_scores_has_a_segment():
    recency, frequency, monetary = np.array(list(product(range(1, 6), repeat=3)), dtype=np.int8).T
    found = segments(recency, frequency, monetary)
    assert set(found.tolist()) == set(range(len(SEGMENTS)))
    assert segments(*np.zeros((3, 1), dtype=np.int8)).tolist() == [-1]


@pytest.mark.parametrize(
    ("recency", "frequency", "monetary", "segment"),
    [
        (5, 5, 5, "champions"),
        (3, 5, 5, "loyal"),
        (5, 3, 4, "loyal"),
        (5, 2, 3, "potential_loyal"),
        (5, 1, 1, "newcomers"),
        (3, 1, 2, "promising"),
        (3, 3, 3, "needs_attention"),
        (1, 5, 4, "cannot_lose"),
        (2, 3, 3, "at_risk"),
        (1, 1, 1, "hibernating"),
    ],
)
def test_segments_mean_what_they_say(recency, frequency, monetary, segment):
    scores = (np.array([score], dtype=np.int8) for score in (recency, frequency, monetary))
    assert SEGMENTS[segments(*scores)[0]] == segment


def test_segments_are_named_in_both_languages():
    assert tuple(sorted(SEGMENT_NAMES)) == tuple(sorted(SEGMENTS))
    assert (
        len({rule.zh for rule in SEGMENT_RULES}) == len({rule.en for rule in SEGMENT_RULES}) == len(SEGMENTS)
    )
