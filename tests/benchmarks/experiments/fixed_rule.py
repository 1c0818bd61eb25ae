"""The fixed rule on simulated experiments of every kind of metric: false positives and coverage.

Fifty experiments are analysed at a time, as segments of one table, by the same `analyze` that the command
calls; only winsorising goes experiment by experiment, because its cap belongs to an experiment.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import exp, log

import numpy as np
import pyarrow as pa
from scipy.optimize import brentq

from experiments.analysis.aggregates import Aggregate
from experiments.analysis.analyze import analyze
from experiments.analysis.arms import Estimate
from experiments.analysis.estimates import estimate
from experiments.analysis.measure import MOST_SEGMENTS
from experiments.analysis.sequential import FixedRule
from experiments.design import Design, Metric, parse_design
from tests.benchmarks.experiments.claims import Claim, Scale, share_at_least, share_near

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
DAY_ZERO = np.datetime64("2024-01-01")
ALPHA = 0.05
VARIANTS = [{"key": "control", "weight": 0.5}, {"key": "offer", "weight": 0.5}]
# A habit of gamma(1) · 1.5 makes counts before and after exposure correlate by 1.5 / (1 + 1.5) = .6.
HABIT = 1.5
VISIT, RETURNS = 0.2, {"seldom": 0.15, "often": 0.45}
SPEND, CAP_AT = 20.0, 0.99
ENROLMENT_DAYS, NEWEST_DAY = 60, 75


@dataclass
class Tally:
    """Of the experiments of one kind of metric: how many, how often zero and the truth lay outside."""

    truth: float
    runs: int = 0
    zero_outside: int = 0
    truth_inside: int = 0

    def count(self, found: Estimate | None) -> None:
        """Add one experiment; one without an answer is a bug of the benchmark."""
        assert found is not None, "a simulated experiment has no answer"
        self.runs += 1
        self.zero_outside += found.p_value <= ALPHA
        self.truth_inside += found.ci_abs[0] <= self.truth <= found.ci_abs[1]


@dataclass(frozen=True)
class Wide:
    """One row a customer: a proportion, a mean, a ratio, and a mean adjusted by CUPED."""

    effect: float
    design: Design = field(
        default_factory=lambda: parse_design(
            {
                "key": "simulated",
                "rule": "fixed",
                "alpha": ALPHA,
                "variants": VARIANTS,
                "metrics": [
                    {"key": "mean", "kind": "mean", "column": "orders"},
                    {"key": "proportion", "kind": "proportion", "column": "visit"},
                    {"key": "ratio", "kind": "ratio", "column": "orders", "denominator": "sessions"},
                    {"key": "CUPED", "kind": "mean", "column": "orders", "covariate": "orders_before"},
                ],
            }
        )
    )

    def truths(self) -> dict[str, float]:
        """The true lift of each metric: orders grow by the effect, visits by a tenth of it."""
        return {
            "mean": HABIT * self.effect,
            "proportion": self.effect / 10,
            "ratio": HABIT * self.effect / (1 + HABIT),
            "CUPED": HABIT * self.effect,
        }

    def tables(self, rng: np.random.Generator, runs: int, customers: int) -> tuple[pa.Table, pa.Table]:
        """Exposures and outcomes of some experiments."""
        n = runs * customers
        offered = rng.random(n) < 0.5
        habit = rng.gamma(1.0, HABIT, n)
        orders = rng.poisson(habit * np.where(offered, 1 + self.effect, 1.0))
        ids = np.arange(n)
        outcomes = pa.table(
            {
                "customer_id": ids,
                "orders": orders,
                "orders_before": rng.poisson(habit),
                "sessions": 1 + rng.poisson(habit),
                "visit": (rng.random(n) < np.where(offered, VISIT + self.effect / 10, VISIT)).astype(int),
            }
        )
        return _exposures(ids, offered, runs, customers), outcomes


@dataclass(frozen=True)
class OrderLog:
    """Matured 30-day repeat purchase from orders, plain and adjusted by what was bought before."""

    effect: float
    design: Design = field(
        default_factory=lambda: parse_design(
            {
                "key": "simulated",
                "rule": "fixed",
                "alpha": ALPHA,
                "variants": VARIANTS,
                "metrics": [
                    {"key": "matured retention", "kind": "retention", "days": 30},
                    {
                        "key": "matured retention with CUPED",
                        "kind": "retention",
                        "days": 30,
                        "covariate": "pre_orders",
                    },
                ],
            }
        )
    )

    def truths(self) -> dict[str, float]:
        """The offer brings the effect's tenth more customers back, whatever their habit."""
        return dict.fromkeys((metric.key for metric in self.design.metrics), self.effect / 10)

    def tables(self, rng: np.random.Generator, runs: int, customers: int) -> tuple[pa.Table, pa.Table]:
        """Exposures over 60 days and orders up to day 75: three in four customers are matured."""
        n = runs * customers
        offered, often = rng.random(n) < 0.5, rng.random(n) < 0.5
        exposed_on = rng.integers(0, ENROLMENT_DAYS, n)
        chance = np.where(often, RETURNS["often"], RETURNS["seldom"]) + self.effect / 10 * offered
        after = np.where(rng.random(n) < chance, exposed_on + rng.integers(1, 31, n), NEWEST_DAY + 1)
        before = rng.random((2, n)) < np.where(often, 0.6, 0.2)
        ids = np.arange(n)
        days = np.concatenate([after, *(exposed_on - rng.integers(1, 29, n) for _ in before), [NEWEST_DAY]])
        buyers = np.concatenate([ids, ids, ids, [-1]])
        kept = np.concatenate([after <= NEWEST_DAY, *before, [True]])
        orders = pa.table(
            {
                "customer_id": buyers[kept],
                "ordered_at": pa.array(DAY_ZERO + days[kept], pa.date32()),
                "amount": np.ones(int(kept.sum())),
            }
        )
        stamps = pa.array(DAY_ZERO + exposed_on, pa.date32())
        return _exposures(ids, offered, runs, customers).append_column("exposed_at", stamps), orders


