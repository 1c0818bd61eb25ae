"""Feedback, tickets, contacts, redemptions, costs: what loads, what is refused, what a later file renews."""

# ruff: noqa: DTZ001 (stamps of the lake are UTC without a zone)

from datetime import date, datetime
from decimal import Decimal

import pytest

from features.columns import FEEDBACK_KINDS
from features.tables.contracts import CONTRACTS, FEEDBACK

GOOD = {
    "feedback": {
        "feedback_id": "f1",
        "customer_id": "c1",
        "kind": "nps",
        "occurred_at": "2024-03-01 10:00",
        "score": "9",
        "text": "",
        "product_id": "",
    },
    "tickets": {
        "ticket_id": "t1",
        "customer_id": "c1",
        "category": "logistics",
        "opened_at": "2024-03-01 10:00",
        "first_response_at": "2024-03-01 10:00",  # at once: not before
        "resolved_at": "",
        "satisfied": "",
    },
    "contacts": {
        "contact_id": "m1",
        "customer_id": "c1",
        "kind": "email",
        "sent_at": "2024-03-01 10:00",
        "amount": "0.01",
        "campaign": "spring",
    },
    "redemptions": {
        "redemption_id": "x1",
        "customer_id": "c1",
        "offer_id": "ten",
        "redeemed_at": "2024-03-01 10:00",
        "amount": "2.50",
        "order_id": "o1",
        "campaign": "spring",
    },
    "costs": {
        "cost_id": "k1",
        "kind": "acquisition",
        "occurred_at": "2024-03-01",
        "amount": "-10",
        "campaign": "spring",
        "period_end": "2024-03-31",
    },
}


def write(shop, table, *rows):
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    shop.write(f"{table}.csv", "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("table", "changed", "reason"),
    [
        ("feedback", {"kind": "stars"}, "kind: not a known word"),
        ("feedback", {"customer_id": ""}, "customer_id: missing"),
        ("feedback", {"score": "11"}, "score: not between 0 and 10, the range of nps"),
        ("feedback", {"score": "-1"}, "score: not between 0 and 10, the range of nps"),
        ("feedback", {"kind": "csat", "score": "6"}, "score: not between 1 and 5, the range of csat"),
        ("feedback", {"kind": "review", "score": "0"}, "score: not between 1 and 5, the range of review"),
        ("feedback", {"score": "nine"}, "score: not a number"),
        ("tickets", {"category": "weather"}, "category: not a known word"),
        ("tickets", {"first_response_at": "2024-03-01 09:59"}, "first_response_at: before opened_at"),
        ("tickets", {"resolved_at": "2024-02-29"}, "resolved_at: before opened_at"),
        ("tickets", {"satisfied": "perhaps"}, "satisfied: not true or false"),
        ("contacts", {"sent_at": ""}, "sent_at: missing"),
        ("contacts", {"kind": ""}, "kind: missing"),
        ("contacts", {"amount": "-0.01"}, "amount: below 0"),
        ("redemptions", {"offer_id": ""}, "offer_id: missing"),
        ("redemptions", {"amount": ""}, "amount: missing"),
        ("redemptions", {"amount": "-1"}, "amount: below 0"),
        ("costs", {"kind": ""}, "kind: missing"),
        ("costs", {"amount": ""}, "amount: missing"),
        ("costs", {"period_end": "2024-02-29"}, "period_end: before occurred_at"),
    ],
)
def test_a_broken_row_is_rejected_and_the_good_one_loads(shop, table, changed, reason):
    good = GOOD[table]
    write(shop, table, good, good | {CONTRACTS[table].identity: "other"} | changed)
    report = shop.ingest()[table]
    assert (report["loaded"], report["reasons"]) == (1, {reason: 1})


