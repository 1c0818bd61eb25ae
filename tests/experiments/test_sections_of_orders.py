"""What an order log adds to a report: curves, the lift look by look, CUPED, tidy tables, finite JSON."""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.analysis.aggregates import Aggregate
from experiments.analysis.analyze import analyze
from experiments.analysis.cumulative import MOST_POINTS, cumulative
from experiments.analysis.estimates import estimate
from experiments.analysis.metrics.survival import LifeTable, log_rank
from experiments.analysis.sequential import FixedRule
from experiments.design import Metric, parse_design

NOW = datetime(2024, 6, 30, 12, tzinfo=UTC)
START = date(2024, 3, 1)
VARIANTS = [{"key": key, "weight": 1 / 3} for key in ("control", "mail", "offer")]
KEYS = ("control", "mail", "offer")


def plan(**changes):
    base = {"key": "test", "rule": "hybrid", "planned_matured_customers": 900, "variants": VARIANTS}
    return parse_design({**base, "primary": "repeat_purchase_d7", **changes})


@pytest.fixture(scope="module")
def shop():
    """900 customers exposed over 30 days; who bought a lot before does so after; offers bring more back."""
    rng = np.random.default_rng(8)
    n = 900
    variant, exposed_on = rng.integers(0, 3, n), rng.integers(0, 30, n)
    keen = rng.gamma(1.5, 0.05, n)
    rows = []
    for customer in range(n):
        before = rng.random(28) < keen[customer]
        after = rng.random(60) < keen[customer] * (1.6 if variant[customer] == 2 else 1.0)
        rows += [(customer, exposed_on[customer] - day - 1) for day in np.flatnonzero(before)]
        rows += [(customer, exposed_on[customer] + day) for day in np.flatnonzero(after)]
    who, days = map(np.array, zip(*[row for row in rows if row[1] <= 40], strict=True))
    base = np.datetime64(START)
    exposures = pa.table(
        {
            "customer_id": np.arange(n).astype(str),
            "variant": np.array(KEYS)[variant],
            "exposed_at": pa.array(base + exposed_on, pa.date32()),
            "tier": np.where(keen > 0.07, "gold", "bronze"),
        }
    )
    log = pa.table(
        {
            "customer_id": who.astype(str),
            "ordered_at": pa.array(base + days, pa.date32()),
            "amount": 5.0 + who % 7,
        }
    )
    return exposures, log


def judge(shop, design, by=None):
    return analyze(design, *shop, by=by, zone="UTC", now=NOW)


def through(shop, day):
    """The same shop as it was known when the newest order was of that day."""
    exposures, log = shop
    known = pa.scalar(day, pa.date32())
    return (
        exposures.filter(pc.less_equal(exposures["exposed_at"], known)),
        log.filter(pc.less_equal(log["ordered_at"], known)),
    )


def test_each_point_is_what_that_days_analysis_showed(shop):
    design = plan(metrics=[{"key": "repeat_purchase_d7", "kind": "retention", "covariate": "pre_orders"}])
    lines = judge(shop, design).sections.cumulative
    assert [line.variant for line in lines] == ["mail", "offer"]
    checked = 0
    for line in lines:
        for point in line.points[::6]:
            report = judge(through(shop, point.day), design)
            # Orders may be missing on the day itself; then the window is not known to have closed.
            if report.data_through != point.day - timedelta(days=1):
                continue
            shown = next(v for v in report.primary.variants if v.variant == line.variant)
            assert (point.lift, point.low, point.high) == pytest.approx(
                (shown.estimate.lift_abs, *shown.estimate.ci_abs)
            )
            assert point.n == shown.n + report.primary.control_n
            checked += 1
    assert checked >= 6


def test_the_last_point_counts_everybody_matured(shop):
    report = judge(shop, plan(rule="fixed"))
    offer = report.primary.variants[1]
    last = report.sections.cumulative[1].points[-1]
    assert last.n == report.primary.control_n + offer.n
    assert (last.low, last.high) == pytest.approx(offer.estimate.ci_abs)


