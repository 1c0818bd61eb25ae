"""Walking and interleaving, on lists small enough to read."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.release.format import pack_row
from serving.candidate_sources import Candidate, interleave, unpack_trusted, walk

lists = st.lists(st.integers(0, 30), max_size=20)


def candidates(products, source="discover"):
    return [Candidate(product, 1.0, source) for product in products]


def indices(chosen):
    return [candidate.product for candidate in chosen]


def test_recent_activity_takes_every_second_place_up_to_a_quarter():
    own, recent = candidates(range(10)), candidates(range(100, 110))
    # limit 12: a quarter is 3.
    assert indices(interleave(own, recent, 12)) == [0, 100, 1, 101, 2, 102, 3, 4, 5, 6, 7, 8, 9]


def test_a_list_of_two_still_shows_what_just_happened():
    assert indices(interleave(candidates([1, 2]), candidates([7]), 2))[:2] == [1, 7]


def test_a_turn_is_not_wasted_on_a_product_that_is_there_already():
    # The row begins with 1; the first recent product is 1 too, so 7 has the turn.
    assert indices(interleave(candidates([1, 2, 3]), candidates([1, 7]), 3))[:3] == [1, 7, 2]


def test_without_a_row_recent_activity_comes_first():
    assert indices(interleave([], candidates([7, 8]), 20)) == [7, 8]


def test_nothing_recent_changes_nothing():
    assert indices(interleave(candidates([3, 1, 2]), [], 20)) == [3, 1, 2]


@given(lists, lists, st.integers(1, 25))
def test_a_walk_is_the_distinct_products_of_its_sources_in_order(first, second, limit):
    chosen = indices(walk([candidates(first), candidates(second)], limit))
    assert chosen == list(dict.fromkeys(first + second))[:limit]


@given(lists, lists, st.integers(1, 25))
def test_interleaving_loses_no_product_of_the_row_and_invents_none(own, recent, limit):
    mixed = indices(interleave(candidates(own), candidates(recent), limit))
    assert set(own) <= set(mixed) <= set(own) | set(recent)


def test_a_walk_reads_no_further_than_it_must():
    def never():
        raise AssertionError("read too far")
        yield

    assert indices(walk([candidates([1, 2]), never()], 2)) == [1, 2]


def test_only_rows_of_this_release_are_trusted():
    row = pack_row([3, 4], [0.5, 0.25], [1, 2])
    assert unpack_trusted(row, 5)["product"].tolist() == [3, 4]
    assert unpack_trusted(b"", 5).tolist() == []
    assert unpack_trusted(None, 5) is None
    assert unpack_trusted(row, 4) is None, "a product beyond the table"
    assert unpack_trusted(row[:-1], 5) is None, "not a whole number of entries"
    assert unpack_trusted(pack_row([1], [0.0], np.array([9])), 5) is None, "no such source"
