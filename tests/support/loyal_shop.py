"""A shop of eight customers whose loyalty measures fit on paper, each customer there five times.

Five, because a cell about fewer people is withheld: every count is five times that of the eight, every share
stays. The report's day is 31 March 2024, its window the 30 days from 1 March, the window before that from
31 January. Everything is UTC.
"""

from datetime import date, datetime, timedelta
from typing import Any

from tests.support.order_lines import Line

AS_OF = date(2024, 3, 31)
TIMES = 5
Row = dict[str, Any]


def at(month: int, day: int, hour: int = 10) -> datetime:
    return datetime(2024, month, day, hour)  # noqa: DTZ001 - the shop's wall clock


def _lines(n: int) -> list[Line]:
    orders = [
        ("c1", at(1, 5), "10.00"), ("c1", at(2, 10), "20.00"), ("c1", at(3, 5), "30.00"),
        ("c2", at(2, 15), "10.00"), ("c2", at(3, 10), "15.00"), ("c2", at(3, 20), "25.00"),
        ("c3", at(2, 20), "40.00"),
        ("c4", at(2, 1), "8.00"), ("c4", at(3, 2), "12.00"),
        ("c5", at(2, 3), "9.00"), ("c5", at(3, 20), "50.00"),
        ("c6", at(3, 15), "5.00"),
        ("c7", at(3, 16), "7.00"),
        ("c8", at(1, 10), "100.00"), ("c8", at(1, 12), "-100.00"),  # never bought in the end
        ("c5", at(3, 30), "-50.00"),  # the newest line; undoes the order of 20 March
    ]  # fmt: skip
    return [
        Line(f"{who}-{n}", "milk", when, amount, channel="app" if who in ("c1", "c6") else "web")
        for who, when, amount in orders
    ]


def _event(n: int, who: str | None, when: datetime, session: str | None, kind: str = "view") -> Row:
    return {
        "event_id": f"{who} {when} {kind} {n}",
        "type": kind,
        "customer_id": None if who is None else f"{who}-{n}",
        "session_id": session and f"{session}-{n}",
        "product_id": "milk",
        "occurred_at": when,
        "local_at": when,
    }


def _events(n: int) -> list[Row]:
    return [
        _event(n, "c1", at(1, 5, 9), "s0"),
        _event(n, "c1", at(3, 5, 9), "s1"),
        _event(n, "c1", at(3, 5), "s1", "purchase"),
        _event(n, "c2", at(3, 10, 9), "s2"),
        _event(n, "c3", at(3, 11), "s3"),
        _event(n, "c3", at(3, 11, 11), "s3", "cart_add"),
        _event(n, "c4", at(3, 3), None),
        _event(n, "c4", at(3, 4), None),  # without a session: one a day
        _event(n, "c5", at(3, 6), "s5"),
        _event(n, None, at(3, 7), "s9"),  # nobody knows who
        _event(n, "c6", at(3, 7), "s6", "impression"),  # no visit
        _event(n, "c5", at(3, 29, 22), None, "return"),
        _event(n, "c5", at(3, 29), None, "return"),
    ]


def _feedback(n: int) -> list[Row]:
    answers = [
        ("c1", "nps", at(3, 1), 0), ("c1", "nps", at(3, 2), 10),  # the last answer counts
        ("c2", "nps", at(3, 3), 9), ("c3", "nps", at(3, 3), 7), ("c4", "nps", at(3, 3), 3),
        ("c5", "nps", at(3, 30), 10), ("c6", "nps", at(2, 29), 0),  # before the window
        ("c1", "csat", at(3, 2), 5), ("c2", "csat", at(3, 2), 4), ("c3", "csat", at(3, 2), 3),
        ("c4", "csat", at(3, 2), 4), ("c5", "csat", at(3, 2), 5), ("c5", "csat", at(3, 9), 1),
    ]  # fmt: skip
    return [
        {
            "feedback_id": f"{who} {kind} {when} {n}",
            "customer_id": f"{who}-{n}",
            "kind": kind,
            "occurred_at": when,
            "local_at": when,
            "score": score,
        }
        for who, kind, when, score in answers
    ]


def _tickets(n: int) -> list[Row]:
    def after(opened: datetime, hours: int | None) -> datetime | None:
        return None if hours is None else opened + timedelta(hours=hours)

    asked = [
        ("c1", at(3, 5), 2, 10, True),
        ("c2", at(3, 6), 4, 20, False),
        ("c3", at(3, 7), 6, None, None),
        ("c4", at(3, 8), 8, 30, True),
        ("c7", at(3, 17), 10, 40, True),
        ("c6", at(2, 28, 0), 1, 50, True),  # answered in February, resolved on 1 March
        ("c5", at(3, 9), None, None, None),
    ]
    return [
        {
            "ticket_id": f"{who} {n}",
            "customer_id": f"{who}-{n}",
            "category": "service",
            "opened_at": opened,
            "local_at": opened,
            "first_response_at": after(opened, answered),
            "resolved_at": after(opened, resolved),
            "satisfied": satisfied,
        }
        for who, opened, answered, resolved, satisfied in asked
    ]


def _redemptions(n: int) -> list[Row]:
    return [
        {
            "redemption_id": f"r{n}",
            "customer_id": f"c1-{n}",
            "offer_id": "three-off",
            "redeemed_at": at(3, 5),
            "local_at": at(3, 5),
            "amount": 3,
            "order_id": f"c1-{n} {at(3, 5)}",
        }
    ]


def _cost(kind: str, when: datetime, amount: int, until: date | None = None) -> Row:
    return {
        "cost_id": kind, "kind": kind, "occurred_at": when, "local_at": when, "amount": amount,
        "period_end": until,
    }  # fmt: skip


def loyal_lines(times: int = TIMES) -> list[Line]:
    return [line for n in range(times) for line in _lines(n)]


def loyal_tables(times: int = TIMES) -> dict[str, list[Row]]:
    """Every other table: for `engine_with(…, **loyal_tables())`."""
    north = ("c1", "c2", "c3")
    return {
        "products": [{"product_id": "milk", "name": "milk", "category": "dairy", "margin": 0.5}],
        "customers": [
            {"customer_id": f"c{i}-{n}", "region": "north" if f"c{i}" in north else "south"}
            for n in range(times)
            for i in range(1, 9)
        ],
        "events": [row for n in range(times) for row in _events(n)],
        "feedback": [row for n in range(times) for row in _feedback(n)],
        "tickets": [row for n in range(times) for row in _tickets(n)],
        "redemptions": [row for n in range(times) for row in _redemptions(n)],
        "costs": [
            _cost("acquisition", at(3, 1), 310, date(2024, 3, 31)),  # 30 of its 31 days lie in the window
            _cost("retention", at(3, 10), 90),
            _cost("program", at(3, 1), 10),
        ],
    }
