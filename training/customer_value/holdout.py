"""Was the model right? What customers did after the calibration, beside two baselines that need no model.

- frequency rate: everybody goes on buying at the rate x / T of the past.
- recency: whoever bought last buys again first. It gives an order of customers, no number of purchases.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from training.customer_value.ranking_scores import auc, correlation
from training.customer_value.summary import CustomerSummary, Floats

MOST_REPEATS_SHOWN = 7


@dataclass(frozen=True)
class Prediction:
    """What a model says of the holdout, and what happened in it.

    Attributes:
        summary: the customers at the end of the calibration.
        time: length of the holdout, in the summary's unit.
        predicted: float64[n], expected purchases.
        p_alive: float64[n].
        actual: float64[n], purchase days.
    """

    summary: CustomerSummary
    time: float
    predicted: Floats
    p_alive: Floats
    actual: Floats

    @property
    def at_past_rate(self) -> Floats:
        """float64[n]: purchases if everybody went on as before."""
        age = self.summary.T
        rate = np.zeros(len(age))
        np.divide(self.summary.frequency, age, out=rate, where=age > 0)
        return rate * self.time


def purchases_report(prediction: Prediction) -> dict[str, Any]:
    """Totals, correlation and error per customer, ranking, and the table by frequency."""
    actual, returned = prediction.actual, prediction.actual > 0
    summary = prediction.summary
    return {
        **_errors(prediction.predicted, actual),
        "customers": len(actual),
        "auc": auc(prediction.predicted, returned),
        "p_alive_auc": auc(prediction.p_alive, returned),
        "baseline": {
            "frequency_rate": _errors(prediction.at_past_rate, actual)
            | {"auc": auc(prediction.at_past_rate, returned)},
            "recency": {"auc": auc(summary.recency - summary.T, returned)},
        },
        "by_frequency": by_frequency(prediction),
    }


def by_frequency(prediction: Prediction) -> list[dict[str, Any]]:
    """Mean purchases in the holdout by purchases before it: what happened, the model, the past rate."""
    group = np.minimum(prediction.summary.frequency, MOST_REPEATS_SHOWN).astype(np.intp)
    customers = np.bincount(group)
    columns = {
        "actual": prediction.actual,
        "predicted": prediction.predicted,
        "frequency_rate": prediction.at_past_rate,
    }
    means = {name: np.bincount(group, values) / np.maximum(customers, 1) for name, values in columns.items()}
    return [
        {
            "frequency": f"{level}+" if level == MOST_REPEATS_SHOWN else str(level),
            "customers": int(customers[level]),
            **{name: float(values[level]) for name, values in means.items()},
        }
        for level in np.flatnonzero(customers)
    ]


def values_report(
    summary: CustomerSummary, predicted: Floats, purchases: Floats, paid: Floats
) -> dict[str, Any]:
    """The value of a purchase in the holdout, of the customers who bought in it, against their own past mean.

    Args:
        summary: the customers at the end of the calibration.
        predicted: float64[n], expected value of a purchase.
        purchases, paid: float64[n], what they did afterwards.
    """
    came = (purchases > 0) & np.isfinite(predicted)
    actual, past = paid[came] / purchases[came], summary.monetary_value
    assert past is not None  # noqa: S101 — the model was fitted on it
    mean_of_all = float(np.mean(predicted[summary.frequency == 0])) if (summary.frequency == 0).any() else 0.0
    own = np.where(summary.frequency > 0, np.nan_to_num(past), mean_of_all)[came]
    report = _errors(predicted[came], actual, mean=True)
    return {
        **report,
        "customers": int(came.sum()),
        "baseline": {"past_mean": _errors(own, actual, mean=True)},
    }


def _errors(predicted: Floats, actual: Floats, mean: bool = False) -> dict[str, Any]:
    """Totals (or means), correlation and mean absolute error of a customer."""
    total = np.mean if mean else np.sum
    known = len(actual) > 0
    return {
        "actual": float(total(actual)) if known else None,
        "predicted": float(total(predicted)) if known else None,
        "correlation": correlation(predicted, actual),
        "mae": float(np.abs(predicted - actual).mean()) if known else None,
    }
