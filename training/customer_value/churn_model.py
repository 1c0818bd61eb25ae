"""A logistic regression that says how likely a customer is to stay away, calibrated on dates it never saw.

Every feature enters as sign(v) ln(1 + |v|), a missing one as the median with an indicator beside it; silence
also enters squared, because its effect bends. The calibration (Platt 1999) is one slope and one intercept,
learned on the newest labelled date from a regression on earlier ones. A fitted model is a handful of numbers
per feature.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from training.customer_value.churn_features import SILENCE, ChurnRows
from training.customer_value.summary import Floats

BENT = (SILENCE, "silence_in_gaps")
REGULARISATION = 0.1
RARE = 0.005


@dataclass(frozen=True)
class Column:
    """One column of the regression.

    Attributes:
        feature: the feature it is made of.
        form: value, square or missing.
        fill: ln-scaled value where the feature is not known.
        center, scale: of the column over the customers it was learned from.
        coefficient: log-odds of staying away by one `scale`.
    """

    feature: str
    form: str
    fill: float
    center: float
    scale: float
    coefficient: float

    def of(self, features: Mapping[str, Floats], customers: int) -> Floats:
        """float64[customers], standardised; a feature that the date does not have counts as not known."""
        values = features.get(self.feature, np.full(customers, np.nan))
        return (_formed(values, self.form, self.fill) - self.center) / self.scale


@dataclass(frozen=True)
class ChurnModel:
    """Columns, intercept, and the calibration's slope and intercept on the log-odds."""

    columns: tuple[Column, ...]
    intercept: float
    slope: float = 1.0
    shift: float = 0.0

    def probability(self, rows: ChurnRows) -> Floats:
        """float64[n]: calibrated probability of no purchase in the horizon."""
        risk: Floats = expit(self.shift + self.slope * self.log_odds(rows))
        return risk

    def log_odds(self, rows: ChurnRows) -> Floats:
        """float64[n], before calibration."""
        odds = np.full(len(rows), self.intercept)
        for _, part in self.contributions(rows):
            odds += part
        return odds

    def contributions(self, rows: ChurnRows) -> list[tuple[str, Floats]]:
        """Feature → what it adds to each customer's log-odds, 0 for the average customer."""
        parts: dict[str, Floats] = {}
        for column in self.columns:
            added = column.coefficient * column.of(rows.features, len(rows))
            parts[column.feature] = parts.get(column.feature, np.zeros(len(rows))) + added
        return list(parts.items())

    def to_dict(self) -> dict[str, Any]:
        """Everything that is needed to use it again."""
        return {
            "intercept": self.intercept,
            "calibration": {"slope": self.slope, "shift": self.shift},
            "columns": [vars(column) for column in self.columns],
        }


def train(origins: Sequence[ChurnRows], horizon_days: int, only: Sequence[str] | None = None) -> ChurnModel:
    """Learn from labelled dates.

    Args:
        origins: newest first; all labelled.
        horizon_days: how long a label looks ahead; a date calibrates what was learned on dates whose labels
            were complete by then.
        only: names of the features to use; None uses all.
    """
    model = _regress(origins, only)
    newest = origins[0]
    complete = [rows for rows in origins if rows.as_of + timedelta(days=horizon_days) <= newest.as_of]
    if not complete or not _both(complete) or not _both([newest]):
        return model
    slope, shift = _calibration(_regress(complete, only).log_odds(newest), _labels([newest]))
    return ChurnModel(model.columns, model.intercept, slope, shift)


def _regress(origins: Sequence[ChurnRows], only: Sequence[str] | None) -> ChurnModel:
    from sklearn.linear_model import LogisticRegression

    features = _stacked(origins, only)
    columns = [column for name, values in features.items() for column in _columns(name, values)]
    customers = sum(map(len, origins))
    matrix = np.stack([column.of(features, customers) for column in columns], axis=1)
    fitted = LogisticRegression(C=REGULARISATION, max_iter=2000).fit(matrix, _labels(origins))
    learned = tuple(
        Column(c.feature, c.form, c.fill, c.center, c.scale, float(coefficient))
        for c, coefficient in zip(columns, fitted.coef_[0], strict=True)
    )
    return ChurnModel(learned, float(fitted.intercept_[0]))


def _columns(name: str, values: Floats) -> list[Column]:
    """The columns a feature is worth: none where it is the same for everyone."""
    known = np.isfinite(values)
    if not known.any():
        return []
    fill = float(np.median(_scaled(values[known])))
    forms = ["value", *(["square"] if name in BENT else [])]
    if RARE < np.mean(known) < 1 - RARE:
        forms.append("missing")
    columns = []
    for form in forms:
        formed = _formed(values, form, fill)
        center, scale = float(formed.mean()), float(formed.std())
        if scale > 1e-9:
            columns.append(Column(name, form, fill, center, scale, 0.0))
    return columns


def _calibration(log_odds: Floats, happened: NDArray[np.bool_]) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e6, max_iter=2000).fit(log_odds[:, None], happened)
    slope = float(fitted.coef_[0, 0])
    # A slope that turns the order around is noise of a small sample, not calibration.
    return (slope, float(fitted.intercept_[0])) if slope > 0 else (1.0, 0.0)


def _stacked(origins: Sequence[ChurnRows], only: Sequence[str] | None) -> dict[str, Floats]:
    names = dict.fromkeys(name for rows in origins for name in rows.features)
    chosen = list(names) if only is None else [name for name in names if name in only]
    return {
        name: np.concatenate([rows.features.get(name, np.full(len(rows), np.nan)) for rows in origins])
        for name in chosen
    }


def _labels(origins: Sequence[ChurnRows]) -> NDArray[np.bool_]:
    return np.concatenate([rows.stayed_away for rows in origins if rows.stayed_away is not None])


def _both(origins: Sequence[ChurnRows]) -> bool:
    labels = _labels(origins)
    return bool(labels.any() and not labels.all())


def _formed(values: Floats, form: str, fill: float) -> Floats:
    known = np.isfinite(values)
    if form == "missing":
        return (~known).astype(np.float64)
    scaled = np.where(known, _scaled(np.where(known, values, 0.0)), fill)
    return scaled**2 if form == "square" else scaled


def _scaled(values: Floats) -> Floats:
    scaled: Floats = np.sign(values) * np.log1p(np.abs(values))
    return scaled
