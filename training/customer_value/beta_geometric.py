"""BG/NBD and MBG/NBD: purchases come as a Poisson process, and after each one the customer may leave.

    rate λ ~ Gamma(r, α)      purchases in a time t while alive: Poisson(λ t)
    p ~ Beta(a, b)            probability of leaving for good right after a purchase

- BG/NBD (Fader, Hardie & Lee 2005, "Counting Your Customers" the Easy Way, Marketing Science 24(2)): the coin
  is tossed after repeat purchases only, so a customer without one is alive for certain.
- MBG/NBD (Batislam, Denizel & Filiztekin 2007, Int. J. of Research in Marketing 24(3)): it is tossed after
  the first purchase too.

With s coins survived by a living customer (s = x, or x + 1 for MBG/NBD), their likelihoods are one:

    L = Γ(r+x) α^r / Γ(r) · B(a, b+s) / B(a, b) · (α+T)^−(r+x) · (1 + D)
    D = a / (b+s−1) · ((α+T) / (α+t_x))^(r+x),  0 where no coin was tossed        P(alive) = 1 / (1 + D)

Everything is computed from ln D, so that 221 purchases overflow nothing.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln, psi

from training.customer_value.purchase_model import Bounds, weighted_sums
from training.customer_value.summary import Floats, PurchaseRows

RELATIVE_ERROR = 1e-13


@dataclass(frozen=True)
class BetaGeometric:
    """Parameters r, α (per time unit), a, b.

    Args:
        name: bg_nbd or mbg_nbd.
        first_purchase_may_be_last: whether the coin is tossed after the first purchase too.
    """

    name: str
    first_purchase_may_be_last: bool
    parameter_names: tuple[str, ...] = ("r", "alpha", "a", "b")

    def starts(self, rows: PurchaseRows) -> list[Floats]:
        """Three mixtures around the mean rate: uneven, even, and nearly nobody leaving."""
        time_per_purchase = _time_per_purchase(rows)
        shapes = ((0.3, 0.8, 2.5), (1.0, 1.0, 1.0), (1.5, 0.1, 3.0))
        return [np.array([r, r * time_per_purchase, a, b]) for r, a, b in shapes]

    def bounds(self, rows: PurchaseRows) -> Bounds:
        """Wide enough for every shop with some difference between its customers."""
        time = _time_per_purchase(rows)
        return [(1e-3, 1e3), (1e-4 * time, 1e4 * time), (1e-4, 1e3), (1e-4, 1e4)]

    def log_likelihood(self, parameters: Floats, rows: PurchaseRows) -> tuple[float, Floats]:
        """Log-likelihood of all customers, and its gradient by r, α, a, b."""
        r, alpha, a, b = parameters
        x, (levels, place) = rows.frequency, rows.frequency_levels
        coins = self._coins(levels)
        of_frequency = (
            gammaln(r + levels) - gammaln(r) + gammaln(b + coins) - gammaln(b)
            + gammaln(a + b) - gammaln(a + b + coins)
        )  # fmt: skip
        lost = psi(a + b) - psi(a + b + coins)
        of_shape = np.stack([psi(r + levels) - psi(r), lost, psi(b + coins) - psi(b) + lost])
        log_end = np.log(alpha + rows.T)
        silence = np.log1p((rows.T - rows.recency) / (alpha + rows.recency))
        log_d, last_coin = self._log_d(parameters, rows, silence)
        left = expit(log_d)
        value = of_frequency[place] + r * np.log(alpha) - (r + x) * log_end + np.logaddexp(0.0, log_d)
        in_shape = of_shape[:, place]
        gap = 1 / (alpha + rows.T) - 1 / (alpha + rows.recency)
        gradient = (
            in_shape[0] + np.log(alpha) - log_end + left * silence,
            r / alpha - (r + x) / (alpha + rows.T) + left * (r + x) * gap,
            in_shape[1] + left / a,
            in_shape[2] - left / last_coin,
        )
        return float(np.dot(value, rows.count)), weighted_sums(gradient, rows.count)

    def p_alive(self, parameters: Floats, rows: PurchaseRows) -> Floats:
        """float64[n]: 1 / (1 + D); for BG/NBD 1 without a repeat purchase."""
        silence = np.log1p((rows.T - rows.recency) / (parameters[1] + rows.recency))
        alive: Floats = expit(-self._log_d(parameters, rows, silence)[0])
        return alive

    def purchases_if_alive(self, parameters: Floats, rows: PurchaseRows, time: float) -> Floats:
        """float64[n]: see `expected_purchases`; the posteriors are Gamma(r+x, α+T) and Beta(a, b+s)."""
        r, alpha, a, b = parameters
        coins = self._coins(rows.frequency)
        return expected_purchases(r + rows.frequency, time / (alpha + rows.T), a, b + coins)

    def _coins(self, frequency: Floats) -> Floats:
        return frequency + 1 if self.first_purchase_may_be_last else frequency

    def _log_d(self, parameters: Floats, rows: PurchaseRows, silence: Floats) -> tuple[Floats, Floats]:
        """ln D, and b + s − 1 (1 where no coin was tossed)."""
        r, _, a, b = parameters
        coins = self._coins(rows.frequency)
        tossed = coins > 0
        last_coin = np.where(tossed, b + coins - 1, 1.0)
        log_d = np.log(a) - np.log(last_coin) + (r + rows.frequency) * silence
        return np.where(tossed, log_d, -np.inf), last_coin


BG_NBD = BetaGeometric("bg_nbd", first_purchase_may_be_last=False)
MBG_NBD = BetaGeometric("mbg_nbd", first_purchase_may_be_last=True)


def expected_purchases(shape: Floats, relative_time: Floats, a: float, b: Floats) -> Floats:
    """Expected purchases of customers alive now whose rate and whose chance of leaving are uncertain.

    The published answer is a difference of hypergeometric functions divided by a − 1, which cancels for heavy
    buyers and is undefined at a = 1. The same number is a sum of positive terms: purchase j + 1 happens when
    a customer who never left would have bought that often, and the coins after the j before it fell well,

        E = Σ_j P(N > j) · Π_{i<j} (b+i) / (a+b+i),   N ~ NegBin(shape, w / (1+w)),  w = relative time

    Args:
        shape: float64[n], shape of each customer's gamma distribution of rates.
        relative_time: float64[n], the time divided by that distribution's α + T.
        a: first parameter of the beta distribution.
        b: float64[n], the second one of each customer.

    Returns:
        float64[n], with a relative error of about 1e-12.
    """
    expected = np.zeros(len(shape))
    log_step = np.log(relative_time) - np.log1p(relative_time)
    # P(N = j) starts far below the smallest float for heavy buyers, so it is carried as a logarithm.
    log_probability = -shape * np.log1p(relative_time)
    above = -np.expm1(log_probability)
    survival, row = np.ones(len(shape)), np.arange(len(shape))
    j = 0
    while len(row):
        expected[row] += above * survival
        # What is still to come is at most the rest of N's mean; past the mode P(N = j) bounds it.
        rest = np.exp(log_probability) * survival * (1 + relative_time) ** 2
        open_ = (j < shape * relative_time) | (rest > RELATIVE_ERROR * expected[row])
        if not open_.all():
            row, shape, relative_time, b = row[open_], shape[open_], relative_time[open_], b[open_]
            log_step, log_probability = log_step[open_], log_probability[open_]
            above, survival = above[open_], survival[open_]
        log_probability = log_probability + np.log((shape + j) / (j + 1)) + log_step
        above = np.maximum(above - np.exp(log_probability), 0.0)
        survival = survival * (b + j) / (a + b + j)
        j += 1
    return expected


def _time_per_purchase(rows: PurchaseRows) -> float:
    purchases = float(np.dot(rows.frequency, rows.count))
    return float(np.dot(rows.T, rows.count)) / max(purchases, 1.0) or 1.0
