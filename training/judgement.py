"""What the judge found: values of each customer, their means, bootstrap intervals and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import DataError
from training.ranking_metrics import METRICS, metric_names

Values = NDArray[np.float64]
LEVEL = 0.95


@dataclass(frozen=True)
class TaskValues:
    """The metrics of every model on one task of one window.

    Attributes:
        customers: ids of the customers with at least one target, length m.
        models: name → float64[m, 3], columns in the order of METRICS.
    """

    customers: tuple[str, ...]
    models: Mapping[str, Values]


Judgement = Mapping[str, TaskValues]  # task → values


@dataclass(frozen=True)
class Bootstrap:
    """Percentile intervals by resampling customers (Efron & Tibshirani 1993).

    A customer judged in several windows is drawn with all of them, because their values belong together.

    Attributes:
        samples: resamples behind each interval.
        seed: of the resampling; all models are seen on the same resamples, which is what pairs them.
    """

    samples: int
    seed: int

    def means(self, sums: Values, counts: Values) -> Values:
        """float64[samples, columns]: the mean of each column in each resample.

        Args:
            sums: float64[customers, columns], each customer's values summed over windows.
            counts: float64[customers], how many values each sum has.
        """
        customers = len(counts)
        drawn = np.random.default_rng(self.seed).multinomial(
            customers, np.full(customers, 1 / customers), size=self.samples
        )
        means: Values = (drawn @ sums) / (drawn @ counts)[:, None]
        return means


def interval(draws: Values) -> Values:
    """float64[2, …]: the percentile interval over the first axis."""
    tail = (1 - LEVEL) / 2
    bounds: Values = np.quantile(draws, [tail, 1 - tail], axis=0)
    return bounds


def leaderboard(
    judgements: Sequence[Judgement], task: str, against: str, bootstrap: Bootstrap, k: int
) -> list[dict[str, Any]]:
    """One row per model, best NDCG first; empty when no window has a customer with a target of the task.

    Args:
        judgements: one or more windows; values are averaged over all their customers.
        task: all, repeat or discover.
        against: the model that the paired differences are taken from.
        bootstrap: how intervals are made.
        k: length of the judged lists, for the names of the metrics.

    Returns:
        `{"model", "customers", "recall@20", …, "ci": {metric: [low, high]}, "paired": {"against", metric:
        [difference, low, high]}}`.

    Raises:
        DataError: `against` was not judged.
    """
    names, sums, counts = _per_customer(judgements, task)
    if not names or not len(counts):
        return []
    if against not in names:
        raise DataError(f"{against} was not judged.", f"Judged: {', '.join(names)}.")
    draws = bootstrap.means(sums.reshape(len(counts), -1), counts).reshape(-1, len(names), len(METRICS))
    mean = sums.sum(axis=0) / counts.sum()
    base = names.index(against)
    bounds, paired = interval(draws), interval(draws - draws[:, [base]])
    rows = []
    for i, name in enumerate(names):
        row: dict[str, Any] = {"model": name, "customers": len(counts)}
        row.update({metric: _round(mean[i, m]) for m, metric in enumerate(metric_names(k))})
        row["ci"] = {metric: _round(bounds[:, i, m]) for m, metric in enumerate(metric_names(k))}
        row["paired"] = {"against": against} | {
            metric: _round([mean[i, m] - mean[base, m], *paired[:, i, m]])
            for m, metric in enumerate(metric_names(k))
        }
        rows.append(row)
    return sorted(rows, key=lambda row: (-row[f"ndcg@{k}"], row["model"]))


def _per_customer(judgements: Sequence[Judgement], task: str) -> tuple[list[str], Values, Values]:
    """Model names, float64[customers, models, metrics] of sums, float64[customers] of counts."""
    windows = [judgement[task] for judgement in judgements if judgement[task].customers]
    if not windows:
        return [], np.empty((0, 0, 0)), np.empty(0)
    # A model that ran in some windows only (the budget ended) cannot be compared over all of them.
    names = [name for name in windows[0].models if all(name in window.models for window in windows)]
    ids = sorted({customer for window in windows for customer in window.customers})
    row_of = {customer: row for row, customer in enumerate(ids)}
    sums, counts = np.zeros((len(ids), len(names), len(METRICS))), np.zeros(len(ids))
    for window in windows:
        rows = np.array([row_of[customer] for customer in window.customers])
        sums[rows] += np.stack([window.models[name] for name in names], axis=1)
        counts[rows] += 1
    return names, sums, counts


def _round(value: Any) -> Any:
    return np.round(value, 6).tolist()