def test_every_kind_of_feedback_has_its_range_and_its_ends_load(shop):
    _, ranges = FEEDBACK.column("score").ranges_by
    assert tuple(word for word, _, _ in ranges) == FEEDBACK_KINDS
    ends = [(word, end) for word, low, high in ranges for end in (low, high)]
    rows = [
        GOOD["feedback"] | {"feedback_id": f"f{i}", "kind": word, "score": str(end)}
        for i, (word, end) in enumerate(ends)
    ]
    write(shop, "feedback", *rows, GOOD["feedback"] | {"feedback_id": "silent", "score": ""})
    assert shop.ingest()["feedback"]["loaded"] == len(ends) + 1


def test_good_rows_arrive_with_their_types_and_the_shops_clock(new_shop):
    shop = new_shop("Asia/Shanghai")
    for table, row in GOOD.items():
        write(shop, table, row)
    shop.ingest()
    at, local = datetime(2024, 3, 1, 10), datetime(2024, 3, 1, 18)  # UTC and eight hours later
    instants = {"feedback": "occurred_at", "tickets": "opened_at", "contacts": "sent_at"}
    for table, column in (instants | {"redemptions": "redeemed_at"}).items():
        assert shop.rows(f"SELECT {column} AS at, local_at AS local FROM {table}") == [
            {"at": at, "local": local}
        ]
    assert shop.rows("SELECT score, text FROM feedback") == [{"score": Decimal("9.0000"), "text": None}]
    assert shop.rows("SELECT resolved_at, satisfied FROM tickets") == [
        {"resolved_at": None, "satisfied": None}
    ]
    assert shop.rows("SELECT amount, period_end FROM costs") == [
        {"amount": Decimal("-10.0000"), "period_end": date(2024, 3, 31)}
    ]


@pytest.mark.parametrize(("zone", "loaded"), [("America/New_York", 1), ("UTC", 0)])
def test_a_period_ends_on_a_day_of_the_shop(new_shop, zone, loaded):
    # 02:00 UTC on 1 April is still 31 March in New York.
    shop = new_shop(zone)
    late = {"occurred_at": "2024-04-01T02:00:00Z", "period_end": "2024-03-31"}
    write(shop, "costs", GOOD["costs"] | late, GOOD["costs"] | {"cost_id": "k2"})
    assert shop.ingest()["costs"]["loaded"] == 1 + loaded


def test_a_ticket_resolved_later_is_the_newer_row_and_feedback_never_changes(shop):
    write(shop, "tickets", GOOD["tickets"])
    write(shop, "feedback", GOOD["feedback"])
    shop.ingest()
    write(shop, "tickets", GOOD["tickets"] | {"resolved_at": "2024-03-02", "satisfied": "yes"})
    write(shop, "feedback", GOOD["feedback"] | {"score": "1"})
    report = shop.ingest()
    assert report["tickets"]["loaded"] == 1
    assert report["feedback"]["reasons"] == {"feedback_id: conflicting feedback_id": 1}
    assert shop.rows("SELECT resolved_at, satisfied FROM tickets") == [
        {"resolved_at": datetime(2024, 3, 2), "satisfied": True}
    ]
    assert shop.rows("SELECT score FROM feedback") == [{"score": Decimal("9.0000")}]


def test_a_mapping_brings_them_from_an_export_with_other_names(shop):
    shop.write("nps.csv", "id,kunde,wann,wert\n1,c1,2024-03-01,10\n2,c1,2024-03-02,12\n")
    report = shop.ingest(
        '[feedback]\nfile = "nps.csv"\n[feedback.columns]\nfeedback_id = "id"\ncustomer_id = "kunde"\n'
        'occurred_at = "wann"\nscore = "wert"\nkind = {constant = "nps"}\n'
    )["feedback"]
    assert (report["loaded"], report["reasons"]) == (
        1,
        {"score: not between 0 and 10, the range of nps": 1},
    )


def test_tables_that_never_came_are_empty_views(shop):
    write(shop, "costs", GOOD["costs"])
    shop.ingest()
    for table in ("feedback", "tickets", "contacts", "redemptions"):
        assert shop.rows(f"SELECT count(*) AS n FROM {table}") == [{"n": 0}]
