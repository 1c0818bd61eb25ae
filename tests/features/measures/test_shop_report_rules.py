"""What holds for every report: few people are withheld, no division by 0, whole months, sums that agree."""

import math
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from features.errors import DataError, NotReadyError
from features.measures.intervals import wilson
from features.measures.measure import BY_ALL
from features.measures.shop_numbers import count_shop
from features.measures.shop_report import PEOPLE_MIN, measure_shop
from features.measures.traits import trait_table
from features.measures.windows import Span
from features.profiles.build import build_profiles
from tests.support.loyal_shop import AS_OF, at, loyal_lines, loyal_tables
from tests.support.order_lines import Line, engine_with, settings_with

EVERYONE_ONCE = ("segment", "tier", "region", "age", "gender", "channel")
ADDITIVE = ("orders", "amount", "placed_orders", "returned_orders", "sold", "returned", "sessions")


def shop_lines(groups: dict[str, int]) -> list[Line]:
    """One order for each customer of each region, in the window."""
    return [Line(f"{region}{i}", "milk", at(3, 5), "10.00") for region, n in groups.items() for i in range(n)]


def regions(groups: dict[str, int]) -> list[dict[str, object]]:
    return [
        {"customer_id": f"{region}{i}", "region": region} for region, n in groups.items() for i in range(n)
    ]


def sales_by_region(groups: dict[str, int]) -> dict[str, float | None]:
    with engine_with([shop_lines(groups)], customers=regions(groups)) as engine:
        report = measure_shop(
            engine, settings_with(), as_of=AS_OF, by=["region"], measures=["net_sales", "order_value"]
        )
    for value in report.values:
        withheld = (value.value, value.numerator, value.denominator, value.interval)
        assert not value.withheld or withheld == (None, None, None, None)
    return {v.group: v.value for v in report.values if v.by and v.measure.key == "net_sales"}


def test_few_people_are_withheld():
    assert PEOPLE_MIN == 5
    assert sales_by_region({"east": 5, "west": 6}) == {"east": 50, "west": 60}
    # The whole less the others would tell, so the next smallest group goes too.
    assert sales_by_region({"east": 4, "north": 7, "west": 6}) == {"east": None, "north": 70, "west": None}
    # Two small groups hide each other, once together they are many enough.
    assert sales_by_region({"a": 3, "b": 3, "c": 9}) == {"a": None, "b": None, "c": 90}
    assert sales_by_region({"a": 4}) == {"a": None}


def test_nothing_is_divided_by_nothing():
    with engine_with([shop_lines({"a": 6})]) as engine:
        report = measure_shop(engine, settings_with(), as_of=AS_OF, by=["month"])
    found = {value.measure.key: value for value in report.values if value.by is None}
    retention = found["retention_rate"]
    assert (retention.value, retention.reason) == (None, "denominator_is_zero")
    assert (retention.numerator, retention.denominator) == (0, 0)
    assert {"by": "month", "needs": "a complete month of orders"} in report.not_split


def test_nothing_but_numbers_and_reasons():
    with engine_with([loyal_lines()], **loyal_tables()) as engine:
        answer = measure_shop(engine, settings_with(), as_of=AS_OF).to_dict()
    for row in answer["measures"]:
        assert (row["value"] is None) == (row["reason"] is not None)
        numbers = [row["value"], row["numerator"], row["denominator"], *(row["ci"] or [])]
        assert all(math.isfinite(number) for number in numbers if number is not None)
        if row["ci"]:
            assert row["ci"][0] <= row["value"] <= row["ci"][1]


def test_cohorts():
    def order(who, month, day):
        return [Line(f"{who}{i}", "milk", at(month, day), "5.00") for i in range(5)]

    lines = [
        *order("a", 1, 1), *order("a", 2, 3), *order("a", 4, 1),  # a skips March
        *order("b", 1, 9), *order("b", 3, 9),
        *order("c", 2, 1),
        Line("few", "milk", at(3, 1), "5.00"),
    ]  # fmt: skip
    with engine_with([lines]) as engine:
        report = measure_shop(engine, settings_with(), by=())
    # The newest order is of 1 April: January to March are complete, April is not.
    assert [(c["cohort"], c["customers"], c["withheld"]) for c in report.cohorts] == [
        ("2024-01", 10, False), ("2024-02", 5, False), ("2024-03", None, True),
    ]  # fmt: skip
    shares = [[(m["months_since"], m["value"], m["numerator"]) for m in c["months"]] for c in report.cohorts]
    assert shares == [[(1, 0.5, 5), (2, 0.5, 5)], [(1, 0.0, 0)], []]


