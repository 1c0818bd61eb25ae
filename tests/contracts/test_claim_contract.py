"""Offer claims: never beyond their caps, each idempotency key once, on every database."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from features.database.records import OfferClaim
from features.database.store import open_database

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def claim(number: int, **fields: object) -> OfferClaim:
    return replace(OfferClaim(f"claim-{number}", f"key-{number}", "tea", f"c{number}", NOON), **fields)


def all_at_once(calls):
    """Run each call in a thread of its own; what they returned, in no order."""
    results = []
    threads = [threading.Thread(target=lambda call=call: results.append(call())) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_claim_is_kept_and_found(database):
    first = claim(1, recommendation_id="r1")
    assert database.claims.claim(first, None, None) == ("claimed", first)
    assert database.claims.find("key-1") == first
    assert database.claims.find("key-2") is None
    assert (database.claims.count("tea"), database.claims.count("coffee")) == (1, 0)


def test_the_same_key_repeats_the_first_claim_even_when_nothing_is_left(database):
    first = claim(1)
    database.claims.claim(first, 1, 1)
    again = claim(2, idempotency_key="key-1", customer_id="c1", recommendation_id="later")
    assert database.claims.claim(again, 1, 1) == ("repeated", first)
    assert database.claims.count("tea") == 1


@pytest.mark.parametrize("change", [{"offer_id": "coffee"}, {"customer_id": "c9"}])
def test_a_key_used_for_something_else_is_a_conflict(database, change):
    database.claims.claim(claim(1), None, None)
    other = replace(claim(2, idempotency_key="key-1", customer_id="c1"), **change)
    assert database.claims.claim(other, None, None) == ("conflict", None)
    assert database.claims.count("coffee") == 0


def test_caps_count_everybody_and_the_customer(database):
    take = database.claims.claim
    assert take(claim(1), 3, 1)[0] == "claimed"
    assert take(claim(2, customer_id="c1"), 3, 1) == ("customer_exhausted", None)
    assert take(claim(3, customer_id="c1"), 3, 2)[0] == "claimed"
    assert take(claim(4), 3, 1)[0] == "claimed"
    assert take(claim(5), 3, 1) == ("exhausted", None)
    # Another offer has pieces of its own.
    assert take(claim(6, offer_id="coffee"), 3, 1)[0] == "claimed"


def test_64_customers_at_once_take_exactly_the_ten_pieces(url):
    with open_database(url) as one, open_database(url) as other:
        answers = all_at_once(
            [
                lambda i=i: (one, other)[i % 2].claims.claim(claim(i), total_max=10, customer_max=1)
                for i in range(64)
            ]
        )
        assert sorted(status for status, _ in answers) == ["claimed"] * 10 + ["exhausted"] * 54
        assert one.claims.count("tea") == 10


def test_one_customer_in_32_places_gets_one_piece(url):
    with open_database(url) as one:
        answers = all_at_once(
            [lambda i=i: one.claims.claim(claim(i, customer_id="c1"), 100, 1) for i in range(32)]
        )
        assert sorted(status for status, _ in answers) == ["claimed"] + ["customer_exhausted"] * 31


def test_one_key_sent_at_once_is_one_claim(url):
    with open_database(url) as one, open_database(url) as other:
        same = [claim(i, idempotency_key="key", customer_id="c1") for i in range(16)]
        answers = all_at_once(
            [
                lambda i=i, each=each: (one, other)[i % 2].claims.claim(each, None, None)
                for i, each in enumerate(same)
            ]
        )
        assert sorted(status for status, _ in answers) == ["claimed"] + ["repeated"] * 15
        # Everybody is told of the same claim.
        assert len({found.claim_id for _, found in answers}) == 1
        assert one.claims.count("tea") == 1


def test_one_key_for_sixteen_offers_at_once_is_one_claim(url):
    with open_database(url) as one, open_database(url) as other:
        answers = all_at_once(
            [
                lambda i=i: (one, other)[i % 2].claims.claim(
                    claim(i, idempotency_key="key", offer_id=f"offer-{i}"), 5, 5
                )
                for i in range(16)
            ]
        )
        assert sorted(status for status, _ in answers) == ["claimed"] + ["conflict"] * 15
        assert sum(one.claims.count(f"offer-{i}") for i in range(16)) == 1


def test_claims_come_in_batches(database):
    for i in range(5):
        database.claims.claim(claim(i), None, None)
    batches = list(database.claims.claim_batches(size=2))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert {each.claim_id for batch in batches for each in batch} == {f"claim-{i}" for i in range(5)}
