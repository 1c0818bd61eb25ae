"""The hash agrees with GrowthBook's, and frequencies agree with the weights."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.assignment import (
    BLOCK,
    assign,
    assign_many,
    fnv1a32,
    hash_fraction,
    hash_fractions,
    layer_fraction,
    layer_fractions,
)


@pytest.mark.parametrize(
    ("seed", "unit", "expected"),
    [
        ("seed", "a", 0.0505),
        ("seed", "b", 0.2696),
        ("foo", "ab", 0.2575),
        ("foo", "def", 0.2019),
        ("89123klj", "8952klfjas09ujkasdf", 0.124),
        ("90850943850283058242805", "123", 0.7516),
    ],
)
def test_version_2_gives_growthbooks_vectors(seed, unit, expected):
    """Source: cases.json of GrowthBook's SDK tests, as DESIGN 9 lists them."""
    assert hash_fraction(seed, unit) == expected


def test_version_1_gives_growthbooks_vectors():
    """Source: cases.json, version 1: seed "" with a→.22, b→.077, ab→.946, def→.652 (id + seed)."""
    for unit, expected in [("a", 0.22), ("b", 0.077), ("ab", 0.946), ("def", 0.652)]:
        assert fnv1a32(unit) % 1000 / 1000 == expected


def test_a_layer_hashes_the_unit_before_its_name():
    # Version 1 hashes unit + seed, and a layer's seed is "__" + layer.
    assert layer_fraction("checkout", "a") == fnv1a32("a__checkout") % 1000 / 1000


def test_code_units_beyond_the_first_plane_count_as_two():
    # U+1F600 is the pair D83D DE00 in UTF-16; FNV-1a by hand over the two units.
    value = 0x811C9DC5
    for unit in (0xD83D, 0xDE00):
        value = ((value ^ unit) * 0x01000193) % 2**32
    assert fnv1a32("\U0001f600") == value


def test_frequencies_lie_in_their_binomial_interval():
    n, weights = 20_000, [0.2, 0.5, 0.3]
    got = [assign("frequency", f"customer-{i}", weights) for i in range(n)]
    assert None not in got
    for variant, weight in enumerate(weights):
        # 3.9 standard errors: a correct hash leaves this once in ten thousand draws.
        assert abs(got.count(variant) - n * weight) < 3.9 * sqrt(n * weight * (1 - weight))


def test_two_seeds_are_independent():
    n = 20_000
    both = sum(
        assign("one", str(i), [0.5, 0.5]) == 1 and assign("two", str(i), [0.5, 0.5]) == 1 for i in range(n)
    )
    assert abs(both - n / 4) < 3.9 * sqrt(n * 0.25 * 0.75)


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_wider_coverage_moves_nobody(unit, one, other):
    narrow, wide = sorted([one, other])
    before = assign("seed", unit, [0.5, 0.5], narrow)
    if before is not None:
        assert assign("seed", unit, [0.5, 0.5], wide) == before


def test_a_coverage_keeps_the_starts_of_the_variants():
    # seed,b → .2696 lies in [0, .5·.6) = [0, .3); with coverage .5 the first ends at .25.
    assert assign("seed", "b", [0.5, 0.5], 0.6) == 0
    assert assign("seed", "b", [0.5, 0.5], 0.5) is None
    # 123 → .7516 lies in [.5, .5 + .6·.5) = [.5, .8), but not in [.5, .75).
    assert assign("90850943850283058242805", "123", [0.5, 0.5], 0.6) == 1
    assert assign("90850943850283058242805", "123", [0.5, 0.5], 0.5) is None


def test_weights_that_do_not_sum_to_one_become_equal():
    # .7516 is beyond .5, so equal weights give the second variant; .9 and .9 would give the first.
    assert assign("90850943850283058242805", "123", [0.9, 0.9]) == 1


# Letters of every width, lone surrogates too: JavaScript's strings may hold them.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)


@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=30))
def test_many_ids_are_hashed_as_each_one_is(seed, ids):
    assert hash_fractions(seed, ids).tolist() == [hash_fraction(seed, each) for each in ids]
    assert layer_fractions(seed, ids).tolist() == [layer_fraction(seed, each) for each in ids]


@given(
    st.lists(ANY_TEXT, max_size=30),
    st.lists(st.floats(0.01, 1), min_size=2, max_size=5),
    st.floats(-0.5, 1.5),
)
def test_many_ids_are_assigned_as_each_one_is(ids, weights, coverage):
    found = assign_many("seed", ids, weights, coverage)
    assert found.dtype == np.int8
    each = [assign("seed", unit, weights, coverage) for unit in ids]
    assert found.tolist() == [-1 if position is None else position for position in each]


def test_blocks_are_put_together_in_order():
    ids = [f"customer-{i}" for i in range(BLOCK + 3)]
    fractions = hash_fractions("seed", ids)
    for place in (0, 1, BLOCK - 1, BLOCK, BLOCK + 2):
        assert fractions[place] == hash_fraction("seed", ids[place])


def test_a_hash_can_go_on_from_the_hash_of_what_stands_before():
    assert fnv1a32("回头客", fnv1a32("seed-")) == fnv1a32("seed-回头客")
