"""Every measure of the shop, computed on paper (tests/support/loyal_shop.py) and by the report."""

from math import sqrt

import pytest

from features.measures.registry import SHOP_MEASURES
from features.measures.shop_report import measure_shop
from tests.support.loyal_shop import AS_OF, TIMES, at, loyal_lines, loyal_tables
from tests.support.order_lines import Line, engine_with, settings_with

# Measure → numerator and denominator of one of the five equal shops; costs are those of all five.
BY_HAND = {
    "active_customers": (5, None),  # c1 c2 c4 c6 c7
    "order_count": (6, None),  # c2 twice; that of c5 came back
    "net_sales": (30 + 15 + 25 + 12 + 5 + 7, None),
    "order_value": (94, 6),
    "spend_per_customer": (94, 5),
    "purchase_frequency": (6, 5),
    # First orders before 29 February: c1 came back after 36 days, c2 after 24, c4 after exactly 30; c3 and c5
    # never did.
    "repeat_purchase_rate": (2, 5),
    "retention_rate": (3, 5),  # c1 c2 c4 of c1 c2 c3 c4 c5
    "churn_rate": (2, 5),
    "new_customers": (2, None),  # c6 c7
    "new_customer_share": (2, 5),
    "returning_customers": (3, None),
    "returning_customer_share": (3, 5),
    "customer_growth": (2, 5),
    "return_share": (50, 30 + 15 + 25 + 12 + 50 + 5 + 7),
    "return_rate": (1, 7),
    "return_handling_hours": (24, 1),  # from the first of two events on 29 March, at 10, to 30 March at 10
    "visitors": (5, None),  # c1 c2 c3 c4 c5
    "new_visitors": (4, None),
    "returning_visitors": (1, None),  # c1
    "returning_visitor_share": (1, 5),
    "visitor_conversion_rate": (3, 5),  # c1 c2 c4
    "conversion_rate": (1, 7),  # s1 of s1 s2 s3 s5 s9 and two days of c4
    "bounce_rate": (5, 7),  # all but s1 and s3
    "nps": (100 * (3 - 1), 5),  # 10 9 10, and 3; 7 is neither
    "csat": (4, 6),
    "csat_score": (5 + 4 + 3 + 4 + 5 + 1, 6),
    "complaint_rate": (4, 5),  # c1 c2 c4 c7; c3 and c5 did not buy, c6 complained before
    "first_response_hours": (2 + 4 + 6 + 8 + 10, 5),
    "resolution_hours": (10 + 20 + 30 + 40 + 50, 5),
    "ticket_satisfaction": (4, 5),
    "acquisition_cost": (310 * 30 / 31 / TIMES, 2),
    "retention_cost": (90 / TIMES, 3),
    # Half of 30 from each c1, less 3 redeemed and a fifth of the 10 that the program cost.
    "program_return": (15 - 3 - 10 / TIMES, 3 + 10 / TIMES),
}


@pytest.fixture(scope="module")
def report():
    with engine_with([loyal_lines()], **loyal_tables()) as engine:
        return measure_shop(engine, settings_with(), as_of=AS_OF)


@pytest.fixture(scope="module")
def overall(report):
    return {value.measure.key: value for value in report.values if value.by is None}


def test_every_measure_is_computed_by_hand():
    assert set(BY_HAND) == set(SHOP_MEASURES)


@pytest.mark.parametrize("key", BY_HAND)
def test_measure(overall, key):
    numerator, denominator = BY_HAND[key]
    found = overall[key]
    assert found.reason is None
    assert found.numerator == pytest.approx(TIMES * numerator)
    if denominator is None:
        assert found.denominator is None
        assert found.value == found.numerator
    else:
        assert found.denominator == pytest.approx(TIMES * denominator)
        assert found.value == pytest.approx(numerator / denominator)