@given(oldest=st.dates(date(2020, 1, 1), date(2024, 12, 31)), length=st.integers(0, 900))
def test_months_are_whole(oldest, length):
    newest = oldest + timedelta(days=length)
    span = Span(newest + timedelta(days=1), 30, oldest, newest)
    days = {oldest + timedelta(days=i) for i in range(length + 1)}
    whole = [
        first
        for first in sorted({day.replace(day=1) for day in days})
        if {first + timedelta(days=i) for i in range(31) if (first + timedelta(days=i)).month == first.month}
        <= days
    ]
    assert list(span.months) == whole


@given(trials=st.integers(1, 5000), share=st.floats(0, 1))
def test_wilson_is_scipys(trials, share):
    successes = round(share * trials)
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_refusals():
    with engine_with([shop_lines({"a": 6})]) as engine:
        for wrong in (
            {"by": ["colour"]},
            {"measures": ["happiness"]},
            {"measures": ["revenue"]},
            {"days": 0},
        ):
            with pytest.raises(DataError):
                measure_shop(engine, settings_with(), **wrong)
        with pytest.raises(NotReadyError, match="no orders before 2024-03-05"):
            measure_shop(engine, settings_with(), as_of=date(2024, 3, 5))


def random_lines(draw) -> list[Line]:
    return [
        Line(
            f"c{draw(st.integers(0, 9))}",
            f"p{draw(st.integers(0, 3))}",
            datetime(2024, 1, 1) + timedelta(hours=draw(st.integers(0, 24 * 89))),  # noqa: DTZ001
            str(Decimal(draw(st.integers(-5000, 5000))) / 100),
            order=f"o{draw(st.integers(0, 20))}",
            quantity=str(draw(st.integers(1, 4))),
            channel=draw(st.sampled_from(["web", "app", None])),
        )
        for _ in range(draw(st.integers(1, 40)))
    ]


lines_of_a_shop = st.composite(random_lines)()
PEOPLE = [{"customer_id": f"c{i}", "region": f"r{i % 3}", "gender": "f" if i % 2 else None} for i in range(9)]
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(lines=lines_of_a_shop)
def test_groups_add_up_to_the_whole_to_the_last_digit(lines):
    newest = max(line.at for line in lines).date()
    span = Span(newest + timedelta(days=1), 400, min(line.at for line in lines).date(), newest)
    with engine_with([lines], customers=PEOPLE) as engine:
        traits = trait_table(build_profiles(engine, span.as_of, settings_with()), EVERYONE_ONCE)
        cells = count_shop(engine, span, span.table(EVERYONE_ONCE, settings_with().shop.zone), traits).cells
    whole = cells["", ""]
    assert whole["amount"] == sum(Decimal(line.amount) for line in lines)
    for dimension in EVERYONE_ONCE:
        for name in ADDITIVE:
            parts = [numbers.get(name, 0) for (by, _), numbers in cells.items() if by == dimension]
            assert sum(parts) == whole.get(name, 0), (dimension, name)


@FEW
@given(lines=lines_of_a_shop, order=st.randoms(use_true_random=False), cut=st.integers(0, 40))
def test_later_rows_and_the_order_of_rows_change_nothing(lines, order, cut):
    as_of = min(line.at for line in lines).date() + timedelta(days=45)
    shuffled = list(lines)
    order.shuffle(shuffled)
    earlier = [line for line in lines if line.at.date() < as_of]

    def report(parts):
        with engine_with(parts, customers=PEOPLE) as engine:
            return measure_shop(
                engine, settings_with(), as_of=as_of, by=("tier", "channel", "month")
            ).to_dict()

    assert report([shuffled[:cut], shuffled[cut:]]) == report([earlier])


def test_the_splits_are_those_of_the_measures():
    assert set(EVERYONE_ONCE) | {"month"} == set(BY_ALL)
