"""The holdout's figures by hand, and the interval of a difference of AUCs against the bootstrap."""

import numpy as np
import pyarrow as pa
import pytest

from training.customer_value.calibration_chart import save_calibration_chart
from training.customer_value.holdout import Prediction, purchases_report, values_report
from training.customer_value.jobs import Later, Observed, fit_value_model
from training.customer_value.ranking_scores import Judged, auc, auc_difference, correlation
from training.customer_value.summary import CustomerSummary


def summary_of(frequency, recency, age, value=None):
    columns = [np.asarray(column, dtype=float) for column in (frequency, recency, age)]
    ids = pa.array([f"c{i}" for i in range(len(frequency))])
    return CustomerSummary(ids, *columns, None if value is None else np.asarray(value, float), "week")


THREE = summary_of([0, 1, 4], [0, 5, 18], [20, 10, 20])
FOUND = Prediction(
    THREE, 10.0, np.array([0.2, 0.8, 2.0]), np.array([1.0, 0.6, 0.9]), np.array([0.0, 2.0, 1.0])
)


def test_figures_by_hand():
    report = purchases_report(FOUND)
    assert report["actual"] == 3
    assert report["predicted"] == pytest.approx(3.0)
    assert report["mae"] == pytest.approx((0.2 + 1.2 + 1.0) / 3)
    assert report["correlation"] == pytest.approx(np.corrcoef([0.2, 0.8, 2.0], [0, 2, 1])[0, 1])
    assert report["auc"] == 1.0  # .8 and 2.0 above .2
    assert report["p_alive_auc"] == 0.0  # who never came back gets 1
    # Silence of 20, 5 and 2 weeks: both who returned were silent for less.
    assert report["baseline"]["recency"]["auc"] == 1.0
    # x / T · 10 weeks: 0, 1, 2.
    past = report["baseline"]["frequency_rate"]
    assert past["predicted"] == pytest.approx(0 + 1 + 2)
    assert past["mae"] == pytest.approx((0 + 1 + 1) / 3)


def test_the_table_by_frequency_adds_up():
    table = purchases_report(FOUND)["by_frequency"]
    assert [row["frequency"] for row in table] == ["0", "1", "4"]
    assert sum(row["customers"] * row["actual"] for row in table) == 3
    assert sum(row["customers"] * row["predicted"] for row in table) == pytest.approx(3.0)
    many = Prediction(
        summary_of([7, 9], [5, 5], [10, 10]), 10.0, np.array([3.0, 5.0]), np.ones(2), np.array([2.0, 4.0])
    )
    assert purchases_report(many)["by_frequency"] == [
        {"frequency": "7+", "customers": 2, "actual": 3.0, "predicted": 4.0, "frequency_rate": 8.0}
    ]


def test_values_beside_the_past_mean():
    """Two came back and paid 12 and 30 a time; the third says nothing of what a purchase is worth."""
    summary = summary_of([1, 0, 3], [1, 0, 4], [9, 9, 9], [10, np.nan, 20])
    report = values_report(summary, np.array([11, 15, 19.0]), np.array([1, 2, 0.0]), np.array([12, 60, 0.0]))
    assert report["customers"] == 2
    assert report["actual"] == pytest.approx((12 + 30) / 2)
    assert report["predicted"] == pytest.approx((11 + 15) / 2)
    assert report["mae"] == pytest.approx((1 + 15) / 2)
    # Own past mean where there is one, else what the model says of a stranger: 10 and 15.
    assert report["baseline"]["past_mean"]["mae"] == pytest.approx((2 + 15) / 2)


def test_what_is_undefined_is_null():
    assert auc(np.array([1.0, 2.0]), np.array([True, True])) is None
    assert correlation(np.array([1.0, 1.0]), np.array([0.0, 3.0])) is None
    assert auc_difference([Judged(np.arange(2), np.ones(2), np.ones(2, bool))] * 1, [
        Judged(np.arange(2), np.ones(2), np.ones(2, bool))]) is None  # fmt: skip


