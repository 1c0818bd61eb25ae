"""What customers did before, and who has had no time to return: CUPED's gain, the bias of the immature."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from experiments.analysis.analyze import analyze
from experiments.analysis.metrics.retention import BEFORE_DAYS
from experiments.design import parse_design
from tests.benchmarks.experiments.claims import Claim, Scale, at_most
from tests.benchmarks.experiments.fixed_rule import DAY_ZERO, NOW, VARIANTS

CONTROL_RETURNS, OFFER_RETURNS = 0.2, 0.2238
ENROLMENT_DAYS, WINDOW = 67, 30


def cuped_gain(scale: Scale, seed: int = 20_242) -> Iterator[Claim]:
    """The share of variance that CUPED takes out of matured orders, against ρ² where it is known exactly.

    A habit of gamma(1, θ) drives Poisson counts of orders before and after: their correlation is θ / (1 + θ).
    """
    orders = {"kind": "mean", "column": "orders", "days": WINDOW}
    design = parse_design(
        {
            "key": "cuped",
            "rule": "fixed",
            "variants": VARIANTS,
            "metrics": [{"key": "plain", **orders}, {"key": "adjusted", **orders, "covariate": "pre_orders"}],
        }
    )
    rng = np.random.default_rng(seed)
    for theta in (0.5, 1.5):
        gains = []
        for _ in range(scale.matured_batches):
            exposures, log = _habits(rng, theta, scale.matured_customers // 4)
            report = analyze(design, exposures, log, zone="UTC", now=NOW)
            plain, adjusted = (result.variants[0].estimate for result in report.metrics)
            assert plain is not None, "a simulated experiment has no answer"
            assert adjusted is not None, "a simulated experiment has no answer"
            gains.append(1 - (adjusted.standard_error / plain.standard_error) ** 2)
        rho_squared = (theta / (1 + theta)) ** 2
        error = 100 * np.std(gains, ddof=1) / len(gains) ** 0.5
        settings = (
            f"reduction {np.mean(gains):.4f} ± {error:.2f} points, matured orders, "
            f"{scale.matured_batches} × {scale.matured_customers // 4:,} customers, seed {seed}"
        )
        distance = 100 * abs(np.mean(gains) - rho_squared)
        yield at_most(f"CUPED's reduction from ρ² = {rho_squared:.3f}", distance, 0.5, "points", settings)


def _habits(rng: np.random.Generator, theta: float, customers: int) -> tuple[pa.Table, pa.Table]:
    """Everyone exposed on day 40 and matured by day 80, with orders at random seconds before and after."""
    habit = rng.gamma(1.0, theta, customers)
    times, ids = [], []
    for first, days in ((40 - BEFORE_DAYS, BEFORE_DAYS), (41, WINDOW)):
        buyers = np.repeat(np.arange(customers), rng.poisson(habit))
        ids.append(buyers)
        times.append(first * 86_400 + rng.integers(0, days * 86_400, len(buyers)))
    seconds = np.append(np.concatenate(times), 80 * 86_400)
    exposures = pa.table(
        {
            "customer_id": np.arange(customers),
            "variant": np.where(rng.random(customers) < 0.5, "offer", "control"),
            "exposed_at": pa.array(np.full(customers, DAY_ZERO + 40), pa.date32()),
        }
    )
    orders = pa.table(
        {
            "customer_id": np.append(np.concatenate(ids), -1),
            "ordered_at": pa.array(DAY_ZERO.astype("datetime64[s]") + seconds, pa.timestamp("s")),
            "amount": np.ones(len(seconds)),
        }
    )
    return exposures, orders


def matured_bias(scale: Scale, seed: int = 20_243) -> Iterator[Claim]:
    """The matured 30-day lift against the truth, and what counting everyone would have said.

    Customers enrol over 67 days and return, if they do, on one of the 30 days after; orders are known up to
    the last day of enrolment, so that 36 of 67 days have matured.
    """
    design = parse_design(
        {"key": "matured", "rule": "fixed", "variants": VARIANTS, "primary": "repeat_purchase_d30"}
    )
    rng = np.random.default_rng(seed)
    truth = OFFER_RETURNS - CONTROL_RETURNS
    matured, everyone = [], []
    for _ in range(scale.matured_batches):
        exposures, orders, naive = _enrolment(rng, scale.matured_customers)
        report = analyze(design, exposures, orders, zone="UTC", now=NOW)
        found = report.metrics[0].variants[0].estimate
        assert found is not None, "a simulated experiment has no answer"
        matured.append(found.lift_abs)
        everyone.append(naive)
    error = 100 * np.std(matured, ddof=1) / len(matured) ** 0.5
    bias, naive_bias = (100 * (np.mean(lifts) - truth) for lifts in (matured, everyone))
    settings = (
        f"true lift {100 * truth:+.2f} points, {scale.matured_batches} × {scale.matured_customers:,} "
        f"customers over {ENROLMENT_DAYS} days, seed {seed}"
    )
    yield at_most("Bias of matured D30 retention", abs(bias), 0.1, "points", f"{bias:+.3f}; {settings}")
    yield at_most("Monte-Carlo error of that bias", error, 0.03, "points", settings)
    yield Claim("Bias of counting everyone instead", naive_bias, -0.6, -0.4, "points", settings)


def _enrolment(rng: np.random.Generator, customers: int) -> tuple[pa.Table, pa.Table, float]:
    """Exposures, orders up to the last day of enrolment, and the lift if everyone counted."""
    offered = rng.random(customers) < 0.5
    exposed_on = rng.integers(0, ENROLMENT_DAYS, customers)
    returns = rng.random(customers) < np.where(offered, OFFER_RETURNS, CONTROL_RETURNS)
    ordered_on = exposed_on + rng.integers(1, WINDOW + 1, customers)
    newest = ENROLMENT_DAYS - 1
    seen = returns & (ordered_on <= newest)
    ids = np.arange(customers)
    exposures = pa.table(
        {
            "customer_id": ids,
            "variant": np.where(offered, "offer", "control"),
            "exposed_at": pa.array(DAY_ZERO + exposed_on, pa.date32()),
        }
    )
    orders = pa.table(
        {
            "customer_id": np.append(ids[seen], -1),
            "ordered_at": pa.array(DAY_ZERO + np.append(ordered_on[seen], newest), pa.date32()),
            "amount": np.ones(int(seen.sum()) + 1),
        }
    )
    return exposures, orders, float(seen[offered].mean() - seen[~offered].mean())
