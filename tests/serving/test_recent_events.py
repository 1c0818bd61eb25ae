"""The last events change the next answer; an event is acknowledged only once it is stored."""

import sqlite3
from contextlib import closing

import pytest

from features.database.store import open_database
from tests.serving.conftest import NOON, ask, assert_full, product_ids
from tests.support.waiting import wait_until


def event(event_id: str, **fields: object) -> dict[str, object]:
    return {
        "event_id": event_id, "type": "view", "occurred_at": "2018-01-02T11:59:00Z", "customer_id": "ada",
        "product_id": "p3",
    } | fields  # fmt: skip


def send(client, *events):
    return client.post("/v1/events", json={"events": list(events)})


def recent_products(answer) -> dict[str, list[str]]:
    return {
        product["product_id"]: product["reason"]["because_product_ids"]
        for product in answer.json()["products"]
        if product["source"] == "recent_activity"
    }


@pytest.mark.parametrize("kind", ["view", "click", "cart_add"])
def test_a_product_just_seen_brings_similar_ones_into_the_next_answer(client, kind):
    assert recent_products(ask(client)) == {}
    assert send(client, event("e1", type=kind)).json() == {
        "results": [{"event_id": "e1", "status": "stored", "detail": None}]
    }
    answer = ask(client)
    assert_full(answer, 20)
    found = recent_products(answer)
    # In the small release p3 is similar to p4 and p5.
    assert found
    assert set(found) <= {"p4", "p5"}
    assert all(because == ["p3"] for because in found.values())
    reason = next(p["reason"] for p in answer.json()["products"] if p["source"] == "recent_activity")
    assert (reason["code"], reason["text"]) == ("recently_viewed", "Because you just looked at Product 3")


@pytest.mark.parametrize("placement", ["home", "buy_again", "discover"])
def test_a_product_just_bought_leaves_every_personal_placement(client, placement):
    bought = product_ids(ask(client, placement=placement))[0]
    send(client, event("e1", type="purchase", product_id=bought))
    answer = ask(client, placement=placement)
    assert bought not in product_ids(answer)
    assert_full(answer, 20)


def test_a_returned_product_may_come_back(client):
    bought = product_ids(ask(client))[0]
    send(client, event("e1", type="purchase", product_id=bought))
    send(client, event("e2", type="return", product_id=bought, occurred_at="2018-01-02T12:00:00Z"))
    assert product_ids(ask(client))[0] == bought


def test_events_work_without_a_cache_and_across_a_flush(shop):
    with shop.client() as client:
        send(client, event("e1"))
        first = recent_products(ask(client))
        assert first
        shop.flush()
        assert recent_products(ask(client)) == first
    with shop.client(cache={"redis_url": ""}) as client:
        answer = ask(client)
        assert recent_products(answer) == first
        assert answer.json()["degraded"] == "cache_unavailable"


def test_another_worker_sees_the_events_too(shop):
    with shop.client() as one, shop.client() as other:
        assert recent_products(ask(other)) == {}
        send(one, event("e1"))
        # At once unless Redis is slow; in any case after the second drop.
        wait_until(lambda: recent_products(ask(other)) != {})


def test_a_slow_reader_cannot_bring_back_what_it_saw_before_the_event(shop):
    from redis import Redis

    from features.cache.keys import customer_subject, recent_key
    from serving.recent_activity import Recent, pack_recent

    with shop.client() as client:
        send(client, event("e1"))
        # Another worker asked the database before the commit, and fills the cache only now.
        Redis.from_url(shop.redis.url).set(recent_key(customer_subject("ada")), pack_recent(Recent()))
        wait_until(lambda: recent_products(ask(client)) != {})


def test_only_the_one_who_acted_is_affected(client):
    send(client, event("e1"))
    assert recent_products(ask(client, customer_id="bo")) == {}
    assert recent_products(ask(client, session_id="ada")) == {}
    assert recent_products(ask(client, placement="trending")) == {}


def test_a_session_gets_recent_activity_first_and_then_trending(client):
    send(client, event("e1", customer_id=None, session_id="s1"))
    answer = ask(client, session_id="s1", limit=4)
    assert [product["source"] for product in answer.json()["products"]] == ["recent_activity"] * 2 + [
        "trending"
    ] * 2
    assert product_ids(answer)[:2] == ["p4", "p5"]


def test_a_customer_without_consent_is_not_followed(client):
    send(client, event("e1", customer_id="no-consent"))
    assert recent_products(ask(client, customer_id="no-consent")) == {}


def test_a_customer_the_release_does_not_know_yet_is_helped_by_events(client):
    send(client, event("e1", customer_id="newcomer"))
    assert list(recent_products(ask(client, customer_id="newcomer", limit=4))) == ["p4", "p5"]


def test_events_lose_their_effect_after_the_window(shop):
    with shop.client() as client:
        send(client, event("e1"))
        assert recent_products(ask(client))
        shop.clock.advance(days=8)
        shop.flush()  # what is cached expires by Redis' own clock
        assert recent_products(ask(client)) == {}