def test_long_experiments_are_thinned_and_keep_the_newest_look():
    rng = np.random.default_rng(1)
    daily = [
        (START + timedelta(days=day), {key: Aggregate.of(value=rng.random(5)) for key in KEYS})
        for day in range(400)
    ]
    metric = Metric(key="orders_d7", kind="mean", column="orders")
    line = cumulative(plan(), metric, daily)[0]
    assert len(line.points) <= MOST_POINTS
    assert line.points[-1].day == START + timedelta(days=399 + 8)
    assert line.points[-1].n == 400 * 10


def test_the_curves_hold_everybody_seen(shop):
    """Brute force: first order within days 1–7, seen to the day before the newest order, some for less."""
    exposures, log = early = through(shop, START + timedelta(days=31))
    report = judge(early, plan())
    newest = max(log["ordered_at"].to_pylist())
    assert report.data_through == newest - timedelta(days=1)
    orders = {}
    for customer, day in zip(log["customer_id"].to_pylist(), log["ordered_at"].to_pylist(), strict=True):
        orders.setdefault(customer, []).append(day)
    tables = {key: LifeTable.of(7, []) for key in KEYS}
    for customer, variant, exposed, _ in zip(
        *(column.to_pylist() for column in exposures.columns), strict=True
    ):
        seen = min(7, (newest - exposed).days - 1)
        days = [(day - exposed).days for day in orders.get(customer, [])]
        first = min((day for day in days if 1 <= day <= seen), default=None)
        if seen >= 1:
            tables[variant] += LifeTable.of(7, [(first or seen, first is not None, 1)])
    found = report.to_dict()["retention"]
    assert found["days"] == 7
    for arm in found["arms"]:
        expected = tables[arm["variant"]]
        assert arm["n"] == expected.n
        assert [point["at_risk"] for point in arm["curve"][1:]] == expected.at_risk.tolist()
        assert arm["curve"][0] == {"day": 0, "returned": 0.0, "low": 0.0, "high": 0.0, "at_risk": expected.n}
    offer = found["variants"][1]
    assert offer["log_rank_p"] == pytest.approx(log_rank(tables["control"], tables["offer"]))
    assert offer["restricted_mean_difference"] < 0
    assert offer["ci"][0] < offer["restricted_mean_difference"] < offer["ci"][1]


def test_before_the_window_has_closed_for_anybody_the_difference_is_withheld(shop):
    early = judge(through(shop, START + timedelta(days=5)), plan()).to_dict()["retention"]["variants"][1]
    assert (early["withheld"], early["restricted_mean_difference"], early["ci"]) == (
        "window_open",
        None,
        None,
    )


@pytest.mark.parametrize("kind", ["retention", "mean"])
def test_cuped_narrows_matured_windows_also_inside_segments(shop, kind):
    column = {"column": "orders"} if kind == "mean" else {}
    plain, adjusted = (
        judge(
            shop,
            plan(rule="fixed", metrics=[{"key": "repeat_purchase_d7", "kind": kind, **column, **more}]),
            "tier",
        )
        for more in ({}, {"covariate": "pre_orders"})
    )
    pairs = [(plain.primary, adjusted.primary)]
    pairs += [(a.metrics[0], b.metrics[0]) for a, b in zip(plain.segments, adjusted.segments, strict=True)]
    assert len(pairs) == 3
    for before, after in pairs:
        assert before.variants[1].mean == after.variants[1].mean
        assert after.variants[1].estimate.standard_error < before.variants[1].estimate.standard_error
    assert "adjusted" in {note.code for note in adjusted.notes}


def test_cuped_uses_the_28_days_before_each_customers_own_exposure():
    """Six matured customers: the estimate is the one from values and covariates written out."""
    rows = [  # customer, variant, exposed on day, orders on days relative to exposure
        ("a", "control", 0, [-28, -3, 2]), ("b", "control", 5, [-29, 1, 4]), ("c", "control", 9, [-1, 8]),
        ("d", "offer", 0, [-2, -1, 3, 5, 7]), ("e", "offer", 4, [2]), ("f", "offer", 8, [-30, -28, 0]),
    ]  # fmt: skip
    when = [(name, START + timedelta(days=start + day)) for name, _, start, days in rows for day in days]
    when.append(("z", START + timedelta(days=60)))
    names, days = zip(*when, strict=True)
    log = pa.table({"customer_id": names, "ordered_at": days, "amount": [1.0] * len(days)})
    ids, variants, starts, _ = zip(*rows, strict=True)
    exposed = [START + timedelta(days=start) for start in starts]
    exposures = pa.table({"customer_id": ids, "variant": variants, "exposed_at": exposed})
    halves = [{"key": "control", "weight": 0.5}, {"key": "offer", "weight": 0.5}]
    metric = {"key": "orders_d7", "kind": "mean", "column": "orders", "covariate": "pre_orders"}
    design = plan(variants=halves, primary="orders_d7", rule="fixed", metrics=[metric])
    found = judge((exposures, log), design).primary.variants[0].estimate
    control = Aggregate.of(value=[1.0, 2, 0], covariate=[2.0, 0, 1])
    offer = Aggregate.of(value=[3.0, 1, 0], covariate=[2.0, 0, 1])
    assert found == estimate(design.metrics[0], control, offer, FixedRule(0.05))


