"""Exposures: what was really served, once per customer and experiment, and nothing else."""

import sqlite3
from contextlib import closing, contextmanager

import pytest

from experiments.assignment import Assignment, assign
from experiments.design import Treatment
from features.database.records import Exposure
from tests.serving.conftest import EVEN, NOON, ask, assert_full
from tests.support.waiting import wait_until

CUSTOMERS = [f"c{i}" for i in range(60)]


@pytest.fixture
def large_shop(shop):
    """The same shop with sixty more customers, all alike."""
    shop.publish(more_customers=CUSTOMERS)
    return shop


def variant_of(customer: str, key: str = "exp") -> str:
    return EVEN[assign(key, customer, [0.5, 0.5])]


def served(answer) -> dict[str, str]:
    return {each["key"]: each["variant"] for each in answer.json()["experiments"]}


def metric(client, line: str) -> bool:
    return line in client.get("/metrics").text.splitlines()


@contextmanager
def writer_locked_out(shop):
    """While another process writes, readers go on."""
    with closing(sqlite3.connect(shop.database_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_an_answer_names_the_variant_and_its_exposure_says_how_the_customer_was(shop):
    shop.start("exp")
    with shop.client() as client:
        answer = ask(client, placement="buy_again")
        assert served(answer) == {"exp": variant_of("ada")}
        body = answer.json()
    assert shop.exposures("exp") == {
        "ada": Exposure(
            experiment="exp",
            customer_id="ada",
            variant=variant_of("ada"),
            exposed_at=NOON,
            tier="gold",
            segment="loyal",
            lifecycle="active",
            placement="buy_again",
            recommendation_id=body["recommendation_id"],
            release_id=body["release_id"],
        )
    }


def test_only_the_first_exposure_of_a_customer_is_kept(shop):
    shop.start("exp")
    with shop.client() as client:
        first = ask(client).json()["recommendation_id"]
        shop.clock.advance(days=1)
        ask(client)
        client.get("/v1/customers/ada/recommendations?placement=discover")
    with shop.client() as client:  # another worker, which remembers nothing
        ask(client)
    kept = shop.exposures("exp")["ada"]
    assert (kept.recommendation_id, kept.exposed_at) == (first, NOON)


def test_who_is_in_no_experiment_is_not_exposed(shop):
    shop.start("exp")
    with shop.client() as client:
        for nobody in ({"customer_id": "no-consent"}, {"customer_id": "stranger"}, {"session_id": "s"}):
            assert served(ask(client, **nobody)) == {}
        client.get("/v1/experiments/exp/assignment?customer_id=ada")
        client.get("/v1/customers/ada/profile")
    assert shop.exposures("exp") == {}


def test_forced_customers_are_served_but_not_logged(shop):
    other = EVEN[1 - EVEN.index(variant_of("ada"))]
    shop.start("exp", forced={"ada": other})
    with shop.client() as client:
        assert served(ask(client)) == {"exp": other}
        assert served(ask(client, customer_id="bo")) == {"exp": variant_of("bo")}
    assert set(shop.exposures("exp")) == {"bo"}


def test_an_experiment_is_followed_while_it_runs(shop):
    with shop.client() as client:
        assert served(ask(client)) == {}
        shop.start("exp")
        wait_until(lambda: served(ask(client)) != {})
        shop.stop("exp")
        wait_until(lambda: served(ask(client)) == {})
        assert served(ask(client, customer_id="bo")) == {}
    assert set(shop.exposures("exp")) == {"ada"}


def test_a_design_that_cannot_be_read_stops_no_other(shop, caplog):
    shop.start("exp")
    shop.start("from-the-future", colour="red")
    with shop.client() as client:
        assert served(ask(client)) == {"exp": variant_of("ada")}
    assert "'from-the-future'" in caplog.text


def test_the_shops_day_decides_the_coverage(shop):
    # 2 January 12:00 UTC is already 3 January in Auckland.
    schedule = [{"from": "2018-01-03", "coverage": 1.0}]
    shop.start("exp", schedule=schedule)
    for zone, expected in (("UTC", {}), ("Pacific/Auckland", {"exp": variant_of("ada")})):
        with shop.client(shop={"timezone": zone}) as client:
            assert served(ask(client)) == expected


def test_what_is_logged_agrees_with_the_hash(large_shop):
    large_shop.start("exp")
    with large_shop.client() as client:
        for customer in CUSTOMERS:
            ask(client, customer_id=customer)
    kept = large_shop.exposures("exp")
    assert {customer: each.variant for customer, each in kept.items()} == {
        customer: variant_of(customer) for customer in CUSTOMERS
    }


def test_offers_alone_expose_to_experiments_about_offers(shop):
    shop.start("about-offers", {"offer_policy": "win_back"})
    shop.start("about-order", {"rerank": {"max_per_category": 1}})
    with shop.client() as client:
        answer = client.get("/v1/customers/ada/offers")
        assert served(answer) == {"about-offers": variant_of("ada", "about-offers")}
        client.get("/v1/customers/no-consent/offers")
    kept = shop.exposures("about-offers")["ada"]
    assert (kept.placement, kept.recommendation_id, kept.exposed_at) == (None, None, NOON)
    assert set(shop.exposures("about-offers")) == {"ada"}
    assert shop.exposures("about-order") == {}


def test_customers_who_get_no_offers_are_in_no_experiment_about_offers(shop):
    shop.start("about-offers", {"offer_policy": "win_back"})
    shop.start("about-order", {"rerank": {"max_per_category": 1}})
    with shop.client() as client:
        client.get("/v1/customers/f/offers")
        assert set(served(ask(client, customer_id="f"))) == {"about-order"}
    assert shop.exposures("about-offers") == {}


def test_exposures_wait_while_the_database_takes_no_writes(large_shop):
    large_shop.start("exp")
    with large_shop.client(database={"write_timeout_ms": 50}) as client:
        with writer_locked_out(large_shop):
            for customer in CUSTOMERS:
                assert served(ask(client, customer_id=customer)) == {"exp": variant_of(customer)}
        wait_until(lambda: len(large_shop.exposures("exp")) == len(CUSTOMERS))
        assert metric(client, 'huitou_exposures_total{status="logged"} 60.0')
        assert metric(client, "huitou_exposure_queue 0.0")


def test_shutting_down_stores_what_was_served(large_shop):
    large_shop.start("exp")
    with large_shop.client() as client, writer_locked_out(large_shop):
        # On a busy machine one answer or another may do without the database, and so without the experiment.
        really = {customer for customer in CUSTOMERS if served(ask(client, customer_id=customer))}
        assert metric(client, 'huitou_exposures_total{status="logged"} 60.0') is False
    assert really
    assert set(large_shop.exposures("exp")) == really


def test_a_full_queue_means_control_for_everyone_who_is_not_logged_yet(large_shop):
    large_shop.start("exp", {"offer_policy": "none"})
    treated = [customer for customer in CUSTOMERS if variant_of(customer) == "changed"]
    with large_shop.client(serving={"exposure_queue": 1}, database={"write_timeout_ms": 50}) as client:
        with writer_locked_out(large_shop):
            answers = [ask(client, customer_id=customer) for customer in treated]
            refused = [answer for answer in answers if not served(answer)]
            assert refused
            for answer in refused:
                assert_full(answer, 20, degraded="database_unavailable")
                assert [offer["offer_id"] for offer in answer.json()["offers"]] == ["gold-week"]
            logged = {a.json()["customer_id"] for a in answers} - {a.json()["customer_id"] for a in refused}
            for answer in answers:
                if served(answer):
                    assert answer.json()["offers"] == []
            assert metric(client, f'huitou_exposures_total{{status="refused"}} {float(len(refused))}')
            offers = client.get(f"/v1/customers/{treated[-1]}/offers").json()
            assert (offers["degraded"], offers["experiments"]) == ("database_unavailable", [])
        wait_until(lambda: len(large_shop.exposures("exp")) >= len(logged))
    assert set(large_shop.exposures("exp")) == logged


def test_without_the_database_everybody_is_control(shop):
    everyone = Treatment(offer_policy="none")
    with shop.client(lambda *_: [Assignment("exp", "changed", everyone)]) as client:
        assert ask(client).json()["offers"] == []
        away = shop.database_file.with_suffix(".away")
        shop.database_file.rename(away)
        wait_until(lambda: ask(client).json()["degraded"] == "database_unavailable")
        answer = ask(client, customer_id="bo")
        assert (served(answer), len(answer.json()["offers"])) == ({}, 1)
        offers = client.get("/v1/customers/bo/offers").json()
        assert (offers["experiments"], len(offers["offers"])) == ([], 1)
        assert offers["degraded"] == "database_unavailable"
        away.rename(shop.database_file)
        wait_until(lambda: served(ask(client, customer_id="bo")) == {"exp": "changed"})
    assert set(shop.exposures("exp")) == {"ada", "bo"}
