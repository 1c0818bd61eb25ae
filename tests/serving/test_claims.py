"""Claims: once per Idempotency-Key, within the caps, for who may have the offer, or nothing at all."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from experiments.assignment import Assignment
from experiments.design import Treatment
from tests.serving.conftest import ask, catalogue
from tests.support.waiting import wait_until

OFFERS = catalogue(
    {"id": "first-two", "claims_max": 2},
    {"id": "once-each", "claims_per_customer_max": 1},
    {"id": "welcome-back", "policies": ["win_back"]},
    {"id": "for-bronze", "when": {"tiers": ["bronze"]}},
    {"id": "until-today", "until": "2018-01-02"},
)


@pytest.fixture
def claim_shop(shop):
    shop.publish(offers=OFFERS)
    return shop


@pytest.fixture
def client(claim_shop):
    with claim_shop.client() as client:
        yield client


def claim(client, offer="gold-week", key="key-1", customer="ada", **body):
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(f"/v1/offers/{offer}/claims", json={"customer_id": customer, **body}, headers=headers)


def refused(answer, status: int, code: str) -> dict[str, object]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


def stored(shop) -> list[tuple[str, str, str | None]]:
    with shop.database() as database:
        rows = [each for batch in database.claims.claim_batches() for each in batch]
    return sorted((row.offer_id, row.customer_id, row.recommendation_id) for row in rows)


def test_a_claim_is_made_once_however_often_it_is_sent(claim_shop, client):
    recommendation = ask(client).json()["recommendation_id"]
    first = claim(client, recommendation_id=recommendation)
    assert first.status_code == 201
    body = first.json()
    assert set(body) == {"claim_id", "offer_id", "customer_id", "claimed_at", "repeated"}
    assert (body["offer_id"], body["customer_id"], body["repeated"]) == ("gold-week", "ada", False)
    assert body["claimed_at"] == "2018-01-02T12:00:00Z"
    assert first.headers["cache-control"] == "private, no-store"
    claim_shop.clock.advance(hours=1)
    again = claim(client, recommendation_id=recommendation)
    assert (again.status_code, again.json()) == (200, body | {"repeated": True})
    assert stored(claim_shop) == [("gold-week", "ada", recommendation)]
    assert claim(client, key="key-2").json()["claim_id"] != body["claim_id"]


def test_a_repeat_succeeds_also_after_the_offer_has_ended(claim_shop, client):
    assert claim(client, "until-today").status_code == 201
    claim_shop.clock.advance(days=1)
    assert claim(client, "until-today").status_code == 200
    refused(claim(client, "until-today", key="key-2"), 409, "offer_not_eligible")


def test_a_key_stands_for_one_offer_and_one_customer(claim_shop, client):
    assert claim(client).status_code == 201
    refused(claim(client, "first-two"), 409, "idempotency_conflict")
    refused(claim(client, customer="bo"), 409, "idempotency_conflict")
    assert stored(claim_shop) == [("gold-week", "ada", None)]


def test_caps_hold_for_everybody_and_for_each_customer(claim_shop, client):
    assert claim(client, "first-two", "a", "ada").status_code == 201
    assert claim(client, "first-two", "b", "ada").status_code == 201
    refused(claim(client, "first-two", "c", "bo"), 409, "offer_exhausted")
    assert claim(client, "first-two", "b", "ada").status_code == 200, "a repeat consumes nothing"
    assert claim(client, "once-each", "d", "ada").status_code == 201
    refused(claim(client, "once-each", "e", "ada"), 409, "customer_limit")
    assert claim(client, "once-each", "f", "bo").status_code == 201
    text = client.get("/metrics").text
    for result, times in (("claimed", 4), ("repeated", 1), ("offer_exhausted", 1), ("customer_limit", 1)):
        assert f'huitou_offer_claims_total{{result="{result}"}} {times}.0' in text
    assert "huitou_claim_queue 0.0" in text


def test_showing_an_offer_consumes_nothing(claim_shop, client):
    for _ in range(5):
        assert "first-two" in [offer["offer_id"] for offer in ask(client).json()["offers"]]
    assert claim(client, "first-two").status_code == 201


def test_an_offer_that_was_found_exhausted_is_no_longer_shown(claim_shop, client):
    def shown():
        answers = ask(client), client.get("/v1/customers/bo/offers")
        return ["first-two" in [offer["offer_id"] for offer in each.json()["offers"]] for each in answers]

    assert [claim(client, "first-two", key).status_code for key in ("a", "b")] == [201, 201]
    assert shown() == [True, True], "nobody was refused yet"
    refused(claim(client, "first-two", "c"), 409, "offer_exhausted")
    assert shown() == [False, False]
    # A later release that allows more opens it again.
    more = catalogue({"id": "first-two", "claims_max": 3})
    live = claim_shop.publish(offers=more).id
    wait_until(lambda: ask(client).json()["release_id"] == live)
    assert shown() == [True, True]
    assert claim(client, "first-two", "d").status_code == 201


def test_many_at_once_never_pass_a_cap(claim_shop, client):
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda i: claim(client, "first-two", f"key-{i // 2}", "ada"), range(16)))
    made = [answer for answer in answers if answer.status_code == 201]
    assert len(made) == len(stored(claim_shop)) == 2
    assert {answer.status_code for answer in answers} <= {200, 201, 409}


@pytest.mark.parametrize(
    ("offer", "customer"),
    [("for-bronze", "ada"), ("welcome-back", "ada"), ("gold-week", "f"), ("gold-week", "no-consent")],
)
def test_only_who_may_have_an_offer_may_claim_it(claim_shop, client, offer, customer):
    refused(claim(client, offer, customer=customer), 409, "offer_not_eligible")
    assert stored(claim_shop) == []


def test_an_offer_of_a_policy_is_for_those_whom_an_experiment_gives_it(claim_shop):
    def treated(policy):
        return lambda *_: [Assignment("exp", "changed", Treatment(offer_policy=policy))]

    with claim_shop.client(treated("win_back")) as client:
        assert claim(client, "welcome-back").status_code == 201
    with claim_shop.client(treated("none")) as client:
        refused(claim(client, "gold-week", "key-2"), 409, "offer_not_eligible")


def test_a_claim_is_no_exposure(claim_shop):
    claim_shop.start("exp", {"offer_policy": "win_back"})
    with claim_shop.client() as client:
        assert claim(client).status_code == 201
    assert claim_shop.exposures("exp") == {}


def test_unknown_offers_and_customers_are_named(client):
    assert "'nothing'" in refused(claim(client, "nothing"), 404, "unknown_offer")["detail"]
    assert "'stranger'" in refused(claim(client, customer="stranger"), 404, "unknown_customer")["detail"]


@pytest.mark.parametrize("key", [None, "", "x" * 129, "two words"])
def test_a_missing_or_wrong_key_is_named(client, key):
    body = refused(claim(client, key=key), 422, "invalid_request")
    assert [error["field"].lower() for error in body["errors"]] == ["idempotency-key"]


def test_a_wrong_body_is_named(client):
    body = refused(claim(client, customer=""), 422, "invalid_request")
    assert [error["field"] for error in body["errors"]] == ["customer_id"]
    assert [e["field"] for e in refused(claim(client, size="L"), 422, "invalid_request")["errors"]] == [
        "size"
    ]


def test_without_the_database_a_claim_is_to_be_sent_again(claim_shop, client):
    away = claim_shop.database_file.with_suffix(".away")
    claim_shop.database_file.rename(away)
    wait_until(lambda: ask(client).json()["degraded"] == "database_unavailable")
    answer = claim(client)
    refused(answer, 503, "database_unavailable")
    assert answer.headers["retry-after"] == "1"
    away.rename(claim_shop.database_file)
    wait_until(lambda: claim(client).status_code == 201)
    assert stored(claim_shop) == [("gold-week", "ada", None)]


def test_a_claim_that_cannot_be_committed_is_to_be_sent_again(claim_shop):
    with claim_shop.client(database={"write_timeout_ms": 50}) as client:
        with closing(sqlite3.connect(claim_shop.database_file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            refused(claim(client), 503, "database_unavailable")
            other.execute("ROLLBACK")
        assert claim(client).status_code == 201
