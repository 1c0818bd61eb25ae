"""The purchase models against independent integrals, at their extremes, and in their invariants."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import IntegrationWarning, quad
from scipy.special import betaln, gammaln

from tests.support.histories import history
from training.customer_value.beta_geometric import BG_NBD, MBG_NBD, expected_purchases
from training.customer_value.pareto import PARETO_NBD
from training.customer_value.registry import PURCHASE_MODELS

CDNOW = {
    "bg_nbd": np.array([0.243, 4.414, 0.793, 2.426]),
    "mbg_nbd": np.array([0.525, 6.183, 0.891, 1.614]),
    "pareto_nbd": np.array([0.553, 10.578, 0.606, 11.669]),
}
positive = st.floats(0.05, 20)


def pieces(function, edges):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IntegrationWarning)
        return sum(
            quad(function, low, high, epsabs=0, epsrel=1e-12, limit=200)[0] for low, high in pairwise(edges)
        )


@pytest.mark.parametrize("name", PURCHASE_MODELS)
def test_gradient_is_the_slope_of_the_likelihood(name):
    model, parameters = PURCHASE_MODELS[name], CDNOW[name]
    rows = history([0, 1, 5, 221, 3], [0, 3, 20, 30, 10], [30, 30, 30, 31, 10])
    _, gradient = model.log_likelihood(parameters, rows)
    for i, step in enumerate(np.eye(4) * 1e-5):
        above, below = (model.log_likelihood(parameters + sign * step, rows)[0] for sign in (1, -1))
        assert gradient[i] == pytest.approx((above - below) / 2e-5, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("x", [0, 1, 4, 30])
def test_bg_nbd_is_the_mixture_it_claims_to_be(x):
    """L = ∫∫ λ^x (1−p)^x e^(−λT) + p (1−p)^(x−1) λ^x e^(−λ t_x) over the two distributions, for x > 0."""
    r, alpha, a, b = CDNOW["bg_nbd"]
    recency, age = (0.0, 30.0) if x == 0 else (20.0, 30.0)

    def gamma_moment(time):
        # ∫ λ^x e^(−λ time) Gamma(λ; r, α) dλ
        return np.exp(r * np.log(alpha) - gammaln(r) + gammaln(r + x) - (r + x) * np.log(alpha + time))

    alive = np.exp(betaln(a, b + x) - betaln(a, b)) * gamma_moment(age)
    gone = np.exp(betaln(a + 1, b + x - 1) - betaln(a, b)) * gamma_moment(recency) if x else 0.0
    value, _ = BG_NBD.log_likelihood(CDNOW["bg_nbd"], history(x, recency, age))
    assert value == pytest.approx(np.log(alive + gone), rel=1e-12)
    p_alive = BG_NBD.p_alive(CDNOW["bg_nbd"], history(x, recency, age))
    assert p_alive[0] == pytest.approx(alive / (alive + gone), rel=1e-12)


@pytest.mark.parametrize(
    "parameters", [(0.55, 10.6, 0.61, 11.7), (2.9, 0.65, 0.1, 28.0), (5.9, 4.2, 0.1, 80.0)]
)
@pytest.mark.parametrize(
    ("x", "recency", "age"), [(0, 0, 39), (2, 30.4, 38.9), (26, 30.9, 31), (221, 20, 600)]
)
def test_pareto_nbd_integrates_over_the_moment_of_leaving(parameters, x, recency, age):
    r, alpha, s, beta = parameters

    def leaving(y):
        return s * np.exp(
            -(r + x) * np.log1p((y - recency) / (alpha + recency))
            - (s + 1) * np.log1p((y - recency) / (beta + recency))
        )

    scale = -(r + x) * np.log(alpha + recency) - (s + 1) * np.log(beta + recency)
    edges = [recency, *(e for e in recency + np.array([0.01, 0.1, 1, 10, 100]) if e < age), age]
    gone = np.log(pieces(leaving, edges)) + scale
    stayed = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
    constant = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    value, _ = PARETO_NBD.log_likelihood(np.array(parameters), history(x, recency, age))
    assert value == pytest.approx(constant + np.logaddexp(gone, stayed), rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("a", [0.1, 0.793, 1.0, 1.0 + 1e-12, 5.0])
@pytest.mark.parametrize(("shape", "time", "b"), [(0.24, 8.8, 2.4), (2.2, 0.9, 4.4), (221.2, 1.1, 223.0)])
def test_expected_purchases_integrate_over_the_chance_of_leaving(a, shape, time, b):
    """E = ∫ (1 − (1 + p w)^−shape) / p · Beta(p; a, b) dp; the published formula is undefined at a = 1."""

    def integrand(logit):
        log_p, log_q = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
        p = np.exp(log_p)
        bought = shape * time if p < 1e-200 else -np.expm1(-shape * np.log1p(p * time)) / p
        return bought * np.exp(a * log_p + b * log_q - betaln(a, b))

    middle = np.log(a / b)
    edges = middle + np.array([-400, -60, -20, -6, -2, 0, 2, 6, 20, 60])
    found = expected_purchases(np.array([shape]), np.array([time]), a, np.array([b]))
    assert found[0] == pytest.approx(pieces(integrand, edges), rel=1e-10)


def test_expected_purchases_agree_with_the_published_formula():
    """Fader, Hardie & Lee (2005), equation 10, where it is well conditioned."""
    from scipy.special import hyp2f1

    r, alpha, a, b = CDNOW["bg_nbd"]
    x, age, time = 2, 38.86, 39.0
    f = hyp2f1(r + x, b + x, a + b + x - 1, time / (alpha + age + time))
    published = (a + b + x - 1) / (a - 1) * (1 - ((alpha + age) / (alpha + age + time)) ** (r + x) * f)
    found = BG_NBD.purchases_if_alive(CDNOW["bg_nbd"], history(x, 30.43, age), time)
    assert found[0] == pytest.approx(published, rel=1e-12)


def test_nobody_can_have_left_within_no_time():
    rows = history(3, 31, 31)
    assert PARETO_NBD.p_alive(CDNOW["pareto_nbd"], rows)[0] == 1.0


@pytest.mark.parametrize("name", PURCHASE_MODELS)
def test_heavy_buyers_overflow_nothing_and_nothing_jumps(name):
    """From 132 to 133 purchases, and to 221, naive formulas underflow or lose every digit."""
    model, parameters = PURCHASE_MODELS[name], CDNOW[name]
    x = np.arange(120.0, 260.0)
    rows = history(x, 30, 31)
    alive, bought = model.p_alive(parameters, rows), model.purchases_if_alive(parameters, rows, 39.0)
    value, gradient = model.log_likelihood(parameters, rows)
    assert np.isfinite([value, *gradient]).all()
    assert ((alive > 0) & (alive < 1)).all()
    # A smooth curve: each step differs from the one before by little.
    assert np.abs(np.diff(alive, 2)).max() < 1e-4
    assert np.abs(np.diff(bought, 2)).max() < 1e-3
    assert (np.diff(bought) > 0).all()


@pytest.mark.parametrize("name", PURCHASE_MODELS)
def test_ten_years_ahead_of_the_heaviest_buyer_are_finite(name):
    rows = history([0, 1, 365], [0, 0, 364], [0, 1, 365])
    bought = PURCHASE_MODELS[name].purchases_if_alive(CDNOW[name], rows, 3650.0)
    assert np.isfinite(bought).all()
    assert (bought > 0).all()


@given(
    parameters=st.tuples(positive, positive, positive, positive),
    x=st.integers(0, 300),
    recency=st.floats(0, 500),
    silence=st.floats(0, 500),
    name=st.sampled_from(sorted(PURCHASE_MODELS)),
)
@settings(max_examples=80, deadline=None)
def test_p_alive_is_a_probability_and_falls_in_silence(parameters, x, recency, silence, name):
    start = recency if x else 0.0
    rows = history(x, start, start + np.linspace(0, silence, 6))
    alive = PURCHASE_MODELS[name].p_alive(np.array(parameters), rows)
    assert ((alive >= 0) & (alive <= 1)).all()
    assert (np.diff(alive) <= 1e-12).all()
    if name == "bg_nbd" and x == 0:
        assert (alive == 1).all()


@given(
    parameters=st.tuples(positive, positive, positive, positive),
    x=st.integers(0, 100),
    age=st.floats(1, 500),
    name=st.sampled_from(sorted(PURCHASE_MODELS)),
)
@settings(max_examples=60, deadline=None)
def test_expected_purchases_grow_with_time_and_less_and_less(parameters, x, age, name):
    model, rows = PURCHASE_MODELS[name], history(x, age / 2 if x else 0, age)
    bought = np.array(
        [model.purchases_if_alive(np.array(parameters), rows, t)[0] for t in (5.0, 10.0, 15.0, 20.0)]
    )
    steps = np.diff(bought, prepend=0.0)
    # Who leaves soon buys no more in 20 days than in 15, to the last digit.
    assert (steps >= -1e-12 * bought[-1]).all()
    assert steps[0] > 0
    assert (np.diff(steps) <= 1e-9 * bought[-1]).all()
    # Nobody buys more than somebody who never leaves.
    assert bought[-1] <= (parameters[0] + x) / (parameters[1] + age) * 20 * (1 + 1e-9)


def test_mbg_nbd_doubts_the_customer_who_never_came_back():
    """P(alive | x = 0) = 1 / (1 + a/b · ((α+T)/α)^r), which BG/NBD says is 1."""
    r, alpha, a, b = CDNOW["mbg_nbd"]
    alive = MBG_NBD.p_alive(CDNOW["mbg_nbd"], history(0, 0, 39))
    assert alive[0] == pytest.approx(1 / (1 + a / b * ((alpha + 39) / alpha) ** r))
