"""Interactions are checked once, when they are made; the matrix is the arithmetic a reader expects."""

import numpy as np
import pytest

from features.errors import DataError
from features.id_map import IdMap
from features.interactions import Interactions


def interactions(**changes):
    values = {
        "customers": IdMap(["ada", "bo"]),
        "products": IdMap(["tea", "rice", "soap"]),
        "customer": np.array([0, 0, 0, 1], np.int32),
        "product": np.array([0, 0, 2, 1], np.int32),
        "age_days": np.array([0, 30, 10, 60], np.float32),
        "weight": np.array([1, 1, 2, 1], np.float32),
    }
    return Interactions(**{**values, **changes})


def test_the_matrix_sums_what_a_customer_did_with_a_product():
    assert interactions().matrix.toarray().tolist() == [[2, 0, 2], [0, 1, 0]]


def test_a_half_life_halves_weights():
    decayed = interactions().with_half_life(30).matrix.toarray()
    expected = [[1 + 1 / 2, 0, 2 * 2 ** (-10 / 30)], [0, 1 / 4, 0]]
    np.testing.assert_allclose(decayed, expected, rtol=1e-6)


def test_without_time_nothing_decays():
    assert interactions(has_time=False).with_half_life(30).matrix.toarray().tolist() == [[2, 0, 2], [0, 1, 0]]


def test_a_window_keeps_the_last_days_and_the_shape():
    recent = interactions().within(30)
    assert recent.matrix.toarray().tolist() == [[1, 0, 2], [0, 0, 0]]
    assert recent.shape == (2, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"customer": np.array([0, 0, 0], np.int32)},
        {"customer": np.array([0, 0, 0, 2], np.int32)},
        {"customer": np.array([0, 0, 0, -1], np.int32)},
        {"product": np.array([0, 0, 3, 1], np.int32)},
        {"weight": np.array([1, 1, 0, 1], np.float32)},
        {"weight": np.array([1, 1, np.nan, 1], np.float32)},
        {"weight": np.array([1, 1, -2, 1], np.float32)},
        {"age_days": np.array([0, 30, -1, 60], np.float32)},
        {"age_days": np.array([0, 30, np.inf, 60], np.float32)},
    ],
)
def test_wrong_entries_are_refused(changes):
    with pytest.raises(DataError) as error:
        interactions(**changes)
    assert error.value.remedy


def test_id_maps():
    ids = IdMap(["b", "a"])
    assert (len(ids), ids.get("a"), ids.get("x"), "b" in ids) == (2, 1, None, True)
    assert ids.indices(["a", "x", "b"]).tolist() == [1, -1, 0]
    assert ids == IdMap(["b", "a"]) != IdMap(["a", "b"])
    with pytest.raises(DataError):
        IdMap(["a", "a"])