def test_auc_with_ties_by_hand():
    """Pairs (with, without): (2,1) 1, (2,2) ½, (3,1) 1, (3,2) 1 → 3.5 / 4."""
    score, happened = np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, False, True, True])
    assert auc(score, happened) == pytest.approx(3.5 / 4)


def test_the_interval_of_a_difference_is_the_bootstraps():
    rng = np.random.default_rng(5)
    n = 1500
    risk = rng.normal(size=n)
    happened = rng.random(n) < 1 / (1 + np.exp(-risk))
    ours, theirs = risk + rng.normal(size=n), risk + 2 * rng.normal(size=n)
    customer = np.arange(n)
    difference, (low, high) = auc_difference(
        [Judged(customer, ours, happened)], [Judged(customer, theirs, happened)]
    )
    assert difference == pytest.approx(auc(ours, happened) - auc(theirs, happened))
    draws = []
    for _ in range(400):
        chosen = rng.integers(0, n, n)
        draws.append(auc(ours[chosen], happened[chosen]) - auc(theirs[chosen], happened[chosen]))
    # 400 draws know a standard deviation to 1 / √800 = 3.5 %.
    assert (high - low) / 2 / 1.96 == pytest.approx(np.std(draws), rel=0.12)


def test_the_same_customers_at_two_dates_are_not_twice_the_evidence():
    rng = np.random.default_rng(6)
    n = 500
    happened, customer = rng.random(n) < 0.3, np.arange(n)
    ours, theirs = rng.normal(size=n) + happened, rng.normal(size=n)
    once = auc_difference([Judged(customer, ours, happened)], [Judged(customer, theirs, happened)])
    twice = auc_difference([Judged(customer, ours, happened)] * 2, [Judged(customer, theirs, happened)] * 2)
    others = auc_difference(
        [Judged(customer, ours, happened), Judged(customer + n, ours, happened)],
        [Judged(customer, theirs, happened), Judged(customer + n, theirs, happened)],
    )
    assert twice[0] == pytest.approx(once[0])
    assert twice[1] == pytest.approx(once[1])
    width = [high - low for _, (low, high) in (once, others)]
    assert width[1] == pytest.approx(width[0] / np.sqrt(2))


@pytest.mark.parametrize(("locale", "word"), [("zh", "实际"), ("en", "actual")])
def test_the_chart_speaks_both_languages(tmp_path, locale, word):
    path = tmp_path / "chart.svg"
    save_calibration_chart(purchases_report(FOUND)["by_frequency"], "bg_nbd", locale, path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert word in text


def test_gamma_gamma_warns_where_value_and_frequency_go_together():
    rng = np.random.default_rng(8)
    frequency = rng.integers(1, 20, 400).astype(float)
    value = 10 * frequency * rng.gamma(5, 0.2, 400)
    summary = summary_of(frequency, frequency, frequency + 20, value)
    notes = fit_value_model(Observed(summary), "gamma_gamma").notes
    assert any("correlate at 0." in note for note in notes)
    unrelated = summary_of(frequency, frequency, frequency + 20, 10 * rng.gamma(5, 0.2, 400))
    assert not any("correlate" in note for note in fit_value_model(Observed(unrelated), "gamma_gamma").notes)


def test_a_holdout_in_weeks_is_as_long_as_its_days():
    rng = np.random.default_rng(9)
    rows = rng.integers(0, 8, 300).astype(float)
    summary = summary_of(rows, np.where(rows > 0, 30, 0), np.full(300, 40.0))
    later = Later(70, np.ones(300), np.ones(300))
    report = fit_value_model(Observed(summary, later), "mbg_nbd").to_dict()["holdout"]
    # x / T for 10 weeks.
    assert report["baseline"]["frequency_rate"]["predicted"] == pytest.approx(rows.sum() / 40 * 10)
    assert report["days"] == 70
