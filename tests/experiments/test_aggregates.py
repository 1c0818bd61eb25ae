"""Sufficient statistics merge: any split of the customers, in any order, gives the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.analysis.aggregates import COVARIATE, VALUE, Aggregate, pairs_of

# Whole numbers, whose sums are exact in floating point, so that equality can be demanded.
ROWS = st.lists(st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000)), min_size=2, max_size=60)


def aggregate(rows):
    return Aggregate.of(value=[row[0] for row in rows], covariate=[row[1] for row in rows])


@given(ROWS, st.integers(0, 60), st.integers(0, 60))
def test_merging_partitions_gives_the_whole(rows, first, second):
    cuts = sorted((min(first, len(rows)), min(second, len(rows))))
    parts = [rows[: cuts[0]], rows[cuts[0] : cuts[1]], rows[cuts[1] :]]
    total = Aggregate.empty((VALUE, COVARIATE))
    for part in parts:
        total = total + (aggregate(part) if part else Aggregate.empty((VALUE, COVARIATE)))
    assert total == aggregate(rows)


@given(ROWS, st.randoms(use_true_random=False))
def test_order_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert aggregate(shuffled) == aggregate(rows)


@given(ROWS)
def test_moments_are_those_of_the_rows(rows):
    values, covariates = np.array(rows, dtype=float).T
    sums = aggregate(rows)
    covariance = np.cov(values, covariates)
    assert sums.mean() == pytest.approx(values.mean(), abs=1e-9)
    assert sums.variance() == pytest.approx(covariance[0, 0], rel=1e-9, abs=1e-6)
    assert sums.covariance(VALUE, COVARIATE) == pytest.approx(covariance[0, 1], rel=1e-9, abs=1e-6)


def test_equal_values_have_no_variance_at_all():
    # 1,000 · .1² − (1,000 · .1)² / 1,000 is 1e-15 or so in floating point, not 0.
    assert Aggregate.of(value=[0.1] * 1000).variance() == 0.0


def test_a_small_variance_beside_a_large_mean_is_kept():
    # 999, 1000, 1001: variance ((−1)² + 0 + 1²) / 2 = 1.
    assert Aggregate.of(value=[999.0, 1000.0, 1001.0]).variance() == pytest.approx(1.0)


def test_different_roles_do_not_add_up():
    with pytest.raises(ValueError, match="do not add up"):
        Aggregate.of(value=[1.0]) + Aggregate.of(value=[1.0], covariate=[1.0])


def test_pairs_are_sorted():
    assert pairs_of(("value", "covariate")) == [
        ("covariate", "covariate"),
        ("covariate", "value"),
        ("value", "value"),
    ]
