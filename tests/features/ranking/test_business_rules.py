"""A shop's own rules over a ranked list: by hand, and what holds for every list."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from features.ranking.business_rules import apply_rules


def shown(categories, limit, **rules):
    return apply_rules(categories.split(), limit, **rules)


def test_without_rules_nothing_moves():
    assert shown("tea tea bread tea", 3) == [0, 1, 2]


def test_at_most_so_many_of_a_category():
    # Places 1 and 3 are the second and third tea.
    assert shown("tea tea bread tea fruit", 3, max_per_category=1) == [0, 2, 4]


def test_what_was_put_off_fills_a_list_that_would_be_too_short():
    assert shown("tea tea bread tea", 4, max_per_category=1) == [0, 2, 1, 3]


def test_a_boost_divides_the_place():
    # bread stands at places 3 and 6; with factor 3 they rank as 1 and 2. Places 1 and 2 keep theirs, and
    # of equal ranks the earlier place comes first: 1 (tea), 3/3 (bread), 2 (tea), 6/3 (bread), 4, 5.
    assert shown("tea tea bread tea tea bread", 6, boost={"bread": 3}) == [0, 2, 1, 5, 3, 4]


def test_a_factor_below_one_puts_a_category_back():
    # Place 1 ranks as 1 / .25 = 4, beside place 4; of equal ranks the earlier place comes first.
    assert shown("bread tea tea tea tea", 5, boost={"bread": 0.25}) == [1, 2, 0, 3, 4]


def test_buried_categories_come_last_even_if_boosted():
    rules = {"bury": ("tea",), "boost": {"tea": 100}}
    assert shown("tea bread tea fruit", 4, **rules) == [1, 3, 0, 2]


def test_buried_categories_still_fill_a_list():
    assert shown("tea tea bread", 3, bury=("tea",)) == [2, 0, 1]


def test_products_without_a_category_are_no_category():
    rules = {"max_per_category": 1, "bury": ("",), "boost": {"": 0.1}}
    assert apply_rules(["", "", "tea", "tea"], 3, **rules) == [0, 1, 2]


names = st.sampled_from(["tea", "bread", "fruit", "fish", ""])
lists = st.lists(names, max_size=40)
any_rules = st.fixed_dictionaries(
    {
        "max_per_category": st.none() | st.integers(1, 5),
        "boost": st.dictionaries(names, st.floats(0.01, 100), max_size=3),
        "bury": st.lists(names, max_size=2).map(tuple),
    }
)


@given(lists, st.integers(1, 50), any_rules)
def test_a_list_is_as_long_as_it_can_be_and_holds_each_product_once(categories, limit, rules):
    order = apply_rules(categories, limit, **rules)
    assert len(order) == len(set(order)) == min(limit, len(categories))
    assert set(order) <= set(range(len(categories)))


@given(lists, any_rules)
def test_products_of_one_category_stay_in_their_order(categories, rules):
    order = apply_rules(categories, len(categories), **rules)
    for category in set(categories):
        own = [place for place in order if categories[place] == category]
        assert own == sorted(own)


@given(lists, st.integers(1, 50), any_rules)
def test_a_category_is_over_its_maximum_only_when_everything_else_is_shown(categories, limit, rules):
    order = apply_rules(categories, limit, **rules)
    most = rules["max_per_category"]
    counted = Counter(categories[place] for place in order if categories[place])
    if most is not None and any(times > most for times in counted.values()):
        left = Counter(categories[place] for place in set(range(len(categories))) - set(order))
        # Whatever is left out belongs to a category that has reached its maximum.
        assert left[""] == 0
        assert all(counted[category] >= most for category in left)


@given(lists, st.integers(1, 50), st.lists(names, max_size=2).map(tuple))
def test_nothing_buried_is_shown_while_something_else_is_left(categories, limit, buried):
    order = apply_rules(categories, limit, bury=buried)
    lies = [bool(categories[place]) and categories[place] in buried for place in order]
    assert lies == sorted(lies)
    if any(lies):
        rest = set(range(len(categories))) - set(order)
        assert all(categories[place] in buried for place in rest)


@given(lists, st.integers(1, 50), any_rules, st.integers(1, 5))
def test_a_longer_list_begins_with_the_shorter_one(categories, limit, rules, more):
    order = apply_rules(categories, limit, **rules)
    assert apply_rules(categories, limit + more, **rules)[: len(order)] == order
