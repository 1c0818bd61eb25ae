"""Pareto/NBD: purchases come as a Poisson process, and the customer leaves at an unseen moment.

    rate λ ~ Gamma(r, α)      rate of leaving μ ~ Gamma(s, β)

Schmittlein, Morrison & Colombo (1987), Counting Your Customers, Management Science 33(1); likelihood and
expectations as in Fader & Hardie (2005), A Note on Deriving the Pareto/NBD Model. The usual form of the
likelihood subtracts two hypergeometric functions, which cancel for heavy and for recent buyers. They stand
for the integral I over the moment y of leaving, which has no such trouble and is computed as that,

    L = Γ(r+x) α^r β^s / Γ(r) · (S + I),        S = (α+T)^−(r+x) (β+T)^−s
    P(alive) = S / (S + I),                     I = ∫_{t_x}^{T} s (α+y)^−(r+x) (β+y)^−(s+1) dy

by 32 Gauss–Legendre nodes, exact to about 1e-12; the derivatives of ln L are averages over the same nodes.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, exprel, gammaln, psi

from training.customer_value.purchase_model import Bounds, weighted_sums
from training.customer_value.summary import Floats, PurchaseRows

NODES, WEIGHTS = np.polynomial.legendre.leggauss(32)
SHARES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2
NEGLIGIBLE = -40.0
ROWS_AT_ONCE = 16_384


@dataclass(frozen=True)
class _Leaving:
    """The integral I of each row, and averages over the moment y of leaving given that it came before T."""

    log_integral: Floats
    mean_log_alpha: Floats
    mean_log_beta: Floats
    mean_per_alpha: Floats
    mean_per_beta: Floats


@dataclass(frozen=True)
class ParetoNbd:
    """Parameters r, α, s, β; α and β in time units."""

    name: str = "pareto_nbd"
    parameter_names: tuple[str, ...] = ("r", "alpha", "s", "beta")

    def starts(self, rows: PurchaseRows) -> list[Floats]:
        """Three mixtures around the mean rate: uneven, even, and nearly nobody leaving."""
        time, age = _times(rows)
        shapes = ((0.5, 0.6, 0.4), (1.0, 1.0, 1.0), (1.5, 0.5, 5.0))
        return [np.array([r, r * time, s, share * age]) for r, s, share in shapes]

    def bounds(self, rows: PurchaseRows) -> Bounds:
        """Wide enough for every shop with some difference between its customers."""
        time, age = _times(rows)
        return [(1e-3, 1e3), (1e-4 * time, 1e4 * time), (1e-3, 1e2), (1e-4 * age, 1e4 * age)]

    def log_likelihood(self, parameters: Floats, rows: PurchaseRows) -> tuple[float, Floats]:
        """Log-likelihood of all customers, and its gradient by r, α, s, β."""
        value, gradient = 0.0, np.zeros(4)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = rows.take(slice(start, start + ROWS_AT_ONCE))
            of_part, by_part = _log_likelihood(parameters, part)
            value, gradient = value + of_part, gradient + by_part
        return value, gradient

    def p_alive(self, parameters: Floats, rows: PurchaseRows) -> Floats:
        """float64[n]: one minus the share of I in the likelihood."""
        parts = (rows.take(slice(start, start + ROWS_AT_ONCE)) for start in range(0, len(rows), ROWS_AT_ONCE))
        return np.concatenate([expit(_log_staying(parameters, p) - _leaving(parameters, p).log_integral)
                               for p in parts])  # fmt: skip

    def purchases_if_alive(self, parameters: Floats, rows: PurchaseRows, time: float) -> Floats:
        """float64[n]: (r+x)(β+T)/(α+T) · (1 − ((β+T)/(β+T+t))^(s−1)) / (s−1), its limit at s = 1 included."""
        r, alpha, s, beta = parameters
        log_longer = np.log1p(time / (beta + rows.T))
        weeks = (beta + rows.T) * log_longer * exprel(-(s - 1) * log_longer)
        purchases: Floats = (r + rows.frequency) / (alpha + rows.T) * weeks
        return purchases


PARETO_NBD = ParetoNbd()


def _log_likelihood(parameters: Floats, rows: PurchaseRows) -> tuple[float, Floats]:
    r, alpha, s, beta = parameters
    x, (levels, place) = rows.frequency, rows.frequency_levels
    staying, leaving = _log_staying(parameters, rows), _leaving(parameters, rows)
    left = expit(leaving.log_integral - staying)
    stayed = 1 - left
    constant = r * np.log(alpha) + s * np.log(beta)
    value = (gammaln(r + levels) - gammaln(r))[place] + constant + np.logaddexp(staying, leaving.log_integral)
    gradient = (
        (psi(r + levels) - psi(r))[place]
        + np.log(alpha)
        - stayed * np.log(alpha + rows.T)
        - left * leaving.mean_log_alpha,
        r / alpha - (r + x) * (stayed / (alpha + rows.T) + left * leaving.mean_per_alpha),
        np.log(beta) - stayed * np.log(beta + rows.T) + left * (1 / s - leaving.mean_log_beta),
        s / beta - stayed * s / (beta + rows.T) - left * (s + 1) * leaving.mean_per_beta,
    )
    return float(np.dot(value, rows.count)), weighted_sums(gradient, rows.count)


def _log_staying(parameters: Floats, rows: PurchaseRows) -> Floats:
    r, alpha, s, beta = parameters
    log_staying: Floats = -(r + rows.frequency) * np.log(alpha + rows.T) - s * np.log(beta + rows.T)
    return log_staying


def _leaving(parameters: Floats, rows: PurchaseRows) -> _Leaving:
    """Integrate over the moment of leaving, in the variable v = ln(1 + (y − t_x) / L).

    With L the smaller of α + t_x and β + t_x the integrand has no singularity within π of the real axis, so
    the nodes converge fast however unlike the two scales are.
    """
    r, alpha, s, beta = parameters
    bought, left = r + rows.frequency, s + 1
    alpha_from, beta_from = alpha + rows.recency, beta + rows.recency
    length = np.minimum(alpha_from, beta_from)
    in_alpha, in_beta = length / alpha_from, length / beta_from

    def log_integrand(v: Floats) -> Floats:
        u = np.expm1(v)
        value: Floats = v - bought * np.log1p(u * in_alpha) - left * np.log1p(u * in_beta)
        return value

    end = np.log1p((rows.T - rows.recency) / length)
    # A heavy buyer's silence would leave most nodes where nothing is: cut what is below e^NEGLIGIBLE.
    while (far := log_integrand(end / 2) < NEGLIGIBLE).any():
        end = np.where(far, end / 2, end)
    v = SHARES * end[:, None]
    u = np.expm1(v)
    log_alpha, log_beta = np.log1p(u * in_alpha[:, None]), np.log1p(u * in_beta[:, None])
    weight = WEIGHTS * np.exp(v - bought[:, None] * log_alpha - left * log_beta)
    total = weight.sum(axis=1)
    weight /= total[:, None]
    from_alpha, from_beta = np.log(alpha_from), np.log(beta_from)
    with np.errstate(divide="ignore"):  # nobody can have left within no time: ln 0
        log_end = np.log(end)
    scale = np.log(s) + np.log(length) - bought * from_alpha - left * from_beta
    return _Leaving(
        log_integral=scale + log_end + np.log(total),
        mean_log_alpha=from_alpha + (weight * log_alpha).sum(axis=1),
        mean_log_beta=from_beta + (weight * log_beta).sum(axis=1),
        mean_per_alpha=(weight * np.exp(-log_alpha)).sum(axis=1) / alpha_from,
        mean_per_beta=(weight * np.exp(-log_beta)).sum(axis=1) / beta_from,
    )


def _times(rows: PurchaseRows) -> tuple[float, float]:
    """Time per purchase, and the mean T."""
    purchases, time = float(np.dot(rows.frequency, rows.count)), float(np.dot(rows.T, rows.count))
    return time / max(purchases, 1.0) or 1.0, time / rows.customers or 1.0
