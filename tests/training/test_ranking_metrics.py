"""Metrics against arithmetic that a reader can follow."""

import numpy as np
import pytest

from training.ranking_metrics import metric_names, ranking_metrics


def metrics(hits, targets):
    recall, capped, ndcg = ranking_metrics(np.array([hits], bool), np.array([targets]))[0]
    return recall, capped, ndcg


def test_two_hits_of_three_targets():
    recall, capped, ndcg = metrics([1, 0, 1, 0], targets=3)
    assert recall == pytest.approx(2 / 3)
    assert capped == pytest.approx(2 / 3)
    gain = 1 / np.log2(2) + 1 / np.log2(4)
    ideal = 1 / np.log2(2) + 1 / np.log2(3) + 1 / np.log2(4)
    assert ndcg == pytest.approx(gain / ideal)


def test_more_targets_than_places():
    recall, capped, ndcg = metrics([1, 1], targets=8)
    assert recall == pytest.approx(2 / 8)
    assert capped == 1  # min(2, 8) = 2, and both were hit
    assert ndcg == pytest.approx(1)


def test_no_hit_and_a_late_hit():
    assert metrics([0, 0, 0], targets=1) == (0, 0, 0)
    assert metrics([0, 0, 1], targets=1) == pytest.approx((1, 1, 1 / np.log2(4)))


def test_one_row_per_customer():
    values = ranking_metrics(np.array([[True, False], [False, False]]), np.array([2, 1]))
    assert values.shape == (2, 3)
    # 1/2 * (1/2 + 0/1): the mean of recall over both customers.
    assert values[:, 0].mean() == pytest.approx(1 / 2 * (1 / 2 + 0 / 1))


def test_names_carry_the_length_of_the_list():
    assert metric_names(20) == ("recall@20", "recall_capped@20", "ndcg@20")
