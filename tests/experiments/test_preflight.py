"""What a start warns of: policies, aliases, categories and fields that nothing answers to, and odd hashes."""

from dataclasses import replace

import pytest

from experiments.design import parse_design
from experiments.preflight import warnings
from features.loyalty.offer_catalogue import OfferCatalogue
from features.release.read import open_release
from features.release.write import write_release
from tests.support.releases import CUSTOMERS, small_contents

OFFER = {
    "id": "call-back",
    "name": {"zh": "回来", "en": "Come back"},
    "valid_for_days": 7,
    "benefit": {"type": "free_shipping"},
    "reason": {"zh": "想您", "en": "We miss you"},
    "policies": ["win_back"],
}
PLAIN_IDS = tuple(f"c{i}" for i in range(len(CUSTOMERS)))


def open_small(folder, **changes):
    contents = replace(
        small_contents(), offers=OfferCatalogue.model_validate({"offers": [OFFER]}), customer_ids=PLAIN_IDS
    )
    contents = replace(contents, **changes)
    return open_release(write_release(folder, contents))


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return open_small(tmp_path_factory.mktemp("releases"))


def design(key="mail", treatment=None, **changes):
    variants = [
        {"key": "control", "weight": 0.5},
        {"key": "new", "weight": 0.5, "treatment": treatment or {}},
    ]
    return parse_design({"key": key, "rule": "fixed", "variants": variants, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"treatment": {"offer_policy": "win_back"}},
        {"treatment": {"offer_policy": "none"}},
        {"treatment": {"release": "challenger"}},
        {"treatment": {"rerank": {"boost_categories": {"tea": 2}, "bury_categories": ["bread"]}}},
        {"targeting": {"tier": ["gold"]}},
    ],
)
def test_what_will_work_is_not_warned_of(release, changes):
    assert warnings(design(**changes), [], release, {"challenger": "r1"}) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"treatment": {"offer_policy": "winback"}}, "'winback', which no offer of the live release names"),
        ({"treatment": {"release": "candidate"}}, "run `huitou publish RELEASE --alias candidate`"),
        ({"treatment": {"rerank": {"boost_categories": {"wine": 2}}}}, "'wine', which no product"),
        ({"treatment": {"rerank": {"bury_categories": ["beer"]}}}, "'beer', which no product"),
        ({"targeting": {"teir": ["gold"]}}, "'teir', so targeting it leaves nobody"),
        ({"seed": "回头"}, "the name of the layer is not ASCII"),
        ({"key": "回头"}, "the name of the layer is not ASCII"),
        ({"layer": {"name": "首页", "range": [0, 1]}}, "the name of the layer is not ASCII"),
    ],
)
def test_what_will_not_work_as_meant_is_one_sentence(release, changes, words):
    [found] = warnings(design(**changes), [], release, {"challenger": "r1"})
    assert words in found


def test_customer_ids_beyond_ascii_are_warned_of(tmp_path):
    release = open_small(tmp_path, customer_ids=CUSTOMERS)
    [found] = warnings(design(), [], release, {})
    assert found.startswith("Some customer ids are not ASCII")


def test_two_experiments_with_one_seed_are_warned_of_unless_a_layer_keeps_them_apart():
    first, second = design("first", seed="same"), design("second", seed="same")
    [found] = warnings(second, [first], None, {})
    assert "'first' has the same seed" in found
    # A running experiment is no rival of its own revision.
    assert warnings(first, [first], None, {}) == []
    halves = [
        design(key, seed="same", layer={"name": "home", "range": range_})
        for key, range_ in (("first", [0, 0.5]), ("second", [0.5, 1]))
    ]
    assert warnings(halves[1], halves[:1], None, {}) == []


def test_two_experiments_that_change_the_same_are_warned_of_unless_no_customer_is_in_both():
    offers, release = {"offer_policy": "win_back"}, {"release": "challenger"}
    first = design("first", offers, targeting={"tier": ["gold"]})
    [found] = warnings(design("second", {**offers, **release}), [first], None, {"challenger": "r1"})
    assert "'first' changes the offers too" in found
    assert warnings(design("second", release), [first], None, {"challenger": "r1"}) == []
    assert warnings(design("second", offers, targeting={"tier": ["silver"]}), [first], None, {}) == []
    assert len(warnings(design("second", offers, targeting={"segment": ["loyal"]}), [first], None, {})) == 1


def test_without_a_release_only_the_rest_is_looked_at():
    found = warnings(design(treatment={"offer_policy": "x", "release": "y"}), [], None, {})
    assert len(found) == 1
    assert "release 'y'" in found[0]


def test_a_release_without_customers_has_no_profile_to_look_at(tmp_path):
    contents = small_contents()
    empty = {
        name: replace(rows, product=rows.product[:0], score=rows.score[:0], source=rows.source[:0])
        for name, rows in contents.rows.items()
    }
    release = open_small(
        tmp_path,
        customer_ids=(),
        personalization=contents.personalization[:0],
        rows=empty,
        profiles=[],
        history=contents.history[:0],
        history_offsets=contents.history_offsets[:1],
    )
    assert warnings(design(targeting={"tier": ["gold"]}), [], release, {}) == []
