"""The shared top-N: distinct, valid, as many as there are, and the same every time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from features.errors import DataError
from features.ranking import top_n as module
from features.ranking.top_n import Seen, top_n

INF, NAN = np.inf, np.nan


def floats(rows):
    return np.array(rows, np.float32)


def seen_of(mask):
    """The CSR arrays of a bool matrix."""
    return Seen(np.concatenate([[0], np.cumsum(mask.sum(axis=1))]), np.nonzero(mask)[1])


def test_best_first_and_ties_go_to_the_lower_index():
    found = top_n(floats([[0.1, 0.9, 0.9, 0.5], [3, 3, 3, 3]]), 3)
    assert found.product.tolist() == [[1, 2, 3], [0, 1, 2]]
    assert found.score.tolist() == floats([[0.9, 0.9, 0.5], [3, 3, 3]]).tolist()


def test_no_opinion_ranks_last_in_index_order_and_takes_the_lowest_score():
    found = top_n(floats([[NAN, 2, -INF, 1], [-INF, NAN, -INF, NAN]]), 4)
    assert found.product.tolist() == [[1, 3, 0, 2], [0, 1, 2, 3]]
    assert found.score.tolist() == [[2, 1, 1, 1], [0, 0, 0, 0]]


def test_infinite_scores_rank_first():
    assert top_n(floats([[1, INF, 2]]), 3).product.tolist() == [[1, 2, 0]]


def test_unseen_masks_and_seen_keeps():
    bought = seen_of(np.array([[True, False, True, False], [False, False, False, False]]))
    scores = floats([[4, 3, 2, 1], [4, 3, 2, 1]])
    assert top_n(scores, 3, seen=bought, keep="unseen").product.tolist() == [[1, 3, -1], [0, 1, 2]]
    assert top_n(scores, 3, seen=bought, keep="seen").product.tolist() == [[0, 2, -1], [-1, -1, -1]]
    assert top_n(scores, 3, seen=bought, keep="all").product.tolist() == [[0, 1, 2], [0, 1, 2]]


def test_seen_products_may_come_in_any_order():
    found = top_n(floats([[1, 1, 5, 1]]), 3, seen=Seen(np.array([0, 3]), np.array([3, 2, 1])), keep="seen")
    assert found.product.tolist() == [[2, 1, 3]]


def test_invalid_products_never_come_back():
    valid = np.array([False, True, False, True])
    bought = seen_of(np.array([[True, True, False, False]]))
    scores = floats([[9, 1, 8, 2]])
    assert top_n(scores, 4, valid=valid).product.tolist() == [[3, 1, -1, -1]]
    assert top_n(scores, 4, valid=valid, seen=bought, keep="seen").product.tolist() == [[1, -1, -1, -1]]


def test_lists_longer_than_the_catalogue_and_an_empty_catalogue():
    assert top_n(floats([[1, 2]]), 5).product.tolist() == [[1, 0, -1, -1, -1]]
    assert top_n(np.empty((2, 0), np.float32), 2).product.tolist() == [[-1, -1], [-1, -1]]
    assert top_n(np.empty((0, 3), np.float32), 2).product.shape == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 0}, "list of 0"),
        ({"n": 2, "keep": "unseen"}, "bought before"),
        ({"n": 2, "seen": Seen(np.array([0]), np.array([])), "keep": "seen"}, "customers"),
        ({"n": 2, "valid": np.ones(2, bool)}, "products"),
    ],
)
def test_wrong_arguments_are_named(arguments, words):
    with pytest.raises(DataError, match=words):
        top_n(floats([[1, 2, 3]]), **arguments)


def test_scores_are_left_as_they_were():
    scores = floats([[NAN, 1, 2]])
    top_n(scores, 2, seen=seen_of(np.array([[False, True, False]])), keep="unseen")
    np.testing.assert_array_equal(scores, floats([[NAN, 1, 2]]))


some_scores = st.one_of(st.sampled_from([0.0, 1.0, -1.0, NAN, INF, -INF]), st.floats(-1e6, 1e6, width=32))


@given(data=st.data(), n=st.integers(1, 12), keep=st.sampled_from(["all", "unseen", "seen"]))
@settings(max_examples=150, deadline=None)
def test_exactly_the_best_candidates_in_order(data, n, keep):
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 9)))
    scores = data.draw(arrays(np.float32, shape, elements=some_scores))
    mask = data.draw(arrays(bool, shape))
    valid = data.draw(arrays(bool, shape[1]))
    found = top_n(scores, n, seen=seen_of(mask), keep=keep, valid=valid)
    # The same by the definition, one row after the other.
    value = np.where(np.isnan(scores), -np.inf, scores)
    for row in range(shape[0]):
        allowed = valid & {"all": np.ones(shape[1], bool), "unseen": ~mask[row], "seen": mask[row]}[keep]
        expected = sorted(np.flatnonzero(allowed), key=lambda p: (-value[row, p], p))[:n]
        assert found.product[row].tolist() == expected + [-1] * (n - len(expected))
        assert np.isfinite(found.score[row]).all()
        assert (np.diff(found.score[row, : len(expected)]) <= 0).all()


def test_blocks_do_not_change_the_answer(monkeypatch):
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 4, (50, 30)).astype(np.float32)
    bought = seen_of(rng.random((50, 30)) < 0.3)
    whole = [top_n(scores, 8, seen=bought, keep=keep) for keep in ("all", "unseen", "seen")]
    monkeypatch.setattr(module, "BLOCK_CELLS", 70)
    parts = [top_n(scores, 8, seen=bought, keep=keep) for keep in ("all", "unseen", "seen")]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.product, other.product)
        np.testing.assert_array_equal(one.score, other.score)


@pytest.mark.parametrize("distinct", [2, 30, 100_000])
def test_wide_rows_agree_with_a_full_sort(distinct):
    rng = np.random.default_rng(distinct)
    scores = rng.integers(0, distinct, (40, 500)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.1] = NAN
    order = np.argsort(-np.nan_to_num(scores, nan=-1), axis=1, kind="stable")
    np.testing.assert_array_equal(top_n(scores, 20).product, order[:, :20])
