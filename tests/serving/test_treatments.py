"""Treatments change what is served, for the customers of their variant only."""

import pytest

from experiments.assignment import Assignment, assign
from experiments.design import Treatment
from tests.serving.conftest import EVEN, ask, assert_full, catalogue, product_ids
from tests.support.waiting import wait_until

WIN_BACK = {"id": "welcome-back", "priority": 90, "policies": ["win_back"]}
# How the hash divides the customers of the small release between the arms of `exp-0`.
SPLIT = (["bo", "empty"], ["ada", "客户三"])
CAPPED = {"id": "first-hundred", "priority": 80, "claims_max": 100}


def everyone(**treatment):
    """An assigner that treats everybody."""
    return lambda *_: [Assignment("exp", "changed", Treatment(**treatment))]


def offer_ids(answer) -> list[str]:
    return [offer["offer_id"] for offer in answer.json()["offers"]]


def served(answer) -> dict[str, str]:
    return {each["key"]: each["variant"] for each in answer.json()["experiments"]}


def customers_of(key: str, variant: str) -> list[str]:
    return [c for c in ("ada", "bo", "客户三", "empty") if EVEN[assign(key, c, [0.5, 0.5])] == variant]


def categories(client, answer) -> list[str]:
    table = client.app.state.services.watcher.release.products
    return [table.category(table.index(product)) for product in product_ids(answer)]


def test_an_offer_policy_shows_its_offers_to_its_variant_only(shop):
    shop.publish(offers=catalogue(WIN_BACK))
    assert (customers_of("exp-0", "control"), customers_of("exp-0", "changed")) == SPLIT
    shop.start("exp-0", {"offer_policy": "win_back"})
    with shop.client() as client:
        for variant, expected in (("control", ["gold-week"]), ("changed", ["welcome-back", "gold-week"])):
            for customer in customers_of("exp-0", variant):
                answer = ask(client, customer_id=customer)
                assert (served(answer), offer_ids(answer)) == ({"exp-0": variant}, expected)
                assert offer_ids(client.get(f"/v1/customers/{customer}/offers")) == expected


def test_policy_none_takes_all_offers(shop):
    with shop.client(everyone(offer_policy="none")) as client:
        assert offer_ids(ask(client)) == offer_ids(client.get("/v1/customers/ada/offers")) == []


def test_capped_offers_are_withheld_while_the_database_cannot_count(shop):
    shop.publish(offers=catalogue(CAPPED))
    with shop.client() as client:
        assert offer_ids(ask(client)) == ["first-hundred", "gold-week"]
        shop.database_file.rename(shop.database_file.with_suffix(".away"))
        wait_until(lambda: ask(client).json()["degraded"] == "database_unavailable")
        assert offer_ids(ask(client)) == offer_ids(client.get("/v1/customers/ada/offers")) == ["gold-week"]


@pytest.mark.parametrize("placement", ["home", "buy_again", "discover", "trending"])
def test_a_rerank_changes_the_order_and_keeps_the_limit(shop, placement):
    with shop.client(everyone(rerank={"max_per_category": 2})) as client:
        answer = ask(client, placement=placement, limit=8)
        assert_full(answer, 8)
        # Four categories, so two of each.
        assert sorted(categories(client, answer)) == sorted(["tea", "coffee", "fruit", "bread"] * 2)
        assert_full(ask(client, placement=placement, limit=38), 38)


def test_boosted_categories_come_first_and_buried_ones_last(shop):
    rules = {"boost_categories": {"tea": 100.0}, "bury_categories": ["coffee"]}
    with shop.client(everyone(rerank=rules)) as client:
        shown = categories(client, ask(client, limit=38))
        # Of the 38 valid products every fourth is tea (10) and every fourth coffee (10).
        assert set(shown[:10]) == {"tea"}
        assert set(shown[-10:]) == {"coffee"}


def test_a_filter_and_strict_hold_under_a_rerank_too(shop):
    with shop.client(everyone(rerank={"bury_categories": ["tea"]})) as client:
        only = {"category": ["tea", "fruit"]}
        shown = categories(client, ask(client, limit=6, filter=only))
        assert set(shown) == {"fruit"}
        strict = product_ids(ask(client, placement="buy_again", limit=20, strict=True))
    with shop.client() as client:
        assert set(strict) == set(product_ids(ask(client, placement="buy_again", limit=20, strict=True)))


@pytest.fixture
def challenger(shop):
    """Another release, named but not live; the live one is `shop`'s."""
    live = shop.publish(seed=1).id
    named = shop.publish(seed=2, offers=catalogue(WIN_BACK | {"policies": []}))
    shop.set_live(live)
    shop.name(named.id, "challenger")
    return named


