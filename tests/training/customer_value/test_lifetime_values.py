"""Lifetime value is the product of its parts; discounting and segments follow their definitions."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.integrate import quad

from tests.support.histories import history
from training.customer_value.lifetime import LifetimeValues, lifetime_values, value_segments
from training.customer_value.maximum_likelihood import Fit
from training.customer_value.registry import LIKELIHOODS, PURCHASE_MODELS
from training.customer_value.summary import CustomerSummary
from training.customer_value.values_table import VALUE_FIELDS, join_values, values_table


def fit_of(model, *values):
    names = LIKELIHOODS[model].parameter_names
    return Fit(
        model, dict(zip(names, values, strict=True)), dict.fromkeys(names), 0.0, 1, 1, True, 0.0, (), 0.0
    )


PURCHASES = fit_of("mbg_nbd", 0.525, 43.3, 0.891, 1.614)
MONEY = fit_of("gamma_gamma", 6.25, 3.74, 15.4)


def summary_of(frequency, recency, age, value):
    columns = [np.asarray(column, dtype=float) for column in (frequency, recency, age, value)]
    return CustomerSummary(pa.array([f"c{i}" for i in range(len(age))]), *columns, "day")


FOUR = summary_of([0, 1, 9, 3], [0, 12, 250, 20], [270, 270, 260, 260], [np.nan, 30, 12, 500])


def test_the_parts_multiply_to_the_whole():
    values = lifetime_values(FOUR, PURCHASES, MONEY, 365, 0.1)
    assert values.expected_purchases == pytest.approx(values.p_alive * values.purchases_if_alive)
    product = values.p_alive * values.purchases_if_alive * values.expected_value * values.discount_factor
    assert values.lifetime_value == pytest.approx(product)


def test_the_discount_is_the_integral_over_every_purchase():
    """Σ of e^(−δt) over expected purchases at t, by 2,000 slices of the year."""
    values = lifetime_values(FOUR, PURCHASES, MONEY, 365, 0.1)
    model, parameters = PURCHASE_MODELS["mbg_nbd"], PURCHASES.vector
    rows = history(FOUR.frequency, FOUR.recency, FOUR.T)
    times = np.linspace(0, 365, 2001)
    grown = np.array([np.zeros(4)] + [model.purchases_if_alive(parameters, rows, t) for t in times[1:]])
    middle = (times[1:] + times[:-1]) / 2
    discounted = (np.diff(grown, axis=0) * (1.1 ** (-middle / 365.25))[:, None]).sum(axis=0)
    assert values.discount_factor == pytest.approx(discounted / grown[-1], rel=1e-6)
    assert (values.discount_factor < 1).all()
    assert (lifetime_values(FOUR, PURCHASES, MONEY, 365, 0.0).discount_factor == 1).all()


def test_weeks_and_days_say_the_same():
    weeks = CustomerSummary(
        FOUR.customer_id, FOUR.frequency, FOUR.recency / 7, FOUR.T / 7, FOUR.monetary_value, "week"
    )
    by_week = fit_of("mbg_nbd", 0.525, 43.3 / 7, 0.891, 1.614)
    ours = lifetime_values(FOUR, PURCHASES, MONEY, 100, 0.1)
    theirs = lifetime_values(weeks, by_week, MONEY, 100, 0.1)
    assert ours.lifetime_value == pytest.approx(theirs.lifetime_value, rel=1e-9)


def test_the_value_of_a_purchase_pulls_towards_the_mean():
    """E(M) = p (v + x z) / (p x + q − 1), written out for x = 1, z = 30."""
    values = lifetime_values(FOUR, PURCHASES, MONEY, 365, 0.1)
    assert values.expected_value[1] == pytest.approx(6.25 * (15.4 + 30) / (6.25 + 3.74 - 1))
    assert values.expected_value[0] == pytest.approx(6.25 * 15.4 / (3.74 - 1))


def test_without_money_there_is_no_value_and_no_segment():
    values = lifetime_values(FOUR, PURCHASES, None, 365, 0.1)
    assert np.isnan(values.lifetime_value).all()
    assert value_segments(values, FOUR, 365, 0.2).tolist() == [None] * 4
    table = values_table(FOUR, values, value_segments(values, FOUR, 365, 0.2))
    assert table["lifetime_value"].null_count == 4
    assert table["p_alive"].null_count == 0


def values_of(worth, alive):
    n = len(worth)
    one = np.ones(n)
    return LifetimeValues(np.asarray(alive, float), one, one, one, one, np.asarray(worth, float))


def test_segments_by_their_rules():
    # Ten customers, the highest fifth are two; 50 is the median; past spend is frequency × monetary value.
    worth = [100, 90, 60, 60, 60, 50, 10, 10, 10, 10]
    alive = [0.9, 0.2, 0.9, 0.4, 0.9, 0.9, 0.9, 0.4, 0.9, 0.9]
    past = [0, 0, 20, 20, 60, 49.9, 0, 0, 0, 0]
    summary = summary_of([1] * 10, [1] * 10, [10] * 10, past)
    segments = value_segments(values_of(worth, alive), summary, 365.25, 0.2)
    assert segments.tolist() == [
        "high_value",  # 100
        "high_value",  # 90, also where P(alive) is low: the one to win back first
        "growth",  # 60 > 20
        "fading",  # P(alive) .4
        "steady",  # 60 is not above 60
        "growth",  # 50 is the median and above 49.9
        "steady",
        "fading",
        "steady",
        "steady",
    ]


def test_growth_is_judged_by_a_year_whatever_the_horizon():
    summary = summary_of([1, 1], [1, 1], [10, 10], [90, 90])
    # 50 in 90 days is more than 200 in a year, above 90; in a year it is 50.
    assert value_segments(values_of([50, 60], [1, 1]), summary, 90, 0.4).tolist()[0] == "growth"
    assert value_segments(values_of([50, 60], [1, 1]), summary, 365, 0.4).tolist()[0] == "steady"


def test_ties_of_high_value_are_never_split():
    summary = summary_of([1] * 10, [1] * 10, [10] * 10, [1000] * 10)
    segments = value_segments(values_of([7] * 10, [1] * 10), summary, 365, 0.2)
    assert set(segments) == {"high_value"}


def test_values_join_the_profile_by_customer():
    values = lifetime_values(FOUR, PURCHASES, MONEY, 365, 0.1)
    table = values_table(FOUR, values, value_segments(values, FOUR, 365, 0.2))
    profile = pa.table({"customer_id": ["c3", "stranger", "c0"], "tier": ["gold", "bronze", "bronze"]})
    joined = join_values(profile, table)
    assert joined.column_names == ["customer_id", "tier", *(field.name for field in VALUE_FIELDS[1:])]
    assert joined["p_alive"].to_pylist() == [values.p_alive[3], None, values.p_alive[0]]
    empty = join_values(profile, table.slice(0, 0))
    assert empty["value_segment"].to_pylist() == [None] * 3


def test_the_nodes_are_exact_enough_over_ten_years():
    values = lifetime_values(FOUR, PURCHASES, MONEY, 3650, 0.1)
    model, delta = PURCHASE_MODELS["mbg_nbd"], np.log(1.1) / 365.25
    rows = history(9, 250, 260)
    whole = model.purchases_if_alive(PURCHASES.vector, rows, 3650.0)[0]
    inner, _ = quad(
        lambda t: np.exp(-delta * t) * model.purchases_if_alive(PURCHASES.vector, rows, t)[0], 1e-9, 3650
    )
    exact = np.exp(-delta * 3650) + delta * inner / whole
    assert values.discount_factor[2] == pytest.approx(exact, rel=2e-5)
