"""Profiles of a shop small enough to compute on paper."""

import math
from datetime import date, datetime, timedelta

import pytest

from features.columns import LIFECYCLES, SEGMENTS, TIERS
from features.profiles.fields import CUSTOMER_FIELDS
from tests.support.order_lines import Line, profiles_of, settings_with

AS_OF_NOON = datetime(2024, 3, 1, 12)  # noqa: DTZ001 - the shop's wall clock
AS_OF = date(2024, 3, 1)  # 2024 has a 29th of February, the last day these profiles see
CATEGORIES = {"milk": "dairy", "cheese": "dairy", "soap": "home"}


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2024, month, day, hour)  # noqa: DTZ001 - the shop's wall clock


ANN = (
    Line("ann", "milk", at(1, 1, 9), "2.50", order="a1", discount="0.50"),
    Line("ann", "soap", at(1, 1, 9), "4.00", order="a1", discount="1.00"),
    Line("ann", "milk", at(1, 11, 9), "2.50", order="a2"),
    Line("ann", "cheese", at(1, 11, 18), "6.00", order="a3"),
    Line("ann", "milk", at(1, 31, 18), "2.50", order="a4"),
    Line("ann", "cheese", at(2, 2, 10), "-6.00", order="a5"),  # undoes a3: the cheese was never bought
    Line("ann", "ghost", at(2, 5, 10), "0.00", order="a6"),  # neither does a gift
    Line("ann", "ghost", at(2, 25, 18), "1.10", order="a7"),  # a product no table knows
    Line("ann", "milk", at(3, 1, 0), "99.00", order="a8"),  # the as-of day is not seen
)


@pytest.fixture(scope="module")
def ann():
    table = profiles_of(ANN, AS_OF, settings_with(affinity_half_life_days=10), CATEGORIES).customers
    (row,) = table.to_pylist()
    return row


def test_fader_and_hardie(ann):
    assert (ann["first_ordered_on"], ann["last_ordered_on"]) == (date(2024, 1, 1), date(2024, 2, 25))
    # Purchase days: 1 January, 11 January, 31 January, 25 February.
    assert (ann["purchase_days"], ann["frequency"]) == (4, 4 - 1)
    assert ann["recency"] == 30 + 25  # to 31 January, then to 25 February
    assert ann["T"] == 30 + 29  # to 31 January, then to 29 February
    assert ann["days_since_last_order"] == 59 - 55
    assert ann["monetary_value"] == pytest.approx((2.50 + 2.50 + 1.10) / 3)  # the cheese went back


def test_money(ann):
    spend = (2.50 + 4.00) + (2.50 + 6.00) + 2.50 - 6.00 + 1.10
    assert ann["spend"] == pytest.approx(spend)
    assert ann["orders"] == 4  # a1 a2 a4 a7; nothing of a3 was kept, nothing of a6 paid
    assert ann["order_value"] == pytest.approx(spend / 4)
    sold = 6.50 + 8.50 + 2.50 + 1.10
    assert ann["discount_share"] == pytest.approx(1.50 / (sold + 1.50))
    assert ann["discounted_order_share"] == 1 / 4
    assert ann["returned_amount"] == 6
    assert ann["return_share"] == pytest.approx(6 / sold)


def test_rhythm(ann):
    assert ann["cadence_days"] == 20  # the median of 10, 20 and 25
    progress = (4 + 1) / 20
    assert ann["due_score"] == pytest.approx(3 / (3 + 2) * progress * math.exp(1 - progress), abs=1e-6)
    # 2024-01-01 was a Monday; the others a Thursday, a Wednesday and a Sunday: the latest of equals.
    assert ann["preferred_weekday"] == 7
    # Orders at 9 (a1, a2) and at 18 (a4, a7): the latest of equals.
    assert ann["preferred_hour"] == 18


def test_affinities_decay_from_the_last_purchase(ann):
    def weight(days_before: int) -> float:
        return 0.5 ** (days_before / 10)

    milk = weight(55) + weight(45) + weight(25)
    soap, ghost = weight(55), weight(0)
    total = milk + soap + ghost
    assert [(entry["category"], entry["purchases"]) for entry in ann["affinities"]] == [
        ("dairy", 3),
        ("home", 1),
    ]
    assert [entry["share"] for entry in ann["affinities"]] == pytest.approx(
        [milk / total, soap / total], abs=1e-5
    )


def test_due_pairs():
    rows = profiles_of(ANN, AS_OF, settings_with(), CATEGORIES).due.to_pylist()
    assert [row["product_id"] for row in rows] == ["milk", "ghost", "soap"]
    milk = rows[0]
    # The only steady buyer is ann herself, so the product's gap is hers: (31 January − 1 January) / 2.
    gap = (30 + 2 * 30 / 2) / (2 + 2)
    assert milk["gap_days"] == gap == 15
    assert (milk["purchase_days"], milk["days_since"]) == (3, 29)
    progress = (29 + 1) / gap
    assert milk["due_score"] == pytest.approx(2 / (2 + 2) * progress * math.exp(1 - progress), abs=1e-6)
    for once in rows[1:]:
        assert (once["purchase_days"], once["gap_days"], once["due_score"]) == (1, None, 0.0)


