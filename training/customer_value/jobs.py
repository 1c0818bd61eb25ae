"""What `huitou value fit` and `huitou value predict` ask of training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from features.errors import DataError, NotReadyError
from features.settings import Settings
from features.tables.engine import Engine
from training.customer_value.gamma_gamma import GAMMA_GAMMA, expected_value, value_and_frequency_correlation
from training.customer_value.holdout import Prediction, purchases_report, values_report
from training.customer_value.lifetime import LifetimeValues, lifetime_values, value_segments
from training.customer_value.maximum_likelihood import Fit, fit
from training.customer_value.purchase_days import PurchaseDays, lake_purchase_days
from training.customer_value.registry import likelihood, purchase_model
from training.customer_value.summary import DAYS_OF_UNIT, CustomerSummary, Floats
from training.customer_value.values_table import VALUE_SCHEMA, values_table

# Beyond it, what a purchase is worth depends so much on how often they come that Gamma-Gamma misleads.
CORRELATION_MAX = 0.3


@dataclass(frozen=True)
class Later:
    """What the observed customers did after the calibration: `days` long, both float64[n]."""

    days: int
    purchases: Floats
    paid: Floats


@dataclass(frozen=True)
class Observed:
    """The customers a model is fitted on, and what came afterwards where the observation was cut.

    Attributes:
        summary: one row per customer.
        later: what they did in the holdout; None where there is none.
        rejected: reason → lines of the source that were left out.
    """

    summary: CustomerSummary
    later: Later | None = None
    rejected: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ValueFit:
    """A fit, the customers it rests on, and the holdout's judgement.

    Attributes:
        fit: the parameters and how well they were found.
        observed: the customers.
        holdout: see `holdout.purchases_report` and `values_report`; None where there is no holdout.
        notes: what a reader should know before trusting it.
    """

    fit: Fit
    observed: Observed
    holdout: dict[str, Any] | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `huitou value fit --json`."""
        result = {
            **self.fit.to_dict(),
            "time_unit": self.observed.summary.time_unit,
            "rejected": dict(self.observed.rejected),
            "notes": list(self.notes),
        }
        return result if self.holdout is None else {**result, "holdout": self.holdout}


def observe_log(days: PurchaseDays, time_unit: str, calibration_end: date | None) -> Observed:
    """An order log until its newest day, or until the end of a calibration with the rest as holdout.

    Raises:
        DataError: the calibration ends on or after the newest day.
    """
    newest = days.newest_day
    if calibration_end is None:
        return Observed(days.summary(newest, time_unit), rejected=days.rejected)
    return _cut(days, days, time_unit, calibration_end, newest)


def observe_lake(engine: Engine, as_of: date, time_unit: str, calibration_end: date | None) -> Observed:
    """The lake's purchases before a date, likewise; the calibration knows no return that came later.

    Raises:
        NotReadyError: the lake has no purchase before the date.
        DataError: the calibration ends on or after the last day before it.
    """
    days = lake_purchase_days(engine, as_of)
    last = as_of - timedelta(days=1)
    if calibration_end is None:
        return Observed(days.summary(last, time_unit))
    calibration = lake_purchase_days(engine, calibration_end + timedelta(days=1))
    return _cut(calibration, days, time_unit, calibration_end, last)


def _cut(before: PurchaseDays, after: PurchaseDays, time_unit: str, end: date, last: date) -> Observed:
    if end >= last:
        raise DataError(
            f"The calibration ends on {end}, but no purchase is known after {last}.",
            "Give an earlier --calibration-end.",
        )
    summary = before.summary(end, time_unit)
    purchases, paid = after.after(end, summary.customer_id)
    return Observed(summary, Later((last - end).days, purchases, paid), before.rejected)


