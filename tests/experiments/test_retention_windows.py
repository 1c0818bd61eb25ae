"""Outcomes from an order log: windows of local days, matured customers only, what came before exposure."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from experiments.analysis.analyze import analyze
from experiments.design import parse_design
from features.errors import DataError

NOW = datetime(2024, 6, 30, 12, tzinfo=UTC)
START = date(2024, 3, 1)
HALVES = [{"key": "control", "weight": 0.5}, {"key": "offer", "weight": 0.5}]


def plan(*metrics, **changes):
    return parse_design(
        {"key": "test", "rule": "fixed", "variants": HALVES, "metrics": list(metrics), **changes}
    )


def exposures(*rows):
    ids, variants, stamps = zip(*rows, strict=True)
    return pa.table({"customer_id": ids, "variant": variants, "exposed_at": stamps})


def orders(*rows):
    ids, stamps, amounts = zip(*rows, strict=True)
    return pa.table({"customer_id": ids, "ordered_at": stamps, "amount": amounts})


def judge(exposed, log, design, zone="UTC", customers=None):
    return analyze(design, exposed, log, customers, zone=zone, now=NOW)


def day(n, hour=12):
    return datetime.combine(START, datetime.min.time()) + timedelta(days=n, hours=hour)


D7 = plan({"key": "repeat_purchase_d7", "kind": "retention"})
FOUR = [("a", "control", day(0)), ("b", "control", day(0)), ("c", "offer", day(0)), ("d", "offer", day(0))]


def test_days_one_to_seven_count():
    log = orders(
        ("a", day(0, 23), 10.0),  # the day of exposure itself: no
        ("b", day(8, 0), 10.0),  # day 8: no
        ("c", day(1, 0), 10.0),  # day 1: yes
        ("d", day(7, 23), 10.0),  # day 7: yes
        ("z", day(20), 10.0),
    )
    result = judge(exposures(*FOUR), log, D7).metrics[0]
    assert (result.control_mean, result.variants[0].mean) == (0.0, 1.0)


def test_a_return_is_no_order():
    log = orders(("a", day(3), -10.0), ("c", day(3), 10.0), ("z", day(20), 10.0))
    result = judge(exposures(*FOUR), log, D7).metrics[0]
    assert (result.control_mean, result.variants[0].mean) == (0.0, 0.5)


@pytest.mark.parametrize(("newest", "matured"), [(7, 0), (8, 4)])
def test_matured_when_day_seven_lies_before_the_newest_order(newest, matured):
    report = judge(exposures(*FOUR), orders(("c", day(2), 1.0), ("z", day(newest), 1.0)), D7)
    assert report.metrics[0].customers == matured
    assert ("not_matured" in {note.code for note in report.notes}) == (matured == 0)
    if not matured:
        assert report.metrics[0].variants[0].withheld.value == "no_customers"


def test_the_shops_zone_decides_the_day():
    # 2024-03-01 20:00 UTC is already March 2 in Shanghai; the order of 17:00 UTC is 01:00 on March 3 there,
    # and that of 15:00 UTC is 23:00 on March 2: the day of exposure.
    exposed = exposures(*[(customer, variant, day(0, 20)) for customer, variant, _ in FOUR])
    log = orders(("a", day(1, 15), 1.0), ("c", day(1, 17), 1.0), ("z", day(20), 1.0))
    shanghai = judge(exposed, log, D7, zone="Asia/Shanghai").metrics[0]
    assert (shanghai.control_mean, shanghai.variants[0].mean) == (0.0, 0.5)
    utc = judge(exposed, log, D7).metrics[0]
    assert (utc.control_mean, utc.variants[0].mean) == (0.5, 0.5)


def test_stamps_with_an_offset_and_dates_agree_with_utc():
    utc = judge(exposures(*FOUR), orders(("c", day(3), 1.0), ("z", day(20), 1.0)), D7)
    texts = pa.table(
        {
            "customer_id": ["c", "z"],
            "ordered_at": ["2024-03-04T12:00:00+08:00", "2024-03-21"],
            "amount": ["1", "1"],
        }
    )
    exposed = pa.table(
        {
            "customer_id": [row[0] for row in FOUR],
            "variant": [row[1] for row in FOUR],
            "exposed_at": [START] * 4,
        }
    )
    assert judge(exposed, texts, D7).metrics == utc.metrics


def test_orders_amount_and_what_came_before():
    design = plan(
        {"key": "orders_d7", "kind": "mean", "column": "orders", "covariate": "pre_orders"},
        {"key": "revenue_d7", "kind": "mean", "column": "amount", "covariate": "pre_amount"},
        {"key": "order_value_d7", "kind": "ratio", "column": "amount", "denominator": "orders"},
    )
    log = orders(
        ("a", day(-28), 5.0),  # 28 days before: counts for the covariate
        ("b", day(-29), 5.0),  # 29 days before: does not
        ("c", day(-1), 7.0),
        ("d", day(0, 1), 9.0),  # the day of exposure belongs to neither side
        ("a", day(2), 10.0),
        ("a", day(2), 4.0),  # a second line of the same order
        ("b", day(3), 6.0),
        ("c", day(2), 8.0),
        ("c", day(5), 8.0),
        ("c", day(6), -3.0),
        ("d", day(7), 2.0),
        ("z", day(20), 1.0),
    )
    count, revenue, value = judge(exposures(*FOUR), log, design).metrics
    assert (count.control_mean, count.variants[0].mean) == ((1 + 1) / 2, (2 + 1) / 2)
    assert (revenue.control_mean, revenue.variants[0].mean) == ((14 + 6) / 2, (13 + 2) / 2)
    assert (value.control_mean, value.variants[0].mean) == (20 / 2, 15 / 3)
    # pre_orders a 1, b 0 | c 1, d 0: equal means, so the lift stays, .5.
    assert count.variants[0].estimate.lift_abs == pytest.approx(0.5)
    # pre_amount 5, 0 | 7, 0 about their mean 3: squares 4+9+16+9 = 38; with values 14, 6, 13, 2 about 8.75:
    # 2·5.25 + 3·2.75 + 4·4.25 + 3·6.75 = 56; θ = 56/38; lift −2.5 − θ · (3.5 − 2.5).
    assert revenue.variants[0].estimate.lift_abs == pytest.approx(-2.5 - 56 / 38)


def test_measures_of_an_order_log_need_no_description():
    design = plan(
        primary="repeat_purchase_d7", guardrails=[{"measure": "revenue_d7", "margin_relative": -0.02}]
    )
    report = judge(exposures(*FOUR), orders(("c", day(3), 8.0), ("z", day(20), 1.0)), design)
    assert [(r.metric.key, r.variants[0].mean) for r in report.metrics] == [
        ("repeat_purchase_d7", 0.5),
        # Winsorised: the 99 % quantile of 0, 0, 0, 8 lies at position .99 · 3 = 2.97: .97 · 8 = 7.76.
        ("revenue_d7", pytest.approx(7.76 / 2)),
    ]


def test_counting_matured_customers_only_is_unbiased():
    """Truth: 30 % against 40 % return on a uniform day 1–30; exposures arrive over 70 days."""
    rng = np.random.default_rng(9)
    n = 40_000
    treated = rng.random(n) < 0.5
    exposed_on = rng.integers(0, 70, n)
    returns = rng.random(n) < np.where(treated, 0.4, 0.3)
    ordered_on = exposed_on + rng.integers(1, 31, n)
    seen = returns & (ordered_on <= 70)
    ids = np.arange(n).astype(str)
    base = np.datetime64(START)
    exposed = pa.table(
        {
            "customer_id": ids,
            "variant": np.where(treated, "offer", "control"),
            "exposed_at": pa.array(base + exposed_on, pa.date32()),
        }
    )
    log = pa.table(
        {
            "customer_id": ids[seen],
            "ordered_at": pa.array((base + ordered_on)[seen], pa.date32()),
            "amount": np.ones(seen.sum()),
        }
    )
    result = judge(exposed, log, plan(primary="repeat_purchase_d30")).metrics[0]
    found = result.variants[0].estimate
    matured = exposed_on + 30 < 70
    assert result.customers == matured.sum()
    assert abs(found.lift_abs - 0.1) < 3.9 * found.standard_error
    everyone = (seen & treated).sum() / treated.sum() - (seen & ~treated).sum() / (~treated).sum()
    assert everyone < 0.09


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (orders(("a", day(3), None), ("c", day(3), 1.0)), "1 rows whose amount is empty"),
        (orders(("a", day(3), float("inf")), ("c", day(3), 1.0)), "1 rows whose amount is empty, infinite"),
        (orders(("a", None, 1.0), ("c", day(3), 1.0)), "1 rows whose ordered_at is empty"),
        (orders(("a", day(300), 1.0)), "1 orders in the future, up to 2024-12-26"),
        (orders(("a", day(3), 1.0)).slice(0, 0), "has no rows"),
        (orders(("a", day(3), 1.0)).drop_columns(["amount"]), "no column 'amount'"),
    ],
)
def test_bad_logs_are_refused_in_words(log, words):
    with pytest.raises(DataError) as caught:
        judge(exposures(*FOUR), log, D7)
    assert words in caught.value.message


def test_what_an_order_log_cannot_answer_is_refused():
    log = orders(("a", day(3), 1.0))
    with pytest.raises(DataError, match="no column 'exposed_at'"):
        judge(exposures(*FOUR).drop_columns(["exposed_at"]), log, D7)
    with pytest.raises(DataError, match="is a proportion"):
        judge(exposures(*FOUR), log, plan({"key": "visit", "kind": "proportion"}))
    with pytest.raises(DataError, match="orders and amount"):
        judge(exposures(*FOUR), log, plan({"key": "margin", "kind": "mean"}))
    with pytest.raises(DataError, match="covariate 'age', which no file holds"):
        judge(exposures(*FOUR), log, plan({"key": "d7", "kind": "retention", "covariate": "age"}))


def test_a_covariate_may_come_from_customers():
    customers = pa.table({"customer_id": ["a", "b", "c", "d"], "age": [20, 30, 40, 50]})
    log = orders(("a", day(3), 1.0), ("d", day(3), 1.0), ("z", day(20), 1.0))
    design = plan({"key": "d7", "kind": "retention", "covariate": "age"})
    found = judge(exposures(*FOUR), log, design, customers=customers).metrics[0]
    # Values 1, 0 | 0, 1 and ages 20, 30 | 40, 50: covariance over both arms 0, so nothing moves.
    assert found.variants[0].estimate.lift_abs == pytest.approx(0.0)


def test_orders_of_nobody_are_counted():
    report = judge(exposures(*FOUR), orders((None, day(3), 1.0), ("c", day(20), 1.0)), D7)
    assert {note.code for note in report.notes} >= {"orders_without_customer"}
