"""What beside money goes into a profile: identity, behaviour, satisfaction, complaints, the own rhythm."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from features.profiles.build import build_profiles
from features.profiles.customer_table import local_days
from features.settings import load_settings
from features.tables.engine import read_sql
from tests.support.order_lines import Line, engine_with, profiles_of, settings_with

AS_OF = date(2024, 3, 1)
OLD = datetime(2020, 1, 1)  # noqa: DTZ001 - the shop's wall clock


def at(month: int, day: int, hour: int = 12, minute: int = 0, year: int = 2024) -> datetime:
    return datetime(year, month, day, hour, minute)  # noqa: DTZ001 - the shop's wall clock


def profile(lines=(), **tables):
    (row,) = profiles_of(lines, AS_OF, **tables).customers.to_pylist()
    return row


def person(**fields):
    return {"customer_id": "ann"} | fields


def test_identity_as_the_shop_tells_it():
    row = profile(
        customers=[person(signed_up_at=at(1, 1), birth_date=date(1984, 3, 2), gender="f", region="north")]
    )
    assert (row["signed_up_on"], row["tenure_days"]) == (date(2024, 1, 1), 30 + 29)
    # 40 only tomorrow.
    assert (row["age"], row["days_to_birthday"]) == (39, 1)
    assert (row["gender"], row["region"]) == ("f", "north")


@pytest.mark.parametrize(
    ("born", "age", "days"),
    [
        (date(1990, 3, 1), 34, 0),
        (date(1990, 2, 28), 34, 364),  # yesterday but one; 365 days to the next 1 March, less one
        (date(2004, 2, 29), 20, 365),  # 2025 has no 29th: the first of March it is
        (date(2030, 1, 1), None, 306),
    ],
)
def test_birthdays(born, age, days):
    row = profile(customers=[person(birth_date=born)])
    assert (row["age"], row["days_to_birthday"]) == (age, days)


def test_tenure_begins_with_whatever_came_first():
    signed_up = [person(signed_up_at=at(2, 1))]
    assert profile([Line("ann", "milk", at(1, 31), "1")], customers=signed_up)["tenure_days"] == 29
    assert profile([Line("ann", "milk", at(2, 3), "1")], customers=signed_up)["tenure_days"] == 28


def test_consent_where_the_shop_asks_no_answer_is_a_no():
    asked = [person(consent_personalization=None), person(customer_id="bo", consent_personalization=True)]
    rows = profiles_of([], AS_OF, customers=asked).customers.to_pylist()
    assert [row["consent_personalization"] for row in rows] == [False, True]
    assert [row["consent_marketing"] for row in rows] == [True, True]  # never asked


@pytest.mark.parametrize("answers", [(None, None), (True, None), (False, True), (None, False)])
def test_consent_is_that_of_the_one_query(answers):
    """The profile says it without a second look at the order lines; `consent` is everybody else's rule."""
    people = [
        person(customer_id=name, consent_personalization=answer, consent_marketing=other)
        for name, answer, other in zip("ab", answers, reversed(answers), strict=True)
    ]
    lines = [Line("only-orders", "milk", at(1, 1), "1")]
    with engine_with([lines], customers=people) as engine:
        rows = build_profiles(engine, AS_OF, settings_with()).customers.to_pylist()
        told = engine.query(read_sql("consent")).to_pylist()
    assert [
        (row["customer_id"], row["consent_personalization"], row["consent_marketing"]) for row in rows
    ] == [(row["customer_id"], row["personalization"], row["marketing"]) for row in told]


def event(kind, when, session=None, customer="ann", **fields):
    return {
        "event_id": f"{kind} {when} {session} {customer}",
        "type": kind,
        "occurred_at": when,
        "local_at": when,
        "customer_id": customer,
        "session_id": session,
        "dwell_seconds": None,
    } | fields


def test_behaviour_by_sessions():
    events = [
        # Signs in on the way: the whole session is hers.
        event("view", at(2, 1, 9), "s1", customer=None, dwell_seconds=30),
        event("view", at(2, 1, 9, 5), "s1", customer=None, dwell_seconds=60),
        event("sign_in", at(2, 1, 9, 6), "s1"),
        event("cart_add", at(2, 1, 9, 7), "s1"),
        event("purchase", at(2, 1, 9, 8), "s1"),
        # Without a session a day is one.
        event("view", at(2, 2, 9)),
        event("view", at(2, 2, 23)),
        event("view", at(2, 3), "s2"),  # one event: a bounce
        event("impression", at(2, 4), "s3"),  # the shop did that
        event("view", at(12, 2, year=2023), "s4"),  # 90 days before the first of March
        event("view", at(12, 1, year=2023), "s5"),
        event("view", at(3, 1, 0), "s6"),
        event("referral", OLD),
    ]
    row = profile(customers=[person()], events=events)
    assert row["sessions"] == 4  # s1, 2 February, s2, s4
    assert row["views"] == 2 + 2 + 1 + 1
    assert row["dwell_seconds"] == (30 + 60) / 4
    assert (row["cart_rate"], row["conversion_rate"], row["bounce_rate"]) == (1 / 4, 1 / 4, 2 / 4)
    assert (row["check_ins"], row["referrals"]) == (1, 1)