def test_an_alias_release_answers_its_variant_alone(shop, challenger):
    shop.start("exp-0", {"release": "challenger"})
    (control, *_), (changed, *_) = SPLIT
    with shop.client() as client:
        live = client.app.state.services.watcher.release
        for release, customer in ((live, control), (challenger, changed)):
            answer = ask(client, customer_id=customer, limit=12)
            assert_full(answer, 12)
            assert answer.json()["release_id"] == release.id
            row = [release.products.id(p) for p in row_of(release, customer)]
            assert product_ids(answer) == row
        # Offers and reasons come from the same release.
        assert offer_ids(ask(client, customer_id=changed)) == ["welcome-back", "gold-week"]
        assert client.get(f"/v1/customers/{changed}/offers").json()["release_id"] == challenger.id
    logged = shop.exposures("exp-0")
    assert {customer: logged[customer].release_id for customer in (control, changed)} == {
        control: live.id,
        changed: challenger.id,
    }


def row_of(release, customer: str) -> list[int]:
    from features.release.format import unpack_row

    return unpack_row(release.row("home", release.customer_index(customer)))["product"].tolist()


def test_while_an_alias_cannot_be_served_nobody_is_in_the_experiment(shop, challenger):
    shop.start("exp-0", {"release": "challenger"})
    victim = challenger.folder / "trending.npy"
    original = victim.read_bytes()
    victim.write_bytes(original[:-1])
    with shop.client() as client:
        for customer in ("ada", "bo"):
            answer = ask(client, customer_id=customer, limit=12)
            assert_full(answer, 12)
            assert served(answer) == {}
        text = client.get("/metrics").text
        assert 'huitou_exposures_total{status="left_out"} 2.0' in text
        assert 'huitou_exposures_total{status="logged"}' not in text
        victim.write_bytes(original)
        wait_until(lambda: served(ask(client)) != {})
        # Somebody writes into it while it is served.
        victim.write_bytes(original[:-8] + b"damaged!")
        wait_until(lambda: (served(ask(client)), ask(client).json()["degraded"]) == ({}, None))
    assert set(shop.exposures("exp-0")) == {"ada"}


def test_an_alias_that_nobody_has_set_yet_is_followed_once_it_is(shop):
    live = shop.publish(seed=1).id
    other = shop.publish(seed=2).id
    shop.set_live(live)
    shop.start("exp-0", {"release": "challenger"})
    changed = SPLIT[1][0]
    with shop.client() as client:
        assert served(ask(client, customer_id=changed)) == {}
        shop.name(other, "challenger")
        wait_until(lambda: ask(client, customer_id=changed).json()["release_id"] == other)
        shop.name(live, "challenger")
        wait_until(lambda: ask(client, customer_id=changed).json()["release_id"] == live)
        assert served(ask(client, customer_id=changed)) == {"exp-0": "changed"}


def test_customers_whom_an_alias_release_does_not_know_are_not_in_the_experiment(shop, challenger):
    shop.publish(seed=1, more_customers=["new-1", "new-2"])
    shop.start("exp-0", {"release": "challenger"})
    with shop.client() as client:
        for customer in ("new-1", "new-2"):
            assert served(ask(client, customer_id=customer)) == {}
        assert served(ask(client)) != {}
    assert set(shop.exposures("exp-0")) == {"ada"}


def test_of_two_experiments_that_change_the_same_the_first_is_served_whatever_the_variants(shop):
    shop.start("a", {"offer_policy": "none"})
    shop.start("b", {"offer_policy": "win_back"})
    shop.start("c", {"rerank": {"max_per_category": 2}})
    with shop.client() as client:
        for customer in ("ada", "bo", "客户三", "empty"):
            assert set(served(ask(client, customer_id=customer))) == {"a", "c"}
    assert shop.exposures("b") == {}


def test_a_product_that_only_the_live_release_knows_is_no_context_of_another(shop, challenger):
    with shop.client() as client:
        assert ask(client, context_product_ids=["p3"]).status_code == 200
        assert ask(client, context_product_ids=["unknown"]).status_code == 422


def test_the_program_holdout_gets_no_offers_and_no_experiment(shop):
    shop.start("exp-0", {"offer_policy": "win_back"})
    with shop.client(experiments={"holdout_share": 0.5}) as client:
        seen = {customer: ask(client, customer_id=customer) for customer in ("ada", "bo", "客户三", "empty")}
    for answer in seen.values():
        mine = served(answer)
        if mine["program_holdout"] == "held_out":
            assert (mine, offer_ids(answer)) == ({"program_holdout": "held_out"}, [])
        else:
            assert (set(mine), offer_ids(answer)) == ({"program_holdout", "exp-0"}, ["gold-week"])
    assert {served(answer)["program_holdout"] for answer in seen.values()} == {"held_out", "program"}
    assert set(shop.exposures("program_holdout")) == set(seen)
