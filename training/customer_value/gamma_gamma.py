"""Gamma-Gamma: what a customer's purchases are worth on average, apart from how many they are.

    value of one purchase ~ Gamma(p, ν)       ν ~ Gamma(q, v)

so that the mean z of x purchases has the likelihood below, and the customer's true mean the expectation

    ln f(z | x) = lnΓ(px+q) − lnΓ(px) − lnΓ(q) + q ln v + (px−1) ln z + px ln x − (px+q) ln(v + xz)
    E(M | x, z) = p (v + xz) / (px + q − 1)

Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value. The model holds where value and frequency are
not related; their correlation is part of the diagnosis.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, psi

from training.customer_value.purchase_model import Bounds, weighted_sums
from training.customer_value.summary import Floats, PurchaseRows


@dataclass(frozen=True)
class GammaGamma:
    """Parameters p, q and v (in money)."""

    name: str = "gamma_gamma"
    parameter_names: tuple[str, ...] = ("p", "q", "v")

    def starts(self, rows: PurchaseRows) -> list[Floats]:
        """Three spreads around the mean value, which is p v / (q − 1)."""
        mean = _mean_value(rows)
        return [np.array([p, q, mean * (q - 1) / p]) for p, q in ((1.0, 2.0), (5.0, 4.0), (2.0, 10.0))]

    def bounds(self, rows: PurchaseRows) -> Bounds:
        """Wide enough for every currency."""
        mean = _mean_value(rows)
        return [(1e-3, 1e4), (1e-2, 1e4), (1e-5 * mean, 1e5 * mean)]

    def log_likelihood(self, parameters: Floats, rows: PurchaseRows) -> tuple[float, Floats]:
        """Log-likelihood of the repeat buyers, and its gradient by p, q, v."""
        p, q, v = parameters
        x, z = rows.frequency, _values(rows)
        px, spent = p * x, v + x * z
        log_spent = np.log(spent)
        value = (
            gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v)
            + (px - 1) * np.log(z) + px * np.log(x) - (px + q) * log_spent
        )  # fmt: skip
        gradient = (
            x * (psi(px + q) - psi(px) + np.log(z) + np.log(x) - log_spent),
            psi(px + q) - psi(q) + np.log(v) - log_spent,
            q / v - (px + q) / spent,
        )
        return float(np.dot(value, rows.count)), weighted_sums(gradient, rows.count)


GAMMA_GAMMA = GammaGamma()


def expected_value(parameters: Floats, frequency: Floats, monetary_value: Floats) -> Floats:
    """Expected value of a customer's purchase.

    Args:
        parameters: p, q, v.
        frequency: float64[n], repeat purchases.
        monetary_value: float64[n], their mean value; where it is NaN or not above zero, or there is no repeat
            purchase, the customer gets the mean of all.

    Returns:
        float64[n]; NaN where the mean does not exist (p·x + q ≤ 1: values too uneven for one).
    """
    p, q, v = parameters
    known = (frequency > 0) & (monetary_value > 0)
    x, z = np.where(known, frequency, 0.0), np.where(known, monetary_value, 0.0)
    below = p * x + q - 1
    value = np.full(len(x), np.nan)
    np.divide(p * (v + x * z), below, out=value, where=below > 0)
    return value


def value_and_frequency_correlation(rows: PurchaseRows) -> float:
    """Pearson correlation of frequency and mean value over repeat buyers, 0 where one of them is constant."""
    x, z = rows.frequency, _values(rows)
    covariance = np.cov(x, z, aweights=rows.count, ddof=0) if len(rows) > 1 else np.zeros((2, 2))
    spread = float(np.sqrt(covariance[0, 0] * covariance[1, 1]))
    return float(covariance[0, 1]) / spread if spread > 0 else 0.0


def _mean_value(rows: PurchaseRows) -> float:
    return float(np.dot(_values(rows), rows.count) / rows.count.sum())


def _values(rows: PurchaseRows) -> Floats:
    assert rows.monetary_value is not None  # noqa: S101 — CustomerSummary.repeat_buyers gives them
    return rows.monetary_value