def test_who_did_nothing_has_no_sessions_and_no_rates():
    row = profile([Line("ann", "milk", at(2, 1), "1")])
    assert (row["sessions"], row["views"], row["check_ins"], row["referrals"]) == (0, 0, 0, 0)
    assert row["bounce_rate"] is row["conversion_rate"] is row["cart_rate"] is row["dwell_seconds"] is None


def test_satisfaction_and_complaints():
    def said(kind, when, score):
        return {
            "feedback_id": f"{kind} {when}",
            "customer_id": "ann",
            "kind": kind,
            "occurred_at": when,
            "local_at": when,
            "score": score,
        }

    def ticket(category, opened, resolved=None):
        return {
            "ticket_id": f"{category} {opened}",
            "customer_id": "ann",
            "category": category,
            "opened_at": opened,
            "local_at": opened,
            "resolved_at": resolved,
        }

    row = profile(
        customers=[person()],
        feedback=[
            said("nps", at(1, 1), 9),
            said("nps", at(2, 1), 6),
            said("nps", at(3, 1), 10),  # on the as-of day
            said("csat", at(1, 1), 5),
            said("csat", at(2, 1), 2),
            said("review", at(2, 1), 4),
        ],
        tickets=[
            ticket("logistics", OLD),  # old, and still open
            ticket("logistics", at(2, 1), at(2, 3)),
            ticket("product", at(2, 20), at(3, 1)),  # resolved on the as-of day: open on its morning
        ],
    )
    assert (row["nps"], row["csat"], row["review_score"]) == (6, (5 + 2) / 2, 4)
    assert row["tickets"] == [
        {"category": "logistics", "open": 1, "recent": 1},
        {"category": "product", "open": 1, "recent": 1},
    ]


def test_channel_of_most_orders_then_the_latest():
    lines = [
        Line("ann", "milk", at(1, day), "1", channel=channel)
        for day, channel in [(1, "web"), (2, "shop"), (3, "app"), (4, "web"), (5, "app")]
    ]
    assert profile(lines)["preferred_channel"] == "app"


def test_lifecycle_by_the_own_rhythm():
    # Gaps of 2, 2, 2, 2 and 6 days: at 80 % of the way through five gaps (place 3.2) 2 + .2 · (6 − 2) = 2.8.
    days = [1, 3, 5, 7, 9, 15]
    lines = [Line("ann", "milk", at(1, day), "1") for day in days]
    silent = 16 + 29  # from 15 January to 29 February
    row = profile(lines)
    assert row["days_since_last_order"] == silent
    assert (row["lifecycle"], row["lifecycle_rule"]) == ("lapsing", "fixed_days")  # 28 < 45 ≤ 84
    assert row["lifecycle_own_rhythm"] == "churned"  # 45 > 3 · 2.8
    patient = settings_with(lifecycle_rule="own_rhythm", churned_rhythm_factor=17.0)
    (row,) = profiles_of(lines, AS_OF, patient).customers.to_pylist()
    assert 17 * 2.8 > silent > 2.8
    assert (row["lifecycle"], row["lifecycle_fixed_days"]) == ("lapsing", "lapsing")
    assert row["lifecycle_rule"] == "own_rhythm"


def test_without_a_rhythm_the_fixed_lines_hold():
    row = profile([Line("ann", "milk", at(1, 1), "1"), Line("ann", "milk", at(1, 2), "1")])
    assert row["lifecycle_own_rhythm"] == row["lifecycle_fixed_days"] == "lapsing"


def test_brands_and_price_bands_of_the_category():
    products = [
        {"product_id": f"p{n}", "category": "tea", "brand": "Hill" if n else "Lake", "price": price}
        for n, price in enumerate([1, 2, 2, 9])
    ]
    lines = [Line("ann", f"p{n}", at(1, 1), "1") for n in (0, 1, 2, 3)]
    row = profile(lines, products=products)
    assert [(e["brand"], e["share"], e["purchases"]) for e in row["brand_affinities"]] == [
        ("Hill", 0.75, 3),
        ("Lake", 0.25, 1),
    ]
    # Ranks among the four prices: 0, 1/3, 1/3 and 3/3; two of equal price share the middle band.
    assert {e["price_band"]: e["purchases"] for e in row["price_band_affinities"]} == {
        "low": 1,
        "middle": 2,
        "high": 1,
    }


def test_sign_ups_fall_on_local_days_also_when_clocks_change():
    zone = load_settings(overrides={"shop": {"timezone": "America/New_York"}}).shop.zone
    import pyarrow as pa

    # 04:59 UTC is still yesterday in winter (UTC−5), 04:00 UTC already today in summer (UTC−4).
    stamps = pa.chunked_array([pa.array([at(1, 2, 4, 59), at(7, 2, 4), None], pa.timestamp("us"))])
    days = local_days(stamps, zone)
    epoch = date(1970, 1, 1)
    assert [epoch + timedelta(days=int(day)) for day in days[:2]] == [date(2024, 1, 1), date(2024, 7, 2)]
    assert np.isnan(days[2])