def test_a_pair_leans_on_its_product_while_it_has_few_gaps():
    every_ten_days = [Line("a", "milk", at(1, day), "1") for day in (1, 11, 21)]
    twice = [Line("b", "milk", at(1, 1), "1"), Line("b", "milk", at(1, 31), "1")]
    settings = settings_with(due_minimum_orders=3)
    rows = profiles_of([*every_ten_days, *twice], AS_OF, settings).due.to_pylist()
    assert rows[0]["gap_days"] == (20 + 2 * 10) / (2 + 2)
    pulled = (30 + 2 * 10) / (1 + 2)
    progress = (29 + 1) / pulled
    assert rows[1]["gap_days"] is None
    assert rows[1]["due_score"] == pytest.approx(1 / 3 * progress * math.exp(1 - progress), abs=1e-6)


def test_a_sale_cancelled_on_its_day_is_no_purchase():
    lines = [Line("a", "milk", at(1, 1, 9), "2.50"), Line("a", "milk", at(1, 1, 17), "-2.50")]
    profiles = profiles_of(lines, AS_OF)
    (row,) = profiles.customers.to_pylist()
    assert (row["purchase_days"], row["spend"], row["T"], row["frequency"]) == (0, 0.0, None, None)
    assert profiles.due.num_rows == 0


def test_customers_without_orders_are_new_bronze_and_null():
    signed_up = {"early": at(1, 1), "undated": None, "later": at(3, 1)}
    profiles = profiles_of([], AS_OF, signed_up=signed_up)
    assert profiles.customers["customer_id"].to_pylist() == ["early", "undated"]
    row = profiles.customers.to_pylist()[0]
    may_be_null = {field.name for field in CUSTOMER_FIELDS if field.null} - {"signed_up_on", "tenure_days"}
    assert row["tenure_days"] == 30 + 29  # to 31 January, then to 29 February
    assert {name for name, value in row.items() if value is None} == may_be_null
    assert (row["lifecycle"], row["tier"], row["affinities"], row["spend"]) == ("new", "bronze", [], 0.0)
    assert profiles.summary()["segments"] == {"none": 2}


def test_an_empty_lake_gives_empty_profiles():
    profiles = profiles_of([], AS_OF)
    assert profiles.customers.num_rows == profiles.due.num_rows == 0
    assert profiles.summary()["tiers"] == dict.fromkeys(TIERS, 0)


def test_the_five_strongest_categories_ties_by_name():
    lines = [Line("a", f"p{n}", at(1, 1), "1") for n in range(80)]
    categories = {f"p{n}": f"c{79 - n:02}" for n in range(80)}
    (row,) = profiles_of(lines, AS_OF, categories=categories).customers.to_pylist()
    assert [entry["category"] for entry in row["affinities"]] == ["c00", "c01", "c02", "c03", "c04"]
    assert {entry["share"] for entry in row["affinities"]} == {1 / 80}


def test_the_hour_of_most_orders_then_the_latest():
    hours = {"most": (9, 9, 20), "tie": (21, 8, 8, 21), "returned": (15, 7, 15)}
    lines = [Line(who, "milk", at(1, 1 + n, hour), "1") for who in hours for n, hour in enumerate(hours[who])]
    lines.append(Line("returned", "milk", at(2, 1, 22), "-1"))  # undoes the third, so 15 and 7 are left
    rows = profiles_of(lines, AS_OF).customers.to_pylist()
    assert {row["customer_id"]: row["preferred_hour"] for row in rows} == {
        "most": 9,
        "tie": 21,
        "returned": 7,
    }


def test_the_best_customers_score_five():
    # c0 came last on 1 January and paid 1 once; c4 came last on 5 January, five times, and paid 5 each.
    lines = [
        Line(f"c{n}", "milk", at(1, 1 + n - back), str(n + 1)) for n in range(5) for back in range(n + 1)
    ]
    rows = profiles_of(lines, AS_OF).customers.to_pylist()
    for name in ("rfm_recency", "rfm_frequency", "rfm_monetary"):
        assert [row[name] for row in rows] == [1, 2, 3, 4, 5]
    assert [rows[0]["segment"], rows[4]["segment"]] == ["hibernating", "champions"]


def test_tier_spend_is_that_of_the_window():
    lines = [Line("a", "milk", AS_OF_NOON - timedelta(days=days), "600") for days in (1, 180, 181)]
    (row,) = profiles_of(lines, AS_OF).customers.to_pylist()
    assert (row["tier_spend"], row["spend"]) == (600 + 600, 3 * 600)
    # Silver from 500; the gold line of 1,500 was never met in 180 days.
    assert row["tier"] == "silver"


def test_an_order_that_two_customers_share_counts_for_each():
    lines = [Line("a", "milk", at(1, 1), "1", order="x"), Line("b", "milk", at(1, 1), "2", order="x")]
    assert profiles_of(lines, AS_OF).customers["orders"].to_pylist() == [1, 1]


def test_the_vocabularies_are_closed():
    (row,) = profiles_of(ANN, AS_OF).customers.to_pylist()
    assert row["segment"] in SEGMENTS
    assert row["tier"] in TIERS
    assert row["lifecycle"] in LIFECYCLES