def _exposures(ids: np.ndarray, offered: np.ndarray, runs: int, customers: int) -> pa.Table:
    return pa.table(
        {
            "customer_id": ids,
            "variant": np.where(offered, "offer", "control"),
            "run": np.repeat(np.arange(runs), customers),
        }
    )


def tallies(population: Wide | OrderLog, runs: int, customers: int, seed: int) -> dict[str, Tally]:
    """Analyse this many experiments and count."""
    rng = np.random.default_rng(seed)
    counted = {key: Tally(truth) for key, truth in population.truths().items()}
    for start in range(0, runs, MOST_SEGMENTS):
        batch = min(MOST_SEGMENTS, runs - start)
        exposures, outcomes = population.tables(rng, batch, customers)
        report = analyze(population.design, exposures, outcomes, by="run", zone="UTC", now=NOW)
        for segment in report.segments:
            for result in segment.metrics:
                counted[result.metric.key].count(result.variants[0].estimate)
    return counted


def winsorised_tally(effect: float, runs: int, customers: int, seed: int) -> dict[str, Tally]:
    """Exponential spend, capped at the 99th percentile of both variants of its own experiment."""
    rng = np.random.default_rng(seed)
    metric = Metric(key="winsorised mean", kind="mean", winsorise_at=CAP_AT)
    tally = Tally(_capped_lift(SPEND, SPEND * (1 + effect)))
    for _ in range(runs):
        offered = rng.random(customers) < 0.5
        spend = rng.exponential(np.where(offered, SPEND * (1 + effect), SPEND))
        capped = np.minimum(spend, np.quantile(spend, CAP_AT))
        arms = Aggregate.of(value=capped[~offered]), Aggregate.of(value=capped[offered])
        tally.count(estimate(metric, *arms, FixedRule(ALPHA)))
    return {metric.key: tally}


def _capped_lift(control: float, treatment: float) -> float:
    """An exponential of mean θ capped at c has mean θ (1 − exp(−c/θ)); c is the quantile of the mixture."""

    def beyond(cap: float) -> float:
        return (exp(-cap / control) + exp(-cap / treatment)) / 2 - (1 - CAP_AT)

    cap = brentq(beyond, 0, -2 * treatment * log(1 - CAP_AT), xtol=1e-12)
    return treatment * (1 - exp(-cap / treatment)) - control * (1 - exp(-cap / control))


def fixed_rule(scale: Scale, seed: int = 20_240) -> Iterator[Claim]:
    """False positives without effect, and coverage with one, of every kind of metric."""
    runs, customers = scale.runs, scale.customers
    settings = f"{runs:,} runs of {customers:,} customers, α {ALPHA:g}, seed {seed}"
    for effect in (0.0, 0.1):
        counted = {
            **tallies(Wide(effect), runs, customers, seed),
            **tallies(OrderLog(effect), runs, customers, seed),
            **winsorised_tally(effect, runs, customers, seed),
        }
        for key, tally in counted.items():
            if effect == 0:
                name = f"A/A false positives, fixed rule, {key}"
                yield share_near(name, tally.zero_outside, runs, ALPHA, settings)
            else:
                name = f"Coverage of the true lift {tally.truth:.4g}, fixed rule, {key}"
                yield share_at_least(name, tally.truth_inside, runs, 1 - ALPHA, settings)