def test_an_event_sent_twice_is_stored_once_and_is_a_success(client):
    send(client, event("e1"))
    statuses = [result["status"] for result in send(client, event("e1"), event("e2")).json()["results"]]
    assert statuses == ["duplicate", "stored"]


def test_what_was_acknowledged_is_in_the_database(shop):
    with shop.client() as client:
        answer = send(client, *[event(f"e{i}", amount="12.3400", quantity=2) for i in range(1000)])
        assert {result["status"] for result in answer.json()["results"]} == {"stored"}
        with closing(sqlite3.connect(shop.database_file)) as connection:
            rows = connection.execute("SELECT amount, quantity, received_at FROM events").fetchall()
    assert rows == [("12.3400", "2.0000", "2018-01-02 12:00:00.000000")] * 1000


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({"type": "look"}, "type"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": "2018-01-02T12:00:00"}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
        ({"event_id": ""}, "event_id"),
        ({"event_id": "x" * 129}, "event_id"),
        ({"product_id": "a\x00b"}, "product_id"),
        ({"customer_id": None}, "customer_id or session_id"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "1.23456"}, "amount"),
        ({"dwell_seconds": -1}, "dwell_seconds"),
        ({"colour": "red"}, "colour"),
        ({"occurred_at": 1514894400}, "occurred_at must be text"),
        ({"occurred_at": "1514894400"}, "occurred_at must be text"),
        ({"occurred_at": True}, "occurred_at must be text"),
        ({"amount": True}, "amount: must be a JSON number"),
        ({"amount": "１２"}, "amount: must be a JSON number"),
        ({"amount": " 12"}, "amount: must be a JSON number"),
        ({"amount": "1_000"}, "amount: must be a JSON number"),
        ({"amount": "1e3"}, "amount: must be a JSON number"),
        ({"amount": ["12"]}, "amount: must be a JSON number"),
        ({"quantity": False}, "quantity: must be a JSON number"),
        ({"quantity": "٣"}, "quantity: must be a JSON number"),
        ({"dwell_seconds": True}, "dwell_seconds: must be a JSON number"),
        ({"dwell_seconds": "３"}, "dwell_seconds: must be a JSON number"),
    ],
)
def test_an_invalid_event_is_named_and_does_not_stop_the_others(client, broken, named):
    results = send(client, event("good"), event("bad") | broken, event("good2")).json()["results"]
    assert [result["status"] for result in results] == ["stored", "invalid", "stored"]
    assert named in results[1]["detail"]


@pytest.mark.parametrize("value", [12, 12.5, "12", "12.5", "+12.5", "0012.5000"])
def test_numbers_of_an_event_may_be_json_numbers_or_plain_text(client, value):
    result = send(client, event("e1", amount=value, quantity=value, dwell_seconds=value)).json()["results"][0]
    assert (result["status"], result["detail"]) == ("stored", None)


def test_an_event_that_is_no_object_is_invalid(client):
    results = send(client, "view", None, [1]).json()["results"]
    assert [(result["event_id"], result["status"]) for result in results] == [(None, "invalid")] * 3


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"events": {}},
        {"event": []},
        {"events": [], "extra": 1},
        {"events": [{}] * 1001},
        "text",
        None,
    ],
)
def test_a_body_that_is_no_batch_is_a_problem(client, body):
    answer = client.post("/v1/events", json=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"


def test_an_empty_batch_is_nothing_to_do(client):
    assert send(client).json() == {"results": []}


def test_a_full_queue_says_when_to_come_back(shop):
    with shop.client(serving={"event_queue": 2}) as client:
        answer = send(client, event("e1"), event("e2"), event("e3"))
        assert (answer.status_code, answer.json()["code"]) == (503, "queue_full")
        assert answer.headers["retry-after"] == "1"
        assert send(client, event("e1"), event("e2")).status_code == 200


def test_a_locked_database_acknowledges_nothing(shop):
    with shop.client() as client, closing(sqlite3.connect(shop.database_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = send(client, event("e1"))
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert "retry-after" in answer.headers
        assert_full(ask(client), 20)
        other.execute("ROLLBACK")
        assert send(client, event("e1")).json()["results"][0]["status"] == "stored"


def test_the_last_events_are_the_last_to_arrive(shop):
    with shop.client() as client:
        send(client, event("e1", product_id="p10"))
        shop.clock.advance(minutes=1)
        # A day late, but it arrived later.
        send(client, event("e2", product_id="p20", occurred_at="2018-01-01T00:00:00Z"))
        with open_database(shop.settings.database_url) as database:
            recent = database.recent_events("c:ada", 5, NOON)
        assert [item.product_id for item in recent] == ["p20", "p10"]
        first = next(iter(recent_products(ask(client)).values()))
        assert first == ["p20"]
