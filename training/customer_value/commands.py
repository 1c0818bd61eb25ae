"""`huitou value`: lifetime value of customers, and the warning before they leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption, parse_day
from features.errors import DataError
from features.settings import Settings, load_settings

if TYPE_CHECKING:
    from training.customer_value.jobs import Observed

value_app = typer.Typer(help="Lifetime value of customers, and the warning before they leave.")

OrdersOption = Annotated[
    Path | None, typer.Option("--orders", help="Order log: customer_id, ordered_at, amount (Parquet or CSV).")
]
SummaryOption = Annotated[
    Path | None,
    typer.Option("--summary", help="Customers: customer_id, frequency, recency, T[, monetary_value]."),
]
ColumnsOption = Annotated[
    str | None, typer.Option("--columns", help="Other names of columns: customer_id=ID,frequency=x.")
]
UnitOption = Annotated[
    Literal["day", "week"], typer.Option("--time-unit", help="Of recency, T and the parameters.")
]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="Of the lake, only days before this date (default: all).")
]
PurchaseModelOption = Annotated[
    Literal["bg_nbd", "mbg_nbd", "pareto_nbd"] | None,
    typer.Option("--model", help="Of how often customers buy (default: the setting value.model)."),
]


@dataclass(frozen=True)
class Asked:
    """Which customers a command is about: an order log, a summary, or neither for the lake."""

    orders: Path | None
    summary: Path | None
    columns: str | None
    time_unit: Literal["day", "week"]

    @property
    def of_lake(self) -> bool:
        """Whether no file is named."""
        return self.orders is None and self.summary is None


@value_app.callback()
def _value() -> None:
    """Lifetime value of customers, and the warning before they leave."""


@value_app.command()
def fit(
    *,
    orders: OrdersOption = None,
    summary: SummaryOption = None,
    columns: ColumnsOption = None,
    time_unit: UnitOption = "day",
    model: Annotated[
        Literal["bg_nbd", "mbg_nbd", "pareto_nbd", "gamma_gamma"] | None,
        typer.Option("--model", help="Default: the setting value.model."),
    ] = None,
    calibration_end: Annotated[
        str | None,
        typer.Option("--calibration-end", help="Fit on days to this one, judge the model on those after it."),
    ] = None,
    as_of: AsOfOption = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", help="Save the fit as JSON, for `value predict --params`.")
    ] = None,
    chart: Annotated[
        Path | None, typer.Option("--chart", help="Draw the holdout's calibration (.svg or .png).")
    ] = None,
    track: Annotated[
        bool,
        typer.Option("--track", help="Record a fit of files in MLflow too; one of the lake always is."),
    ] = False,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit a purchase model or Gamma-Gamma by maximum likelihood, and judge it on later purchases."""
    from training.customer_value.calibration_chart import save_calibration_chart
    from training.customer_value.jobs import fit_value_model
    from training.customer_value.saved_fit import write_fit
    from training.customer_value.show import show_fit
    from training.customer_value.value_tracking import log_value_run

    settings, output = load_settings(config, workspace), Output(as_json)
    asked = Asked(orders, summary, columns, time_unit)
    name = model or settings.value.model
    end = None if calibration_end is None else parse_day(calibration_end)
    if chart is not None and (end is None or name == "gamma_gamma"):
        raise DataError("There is no calibration to draw.", "Give --calibration-end and a purchase model.")
    with output.step("read", "Reading the purchases"):
        observed = _observed(settings, asked, end, None if as_of is None else parse_day(as_of))
    with output.step("fit", f"Fitting {name}"):
        found = fit_value_model(observed, name)
    result = found.to_dict()
    if output_file is not None:
        write_fit(found.fit, time_unit, output_file)
    if chart is not None and found.holdout is not None:
        save_calibration_chart(found.holdout["by_frequency"], name, settings.shop.locale, chart)
    if track or asked.of_lake:
        with output.step("track", "Recording the fit in MLflow"):
            about = {"model": name, "time_unit": time_unit, "calibration_end": end, "as_of": as_of}
            log_value_run(settings, f"value fit {name}", result, about)
    output.result(result, lambda screen: show_fit(screen, result))