def fit_value_model(observed: Observed, model: str) -> ValueFit:
    """Fit a model by its name and judge it on the holdout, if there is one.

    Raises:
        DataError: there is no such model, or the customers have no repeat purchase to learn from.
    """
    chosen = likelihood(model)
    notes: list[str] = []
    if chosen is GAMMA_GAMMA:
        rows = observed.summary.repeat_buyers()
        related = value_and_frequency_correlation(rows)
        if abs(related) > CORRELATION_MAX:
            notes.append(
                f"What a purchase is worth and how often they come correlate at {related:.2f}; "
                "Gamma-Gamma assumes that they do not."
            )
        if rows.customers < len(observed.summary):
            rest = len(observed.summary) - rows.customers
            notes.append(f"{rest:,} customers without a repeat purchase above 0 say nothing of its value.")
    else:
        rows, _ = observed.summary.compressed()
        if not rows.frequency.any():
            raise DataError("No customer has a repeat purchase to learn from.", "Give a longer observation.")
    found = fit(chosen, rows)
    notes += [f"{name} ran into the bound of its range: the data do not tell it." for name in found.at_bound]
    if not found.converged:
        notes.append("The fit did not converge; its predictions are not to be trusted blindly.")
    return ValueFit(found, observed, _holdout(found, observed), tuple(notes))


def _holdout(found: Fit, observed: Observed) -> dict[str, Any] | None:
    summary, later = observed.summary, observed.later
    if later is None:
        return None
    if found.model == GAMMA_GAMMA.name:
        assert summary.monetary_value is not None  # noqa: S101 — the model was fitted on it
        worth = expected_value(found.vector, summary.frequency, summary.monetary_value)
        return {"days": later.days, **values_report(summary, worth, later.purchases, later.paid)}
    rows, place = summary.compressed()
    model, time = purchase_model(found.model), later.days / DAYS_OF_UNIT[summary.time_unit]
    alive = model.p_alive(found.vector, rows)
    expected = alive * model.purchases_if_alive(found.vector, rows, time)
    prediction = Prediction(summary, time, expected[place], alive[place], later.purchases)
    return {"days": later.days, **purchases_report(prediction)}


@dataclass(frozen=True)
class ValuePrediction:
    """The values of all customers, and the fits behind them.

    Attributes:
        table: one row per customer, `values_table.VALUE_FIELDS`.
        values: the same as arrays.
        fits: of the purchase model and, where money is known, of Gamma-Gamma.
        notes: of both fits.
    """

    table: pa.Table
    values: LifetimeValues
    fits: tuple[Fit, ...]
    notes: tuple[str, ...]


def predict_values(
    observed: Observed, settings: Settings, days: float, fits: Mapping[str, Fit] | None = None
) -> ValuePrediction:
    """What every observed customer will be worth.

    Args:
        observed: the customers.
        settings: section value; `model` is fitted unless `fits` has a purchase model.
        days: the horizon.
        fits: model → fit made before, in the time unit of the customers.

    Raises:
        DataError: nobody has a repeat purchase to learn from.
    """
    given = dict(fits or {})
    value, notes = given.pop(GAMMA_GAMMA.name, None), []
    purchases = next(iter(given.values()), None)
    if purchases is None:
        fitted = fit_value_model(observed, settings.value.model)
        purchases, notes = fitted.fit, list(fitted.notes)
    if value is None and _money_is_known(observed.summary):
        fitted = fit_value_model(observed, GAMMA_GAMMA.name)
        value, notes = fitted.fit, [*notes, *fitted.notes]
    values = lifetime_values(observed.summary, purchases, value, days, settings.value.discount_yearly)
    segments = value_segments(values, observed.summary, days, settings.value.high_value_share)
    table = values_table(observed.summary, values, segments)
    return ValuePrediction(table, values, (purchases, *([value] if value else [])), tuple(notes))


def release_values(engine: Engine, as_of: date, settings: Settings) -> pa.Table:
    """The values that go into the profiles of a release; no row where nothing can be learned yet.

    Args:
        engine: with the lake's views.
        as_of: local days before it are read.
        settings: section value.

    Returns:
        `values_table.VALUE_FIELDS`.
    """
    try:
        observed = observe_lake(engine, as_of, "day", None)
        return predict_values(observed, settings, settings.value.horizon_days).table
    except (DataError, NotReadyError):  # nobody who may be learned from has come back: values are not known
        return VALUE_SCHEMA.empty_table()


def _money_is_known(summary: CustomerSummary) -> bool:
    value = summary.monetary_value
    return value is not None and bool(((summary.frequency > 0) & (value > 0)).any())
