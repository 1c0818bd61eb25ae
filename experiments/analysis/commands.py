"""`huitou experiment analyze` and `report`: judge an experiment, from files or from what the shop has."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption
from features.errors import DataError, NotReadyError
from features.settings import Settings, load_settings

if TYPE_CHECKING:
    from experiments.analysis.report import Report
    from features.database.store import Database


def analyze(
    key: Annotated[
        str | None, typer.Argument(help="An experiment of the database; leave it out to analyse files.")
    ] = None,
    *,
    design: Annotated[Path | None, typer.Option(help="Design file (TOML).")] = None,
    exposures: Annotated[
        Path | None, typer.Option(help="customer_id, variant[, exposed_at] (Parquet or CSV).")
    ] = None,
    outcomes: Annotated[
        Path | None,
        typer.Option(
            help="customer_id and metric columns, or an order log: customer_id, ordered_at, amount."
        ),
    ] = None,
    customers: Annotated[
        Path | None, typer.Option(help="customer_id and what was known before exposure.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="Cut every metric by a column of customers or exposures; of the database: tier, segment, "
            "lifecycle, placement or release_id."
        ),
    ] = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge an experiment from files, or from database and lake: lifts with intervals, verdict."""
    settings = load_settings(config, workspace)
    output = Output(as_json)
    files = {"--design": design, "--exposures": exposures, "--outcomes": outcomes}
    if key is None and design and exposures and outcomes:
        report = _from_files(output, settings, design, exposures, outcomes, customers=customers, by=by)
    elif key is not None and not any((*files.values(), customers)):
        report = _from_database(output, settings, key, by)
    else:
        missing = [name for name, path in files.items() if path is None]
        wrong = "it names both an experiment and files" if key else f"{', '.join(missing)} is missing"
        raise DataError(
            f"analyze needs either the key of an experiment or files, and {wrong}.",
            "Run `huitou experiment analyze KEY`, or give --design, --exposures and --outcomes.",
        )
    output.result(report.to_dict(), lambda screen: _show(screen, report, settings))


def report(
    keys: Annotated[
        list[str] | None, typer.Argument(help="Experiments to report.", metavar="[KEY]...")
    ] = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Every experiment that has been started, and the program holdout.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option(help="Also write every lift of the reports to this CSV file.")
    ] = None,
    mlflow: Annotated[
        bool | None,
        typer.Option("--mlflow/--no-mlflow", help="Log each report as a run (default: mlflow.log_reports)."),
    ] = None,
    actor: Annotated[str, typer.Option(help="Who asks, for the audit log.")] = "cli",
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Analyse experiments and store their reports with charts, which the console and the API then show."""
    from experiments.analysis.tracking import log_report
    from features.database.store import open_database

    settings = load_settings(config, workspace)
    output = Output(as_json)
    now = datetime.now(UTC)
    with open_database(settings.database_url) as database:
        wanted = _wanted(settings, database, keys or [], every)
        reports, failed = _keep_each(output, settings, database, wanted, now=now, actor=actor, go_on=every)
    if csv is not None:
        _write_csv([found for found, _ in reports], csv)
    output.result(
        {"reports": [{name: part for name, part in body.items() if name != "charts"} for _, body in reports]},
        lambda screen: _show_all(screen, [found for found, _ in reports], settings),
    )
    if settings.mlflow.log_reports if mlflow is None else mlflow:
        for found, body in reports:
            with output.step("mlflow", f"Logging {found.design.key} in MLflow"):
                log_report(settings, found, body["charts"])
    if failed:
        raise DataError(
            f"{len(failed)} of {len(wanted)} experiments could not be reported: {', '.join(failed)}.",
            "The lines above say why.",
        )


def _from_files(
    output: Output,
    settings: Settings,
    design: Path,
    exposures: Path,
    outcomes: Path,
    *,
    customers: Path | None,
    by: str | None,
) -> "Report":
    from experiments.analysis.analyze import analyze as judge
    from experiments.design import load_design

    plan = load_design(design)
    zone = settings.shop.timezone
    with output.step("analyze", f"Analysing {plan.key}"):
        return judge(plan, exposures, outcomes, customers, by, zone=zone, now=datetime.now(UTC))


def _from_database(output: Output, settings: Settings, key: str, by: str | None) -> "Report":
    from experiments.analysis.live import analyze_experiment
    from features.database.store import open_database

    cuts = ("tier", "segment") if by is None else (by,)
    with open_database(settings.database_url) as database, output.step("analyze", f"Analysing {key}"):
        return analyze_experiment(settings, database, key, cuts, now=datetime.now(UTC))


def _wanted(settings: Settings, database: "Database", keys: list[str], every: bool) -> list[str]:
    from experiments.running import HOLDOUT_KEY, holdout_design

    if bool(keys) == every:
        raise DataError("report needs the keys of experiments or --all.", "See `huitou experiment list`.")
    if keys:
        return keys
    started = [record.key for record in database.experiments.list() if record.state != "draft"]
    return started if holdout_design(settings.experiments) is None else [*started, HOLDOUT_KEY]


def _keep_each(
    output: Output,
    settings: Settings,
    database: "Database",
    keys: list[str],
    *,
    now: datetime,
    actor: str,
    go_on: bool,
) -> "tuple[list[tuple[Report, dict[str, Any]]], list[str]]":
    """Store a report of each; with `go_on`, what fails is noted, and fails the command unless it only waits.

    Returns:
        The reports with their bodies, and the keys that failed.
    """
    from experiments.analysis.live import keep_report

    reports, failed = [], []
    for key in keys:
        try:
            with output.step("report", f"Reporting {key}"):
                reports.append(keep_report(settings, database, key, now=now, actor=actor))
        except (DataError, NotReadyError) as error:
            if not go_on:
                raise
            output.note(str(error))
            if isinstance(error, DataError):
                failed.append(key)
    return reports, failed


def _write_csv(reports: "list[Report]", path: Path) -> None:
    import pyarrow as pa

    from experiments.analysis.tidy import METRICS, write_csv

    tables = [
        each.table().add_column(
            0, "experiment", pa.array([each.design.key] * each.table().num_rows, pa.string())
        )
        for each in reports
    ]
    empty = pa.schema([("experiment", pa.string()), *METRICS]).empty_table()
    write_csv(pa.concat_tables([empty, *tables]), path)


def _show_all(screen: Console, reports: "list[Report]", settings: Settings) -> None:
    for found in reports:
        _show(screen, found, settings)


def _show(screen: Console, found: "Report", settings: Settings) -> None:
    from experiments.analysis.show import show_report

    show_report(screen, found, settings.shop.locale)
