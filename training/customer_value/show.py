"""Results of `huitou value` for a person, and the JSON of a prediction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from training.customer_value.jobs import ValuePrediction
from training.customer_value.lifetime import VALUE_SEGMENT_NAMES, VALUE_SEGMENTS
from training.customer_value.summary import Floats


def show_fit(screen: Console, result: Mapping[str, Any]) -> None:
    """Parameters with standard errors, the diagnosis, and the holdout beside its baselines."""
    table = Table(result["model"], "Estimate", "Standard error")
    for name, value in result["params"].items():
        table.add_row(name, f"{value:.6g}", _number(result["standard_errors"][name]))
    screen.print(table)
    screen.print(
        f"Log-likelihood {result['log_likelihood']:.4f} of {result['customers']:,} customers, "
        f"time in {result['time_unit']}s, {result['seconds']:.2f} s"
    )
    screen.print("Converged" if result["converged"] else "Did NOT converge")
    for note in result["notes"]:
        screen.print(note, markup=False)
    for reason, lines in result["rejected"].items():
        screen.print(f"Left out, {reason}: {lines:,} lines", markup=False)
    if "holdout" in result:
        _show_holdout(screen, result["holdout"], result["model"])


def _show_holdout(screen: Console, holdout: Mapping[str, Any], model: str) -> None:
    title = f"{holdout['days']} days after the calibration, {holdout['customers']:,} customers"
    table = Table(title, "Actual", "Predicted", "Correlation", "MAE", "AUC")
    for name, row in ((model, holdout), *holdout["baseline"].items()):
        figures = [_number(row.get(key)) for key in ("predicted", "correlation", "mae", "auc")]
        table.add_row(name, _number(holdout["actual"]), *figures)
    if "p_alive_auc" in holdout:
        table.add_row("P(alive)", "", "", "", "", _number(holdout["p_alive_auc"]))
    screen.print(table)
    if "by_frequency" in holdout:
        table = Table("Repeat purchases before", "Customers", "Actual", model, "At the past rate")
        for row in holdout["by_frequency"]:
            means = [f"{row[key]:.3f}" for key in ("actual", "predicted", "frequency_rate")]
            table.add_row(row["frequency"], f"{row['customers']:,}", *means)
        screen.print(table)


def prediction_to_dict(
    prediction: ValuePrediction, days: int, as_of: date | None, written: Sequence[Path]
) -> dict[str, Any]:
    """The JSON object of `huitou value predict --json`: totals and means over customers."""
    values = prediction.values
    segments = Counter(prediction.table["value_segment"].to_pylist())
    return {
        "as_of": None if as_of is None else as_of.isoformat(),
        "days": days,
        "customers": prediction.table.num_rows,
        "fits": [fit.to_dict() for fit in prediction.fits],
        "expected_purchases": float(values.expected_purchases.sum()),
        "lifetime_value": _total(values.lifetime_value),
        "means": {
            "p_alive": float(values.p_alive.mean()),
            "purchases_if_alive": float(values.purchases_if_alive.mean()),
            "expected_value": _mean(values.expected_value),
            "discount_factor": float(values.discount_factor.mean()),
            "lifetime_value": _mean(values.lifetime_value),
        },
        "segments": {name: segments[name] for name in VALUE_SEGMENTS if segments[name]},
        "notes": list(prediction.notes),
        "written": [str(path) for path in written],
    }


def show_prediction(screen: Console, result: Mapping[str, Any]) -> None:
    """Totals, the parts of lifetime value, and the segments in both languages."""
    screen.print(
        f"{result['customers']:,} customers, {result['days']} days: {result['expected_purchases']:,.0f} "
        f"purchases, lifetime value {_number(result['lifetime_value'])}"
    )
    table = Table("Mean of a customer", "")
    for name, value in result["means"].items():
        table.add_row(name, _number(value))
    screen.print(table)
    table = Table("Value segment", "", "Customers")
    for name, count in result["segments"].items():
        table.add_row(name, VALUE_SEGMENT_NAMES[name]["zh"], f"{count:,}")
    screen.print(table)
    for note in (*result["notes"], *(f"Written: {path}" for path in result["written"])):
        screen.print(note, markup=False)


def show_churn(screen: Console, result: Mapping[str, Any]) -> None:
    """The warning beside recency alone, its calibration, and why it is withheld if it is."""
    screen.print(
        f"No purchase for {result['days']} days after the date: judged on {result['judged']:,} customers, "
        f"{result['churned']:,} of whom left"
    )
    if result["model"] is not None:
        table = Table("", "AUC", "Brier", "Lift of the riskiest tenth", "Days of warning")
        for name, row in (("warning", result["model"]), ("recency alone", result["baseline"])):
            keys = ("auc", "brier", "top_decile_lift", "lead_days")
            table.add_row(name, *(_number(row[key]) for key in keys))
        screen.print(table)
        low, high = result["difference"]["ci"]
        screen.print(f"Difference in AUC {result['difference']['auc']:+.4f}, 95 % [{low:+.4f}, {high:+.4f}]",
                     markup=False)  # fmt: skip
        table = Table("Predicted", "Left", "Customers", title="Calibration", title_justify="left")
        for row in result["calibration"]:
            table.add_row(f"{row['predicted']:.3f}", f"{row['actual']:.3f}", f"{row['customers']:,}")
        screen.print(table)
    if result["withheld"] is not None:
        screen.print(f"No warning is given: {result['withheld']}", markup=False)
    for path in result["written"]:
        screen.print(f"Written: {path}", markup=False)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _total(values: Floats) -> float | None:
    return float(np.nansum(values)) if np.isfinite(values).any() else None


def _mean(values: Floats) -> float | None:
    return float(np.nanmean(values)) if np.isfinite(values).any() else None