def test_every_table_is_tidy_and_every_number_finite(shop):
    report = judge(shop, plan(guardrails=[{"measure": "revenue_d7", "margin_relative": -0.1}]), "tier")
    text = json.dumps(report.to_dict(), allow_nan=False)
    assert json.loads(text)["data_through"] == report.data_through.isoformat()
    tables = report.tables()
    assert set(tables) == {
        "metrics", "guardrails", "retention", "pace", "cumulative", "annual_margin", "offer_return",
    }  # fmt: skip
    assert tables["metrics"].equals(report.table())
    assert tables["retention"].num_rows == 3 * 8
    assert tables["pace"].column("variant").to_pylist() == ["mail", "offer"]
    assert tables["guardrails"].column("state").to_pylist()
    first = tables["cumulative"].to_pylist()[0]
    assert first["low"] < first["lift"] < first["high"]
    assert tables["offer_return"].num_rows == tables["annual_margin"].num_rows == 0


def test_a_wide_table_has_no_days():
    exposures = pa.table(
        {"customer_id": ["a", "b", "c", "d"], "variant": ["control", "control", "offer", "offer"]}
    )
    outcomes = pa.table({"customer_id": ["a", "b", "c", "d"], "spend": [1.0, 2, 3, 5]})
    halves = [{"key": "control", "weight": 0.5}, {"key": "offer", "weight": 0.5}]
    design = plan(variants=halves, primary="spend", metrics=[{"key": "spend", "kind": "mean"}])
    body = judge((exposures, outcomes), design).to_dict()
    assert body["retention"] is body["annual_margin"] is body["offer_return"] is body["data_through"] is None
    assert body["cumulative"] == []


days = st.integers(0, 14)
people = st.lists(st.tuples(st.sampled_from(KEYS), days), min_size=1, max_size=12)
bought = st.lists(
    st.tuples(st.integers(0, 11), days, st.sampled_from([-5.0, 0.0, 3.0, 1e6])), min_size=1, max_size=20
)


@settings(max_examples=40, deadline=None)
@given(people, bought, st.sampled_from(["fixed", "sequence", "hybrid"]))
def test_whatever_happened_no_number_is_none(exposed, orders, rule):
    """Empty variants, one customer, nobody matured, nobody ordered, returns only: stated, never NaN."""
    ids = [str(i) for i in range(len(exposed))]
    base = {"exposed_at": [START + timedelta(days=day) for _, day in exposed], "tier": ["x"] * len(ids)}
    exposures = pa.table({"customer_id": ids, "variant": [key for key, _ in exposed], **base})
    log = pa.table(
        {
            "customer_id": [str(who) for who, _, _ in orders],
            "ordered_at": [START + timedelta(days=day) for _, day, _ in orders],
            "amount": [amount for _, _, amount in orders],
        }
    )
    value = {"key": "order_value_d3", "kind": "ratio", "column": "amount", "denominator": "orders"}
    adjusted = {"key": "spent_d3", "kind": "mean", "column": "amount", "covariate": "pre_amount"}
    design = plan(
        rule=rule,
        primary="repeat_purchase_d3",
        metrics=[value, adjusted],
        guardrails=[{"measure": "revenue_d3", "margin_relative": -0.1}],
    )
    report = judge((exposures, log), design, "tier")
    json.dumps(report.to_dict(), allow_nan=False)
    assert report.verdict.en
    assert all(table.num_columns for table in report.tables().values())
