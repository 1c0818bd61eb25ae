"""Planted parameters are found within their standard errors, and what is no maximum says so."""

import numpy as np
import pytest

from tests.support.histories import history, simulate
from training.customer_value.gamma_gamma import GAMMA_GAMMA, expected_value
from training.customer_value.lifetime import lifetime_values
from training.customer_value.maximum_likelihood import fit
from training.customer_value.registry import PURCHASE_MODELS

# name → how customers leave, and the planted r, α (days), then a, b or s, β (days).
PLANTED = {
    "bg_nbd": ("after repeats", (0.6, 20.0, 0.8, 2.5)),
    "mbg_nbd": ("after any", (0.8, 20.0, 0.9, 2.0)),
    "pareto_nbd": ("in silence", (0.6, 20.0, 0.7, 60.0)),
}
MONEY = (6.0, 4.0, 15.0)
CUSTOMERS, HORIZON = 6_000, 120.0


@pytest.fixture(scope="module", params=PLANTED)
def planted(request):
    leaves, parameters = PLANTED[request.param]
    rng = np.random.default_rng(23)
    shop = simulate(rng, CUSTOMERS, parameters, (100, 360), leaves=leaves, value=MONEY, horizon=HORIZON)
    rows, _ = shop[0].compressed()
    return np.array(parameters), shop, fit(PURCHASE_MODELS[request.param], rows)


def test_the_planted_parameters_are_within_three_standard_errors(planted):
    parameters, _, found = planted
    assert found.converged
    errors = np.array(list(found.standard_errors.values()))
    assert (np.abs(found.vector - parameters) / errors < 3).all()
    # And the errors say something: none is as large as half its parameter.
    assert (errors < 0.5 * parameters).all()


def test_the_likelihood_is_above_that_of_the_truth(planted):
    parameters, (summary, *_), found = planted
    rows, _ = summary.compressed()
    at_truth, _ = PURCHASE_MODELS[found.model].log_likelihood(parameters, rows)
    # Twice the difference is chi-square with 4 degrees of freedom: 18.5 is exceeded once in 1,000.
    assert 0 <= found.log_likelihood - at_truth < 18.5 / 2


def test_p_alive_and_purchases_are_right_on_average(planted):
    _, (summary, alive, later), found = planted
    values = lifetime_values(summary, found, None, HORIZON, 0.0)
    n = len(summary)
    # Over ten seeds the parameters' own errors moved the mean of P(alive) by .012 (standard deviation).
    assert values.p_alive.mean() == pytest.approx(alive.mean(), abs=0.03)
    assert values.expected_purchases.mean() == pytest.approx(later.mean(), abs=4 * later.std() / np.sqrt(n))
    # Not only on average: in every fifth of P(alive).
    for part in np.array_split(np.argsort(values.p_alive), 5):
        error = 0.03 + 3 * 0.5 / np.sqrt(len(part))
        assert values.p_alive[part].mean() == pytest.approx(alive[part].mean(), abs=error)


def test_gamma_gamma_finds_the_planted_spread(planted):
    _, (summary, *_), _ = planted
    found = fit(GAMMA_GAMMA, summary.repeat_buyers())
    errors = np.array(list(found.standard_errors.values()))
    assert found.converged
    assert (np.abs(found.vector - MONEY) / errors < 3).all()
    worth = expected_value(found.vector, summary.frequency, summary.monetary_value)
    p, q, v = MONEY
    # The mean over customers of their expectations is the mean of all, p v / (q − 1).
    assert worth.mean() == pytest.approx(p * v / (q - 1), rel=0.05)


def test_counts_are_customers():
    """Every row twice doubles the likelihood, keeps the estimate and divides its errors by √2."""
    rng = np.random.default_rng(3)
    summary, *_ = simulate(rng, 3000, PLANTED["mbg_nbd"][1], (100, 360), leaves="after any")
    once, _ = summary.compressed()
    twice = once.take(slice(None))
    twice.count[:] *= 2
    model = PURCHASE_MODELS["mbg_nbd"]
    # `take` shares nothing with its source when it copies; fit the doubled rows first, then the halved ones.
    doubled = fit(model, twice)
    twice.count[:] /= 2
    single = fit(model, twice)
    assert doubled.customers == 2 * single.customers
    assert doubled.log_likelihood == pytest.approx(2 * single.log_likelihood)
    for name, value in single.params.items():
        assert doubled.params[name] == pytest.approx(value, rel=1e-5)
        ratio = single.standard_errors[name] / doubled.standard_errors[name]
        assert ratio == pytest.approx(np.sqrt(2), rel=1e-3)


def test_customers_who_do_not_differ_run_into_a_bound():
    """Everybody buys 10 times and stays: no spread of rates, no leaving, so two parameters are not told."""
    rows = history(np.full(200, 10), np.linspace(95, 100, 200), 100)
    found = fit(PURCHASE_MODELS["bg_nbd"], rows)
    assert not found.converged
    assert found.at_bound
    for name in found.at_bound:
        assert found.standard_errors[name] is None
    # What the data do tell is right: the rate, r / α, is 10 in 100 days.
    assert found.params["r"] / found.params["alpha"] == pytest.approx(0.1, rel=0.02)


def test_a_mean_that_does_not_exist_is_not_a_number():
    """q = .5: without a repeat purchase p·x + q − 1 < 0, with one of p = 2 it is 1.5."""
    worth = expected_value(np.array([2.0, 0.5, 10.0]), np.array([0.0, 1.0]), np.array([np.nan, 20.0]))
    assert np.isnan(worth[0])
    assert worth[1] == pytest.approx(2 * (10 + 20) / 1.5)
