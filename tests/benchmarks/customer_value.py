"""A million customers simulated from BG/NBD: fit and predict, beside plain numpy over one row a customer.

    .venv/bin/python -m tests.benchmarks.customer_value

prints one JSON object. The plain version has the same formulas, the same exact gradient and the same
optimiser from one start, without Newton's steps, standard errors and diagnosis.
"""

import json
import resource
import time
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.optimize import minimize
from scipy.special import expit, gammaln, psi

from training.customer_value.beta_geometric import BG_NBD, expected_purchases
from training.customer_value.maximum_likelihood import fit
from training.customer_value.summary import CustomerSummary, Floats

CUSTOMERS = 1_000_000
# r, α in days, a, b: close to CDNOW's.
PLANTED = (0.243, 31.0, 0.793, 2.426)
FIRST_DAYS, LAST_DAYS = 189, 273
HORIZON_DAYS = 90.0


def simulate(rng: np.random.Generator, customers: int) -> tuple[Floats, Floats, Floats]:
    """Frequency, recency and T in whole days."""
    r, alpha, a, b = PLANTED
    age = rng.integers(FIRST_DAYS, LAST_DAYS + 1, customers).astype(float)
    rate, leaving = rng.gamma(r, 1 / alpha, customers), rng.beta(a, b, customers)
    frequency, recency, now = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    active = np.arange(customers)
    while len(active):
        now[active] += rng.exponential(1 / np.maximum(rate[active], 1e-300))
        active = active[now[active] <= age[active]]
        frequency[active] += 1
        recency[active] = now[active]
        active = active[rng.random(len(active)) > leaving[active]]
    return frequency, np.minimum(np.ceil(recency), age), age


def ours(summary: CustomerSummary, horizon: float) -> dict[str, Any]:
    """Compress, fit with diagnosis, predict everybody."""
    started = time.perf_counter()
    rows, place = summary.compressed()
    found = fit(BG_NBD, rows)
    alive = BG_NBD.p_alive(found.vector, rows)
    expected = (alive * BG_NBD.purchases_if_alive(found.vector, rows, horizon))[place]
    return {
        "seconds": time.perf_counter() - started,
        "histories": len(rows),
        "converged": found.converged,
        "params": dict(found.params),
        "expected_purchases": float(expected.sum()),
    }


def plain(summary: CustomerSummary, horizon: float) -> dict[str, Any]:
    """The same on one row a customer, in vectorised numpy."""
    started = time.perf_counter()
    x, recency, age = summary.frequency, summary.recency, summary.T
    came_back = x > 0

    def parts(parameters: Floats) -> tuple[Floats, Floats, Floats]:
        r, alpha, a, b = parameters
        silence = np.log1p((age - recency) / (alpha + recency))
        last_coin = np.where(came_back, b + x - 1, 1.0)
        log_d = np.where(came_back, np.log(a) - np.log(last_coin) + (r + x) * silence, -np.inf)
        return silence, last_coin, log_d

    def objective(point: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = parameters = np.exp(point)
        silence, last_coin, log_d = parts(parameters)
        left = expit(log_d)
        value = (
            gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + age)
            + gammaln(a + b) - gammaln(a + b + x) + gammaln(b + x) - gammaln(b) + np.logaddexp(0, log_d)
        )  # fmt: skip
        lost = psi(a + b) - psi(a + b + x)
        gap = 1 / (alpha + age) - 1 / (alpha + recency)
        gradient = (
            psi(r + x) - psi(r) + np.log(alpha) - np.log(alpha + age) + left * silence,
            r / alpha - (r + x) / (alpha + age) + left * (r + x) * gap,
            lost + left / a,
            psi(b + x) - psi(b) + lost - left / last_coin,
        )
        return -value.mean(), -np.array([g.mean() for g in gradient]) * parameters

    rate = x.sum() / age.sum()
    start = np.log([0.3, 0.3 / rate, 0.8, 2.5])
    found = np.exp(
        minimize(objective, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-11, "gtol": 1e-6}).x
    )
    r, alpha, a, b = found
    alive = expit(-parts(found)[2])
    expected = alive * expected_purchases(r + x, horizon / (alpha + age), a, b + x)
    return {"seconds": time.perf_counter() - started, "expected_purchases": float(expected.sum())}


def run(customers: int = CUSTOMERS, seed: int = 1) -> dict[str, Any]:
    """Figures for weekly and daily data, and the peak memory of our part in MiB."""
    figures: dict[str, Any] = {"customers": customers}
    frequency, recency, age = simulate(np.random.default_rng(seed), customers)
    ids = pa.array(np.arange(customers)).cast(pa.string())
    summaries = {
        "week": CustomerSummary(ids, frequency, np.ceil(recency / 7), np.ceil(age / 7), None, "week"),
        "day": CustomerSummary(ids, frequency, recency, age, None, "day"),
    }
    horizons = {"week": HORIZON_DAYS / 7, "day": HORIZON_DAYS}
    for unit, summary in summaries.items():
        figures[unit] = ours(summary, horizons[unit])
    figures["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for unit, summary in summaries.items():
        figures[unit]["plain"] = plain(summary, horizons[unit])
        figures[unit]["times_faster"] = figures[unit]["plain"]["seconds"] / figures[unit]["seconds"]
    return figures


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