def test_intervals(overall):
    # Net promoter score: shares .6, .2 and .2, so the variance of one answer is .6 + .2 − (.6 − .2)².
    half = 1.959964 * sqrt((0.6 + 0.2 - 0.4**2) / 25)
    assert overall["nps"].interval == pytest.approx((40 - 100 * half, 40 + 100 * half), abs=1e-4)
    # Wilson, 15 of 25: (p + z²/2n ± z √(p (1 − p) / n + z²/4n²)) / (1 + z²/n) with z = 1.96.
    z2 = 1.959964**2
    centre, half = 0.6 + z2 / 50, 1.959964 * sqrt(0.6 * 0.4 / 25 + z2 / (4 * 25**2))
    expected = ((centre - half) / (1 + z2 / 25), (centre + half) / (1 + z2 / 25))
    assert overall["retention_rate"].interval == pytest.approx(expected, abs=1e-6)
    assert overall["order_value"].interval is None


def test_groups(report):
    def found(key, by):
        return {
            value.group: value.numerator
            for value in report.values
            if (value.measure.key, value.by) == (key, by)
        }

    assert found("net_sales", "region") == {"north": TIMES * (30 + 15 + 25), "south": TIMES * (12 + 5 + 7)}
    assert found("net_sales", "channel") == {"app": TIMES * (30 + 5), "web": TIMES * (15 + 25 + 12 + 7)}
    assert found("retention_rate", "region") == {"north": TIMES * 2, "south": TIMES * 1}
    assert found("visitors", "region") == {"north": TIMES * 3, "south": TIMES * 2}
    # Each anonymous session belongs to nobody known.
    assert found("bounce_rate", "region") == {"north": TIMES * 1, "south": TIMES * 3, "unknown": TIMES * 1}
    # January begins on the 5th and March ends after the newest order: only February is complete. In it
    # everybody but c1 ordered for the first time.
    assert found("active_customers", "month") == {"2024-02": TIMES * 5}
    assert found("new_customers", "month") == {"2024-02": TIMES * 4}
    assert found("retention_rate", "month") == {"2024-02": TIMES * 1}
    assert found("repeat_purchase_rate", "month") == {"2024-02": TIMES * 2}
    # Costs are nobody's in particular.
    assert {value.by for value in report.values if value.measure.key == "acquisition_cost"} == {None, "month"}
    assert report.not_split == ({"by": "age", "needs": "customers with a birth_date"},
                                {"by": "gender", "needs": "customers with a gender"})  # fmt: skip


def test_another_window():
    with engine_with([loyal_lines()]) as engine:
        report = measure_shop(
            engine,
            settings_with(),
            as_of=AS_OF,
            days=60,
            by=(),
            measures=["repeat_purchase_rate", "order_count"],
        )
    # First orders before 30 January: c1 alone, who came back after 36 days. Orders since 31 January: two of
    # c1, three of c2, one of c3, two of c4, one of c5, c6 and c7.
    repeat, orders = report.values
    assert (repeat.numerator, repeat.denominator) == (TIMES, TIMES)
    assert orders.value == TIMES * (2 + 3 + 1 + 2 + 1 + 1 + 1)


@pytest.mark.parametrize(("first", "matured"), [(28, 5), (29, 0)])
def test_a_first_order_matures_before_the_newest_orders_day(first, matured):
    # 29 February + 30 days is 30 March, the newest order's own day, of which more may come.
    lines = [Line(f"c{i}", "milk", at(2, first), "5.00") for i in range(5)]
    newest = Line("late", "milk", at(3, 30), "5.00")
    with engine_with([[*lines, newest]]) as engine:
        (rate,) = measure_shop(engine, settings_with(), by=(), measures=["repeat_purchase_rate"]).values
    assert (rate.numerator, rate.denominator) == (0, matured)


def test_what_the_shop_does_not_bring_is_named():
    with engine_with([loyal_lines()]) as engine:
        report = measure_shop(engine, settings_with(), by=())
    assert report.span.as_of == AS_OF  # the day after the newest line
    assert {"measure": "nps", "needs": "feedback of kind nps"} in report.not_measured
    assert {"measure": "complaint_rate", "needs": "tickets"} in report.not_measured
    measured = {value.measure.key for value in report.values}
    missing = {entry["measure"] for entry in report.not_measured}
    assert measured.isdisjoint(missing)
    assert measured | missing == set(SHOP_MEASURES)