@value_app.command()
def predict(
    *,
    orders: OrdersOption = None,
    summary: SummaryOption = None,
    columns: ColumnsOption = None,
    time_unit: UnitOption = "day",
    params: Annotated[
        list[Path] | None,
        typer.Option("--params", help="A fit saved by `value fit --output`; repeat it for gamma_gamma."),
    ] = None,
    model: PurchaseModelOption = None,
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, max=3650, help="Horizon (default: the setting value.horizon_days)."),
    ] = None,
    as_of: AsOfOption = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", help="Where to write one row per customer (.parquet or .csv).")
    ] = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict every customer: P(alive), purchases, value, and the segment that follows."""
    from training.customer_value.jobs import predict_values
    from training.customer_value.show import prediction_to_dict, show_prediction
    from training.customer_value.values_table import values_path, write_table

    settings, output = load_settings(config, workspace), Output(as_json)
    if model is not None:
        value = settings.value.model_copy(update={"model": model})
        settings = settings.model_copy(update={"value": value})
    asked = Asked(orders, summary, columns, time_unit)
    day = None if as_of is None else parse_day(as_of)
    if asked.of_lake:
        day = day or _after_newest(settings)
    with output.step("read", "Reading the purchases"):
        observed = _observed(settings, asked, None, day)
    horizon = days or settings.value.horizon_days
    with output.step("predict", f"Predicting {len(observed.summary):,} customers"):
        prediction = predict_values(observed, settings, horizon, _saved_fits(params, time_unit))
    written = [output_file] if output_file is not None else []
    if day is not None:
        written.append(values_path(settings.lake, day))
    for path in written:
        write_table(prediction.table, path)
    result = prediction_to_dict(prediction, horizon, day, written)
    output.result(result, lambda screen: show_prediction(screen, result))


@value_app.command()
def churn(
    *,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Warn on the morning of this date (default: after the newest order)."),
    ] = None,
    days: Annotated[
        Literal[30, 60, 90] | None,
        typer.Option("--days", help="No purchase for so long is churn (default: value.churn_days)."),
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", help="Also write the warnings here (.parquet or .csv).")
    ] = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Warn of customers about to leave, with reasons; withheld where recency alone does as well."""
    from training.customer_value.churn_job import warn_of_churn
    from training.customer_value.show import show_churn
    from training.customer_value.value_tracking import log_value_run
    from training.customer_value.values_table import values_path, write_table

    settings, output = load_settings(config, workspace), Output(as_json)
    day = parse_day(as_of) if as_of is not None else _after_newest(settings)
    report = warn_of_churn(settings, day, days or settings.value.churn_days, output)
    written = []
    if report.warnings is not None:
        written = [values_path(settings.lake, day, "churn"), *([output_file] if output_file else [])]
        for path in written:
            write_table(report.warnings, path)
    result = {**report.to_dict(), "written": [str(path) for path in written]}
    with output.step("track", "Recording it in MLflow"):
        log_value_run(settings, f"churn as of {day}", result, {"as_of": day, "days": report.days})
    output.result(result, lambda screen: show_churn(screen, result))


def _observed(settings: Settings, asked: Asked, calibration_end: date | None, as_of: date | None) -> Observed:
    """The customers of an order log, of a summary or, without files, of the lake before a date."""
    from features.tables.duckdb_engine import open_lake
    from features.tables.lake import Lake
    from training.customer_value.jobs import Observed, observe_lake, observe_log
    from training.customer_value.sources import parse_columns, read_order_log, read_summary

    columns = parse_columns(asked.columns)
    if asked.orders is not None and asked.summary is not None:
        raise DataError("--orders and --summary both name customers.", "Give one of them.")
    if as_of is not None and not asked.of_lake:
        raise DataError("--as-of is for the lake.", "Give --calibration-end to cut an order log.")
    if asked.summary is not None:
        if calibration_end is not None:
            raise DataError("A summary has no days after a calibration.", "Give --orders instead.")
        return Observed(read_summary(asked.summary, columns, asked.time_unit))
    if asked.orders is not None:
        log = read_order_log(asked.orders, columns, settings.shop.timezone)
        return observe_log(log, asked.time_unit, calibration_end)
    with open_lake(Lake(settings.lake), threads=settings.training.threads) as engine:
        return observe_lake(engine, as_of or _after_newest(settings), asked.time_unit, calibration_end)


def _after_newest(settings: Settings) -> date:
    """The day after the newest order of the lake."""
    from features.tables.duckdb_engine import open_lake
    from features.tables.lake import Lake
    from training.purchases import newest_day

    with open_lake(Lake(settings.lake)) as engine:
        return newest_day(engine) + timedelta(days=1)


def _saved_fits(paths: list[Path] | None, time_unit: str) -> dict[str, Any]:
    """Model → saved fit; at most one model of purchases and one of their value, in this time unit."""
    from training.customer_value.registry import PURCHASE_MODELS
    from training.customer_value.saved_fit import read_fit

    fits: dict[str, Any] = {}
    for path in paths or []:
        saved = read_fit(path)
        if saved.time_unit != time_unit and saved.model in PURCHASE_MODELS:
            raise DataError(
                f"The fit {path} counts in {saved.time_unit}s, the customers in {time_unit}s.",
                "Give the --time-unit of the fit.",
            )
        fits[saved.model] = saved.fit()
    if len(fits) < len(paths or []) or len(set(fits) & set(PURCHASE_MODELS)) > 1:
        raise DataError("--params names two fits for one purpose.", "Give one of each.")
    return fits
