"""`huitou experiment`: did it help?"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from experiments.assign_command import assign
from experiments.lifecycle_commands import decide, list_experiments, start, stop
from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption
from features.settings import load_settings

if TYPE_CHECKING:
    from experiments.analysis.report import MetricResult, Report

experiment_app = typer.Typer(help="Experiments: did it help?", no_args_is_help=True)


@experiment_app.callback()
def _experiments() -> None:
    """Experiments: did it help?"""


experiment_app.command("list")(list_experiments)
experiment_app.command()(start)
experiment_app.command()(stop)
experiment_app.command()(decide)
experiment_app.command()(assign)


@experiment_app.command()
def analyze(
    *,
    design: Annotated[Path, typer.Option(help="Design file (TOML).")],
    exposures: Annotated[Path, typer.Option(help="customer_id, variant[, exposed_at] (Parquet or CSV).")],
    outcomes: Annotated[
        Path,
        typer.Option(
            help="customer_id and metric columns, or an order log: customer_id, ordered_at, amount."
        ),
    ],
    customers: Annotated[
        Path | None, typer.Option(help="customer_id and what was known before exposure.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Column of customers or exposures to cut every metric by.")
    ] = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge an experiment from files: lifts with intervals, sample ratio, verdict."""
    from experiments.analysis.analyze import analyze as judge
    from experiments.design import load_design

    settings = load_settings(config, workspace)
    output = Output(as_json)
    plan = load_design(design)
    with output.step("analyze", f"Analysing {plan.key}"):
        report = judge(
            plan, exposures, outcomes, customers, by, zone=settings.shop.timezone, now=datetime.now(UTC)
        )
    output.result(report.to_dict(), lambda screen: show_report(screen, report, settings.shop.locale))


def show_report(screen: Console, report: "Report", locale: str) -> None:
    """The verdict first, then the numbers and what a reader must know beside them."""
    chinese = locale == "zh"
    screen.print(report.verdict.zh if chinese else report.verdict.en, style="bold", markup=False)
    screen.print(_metrics_table(report.design.key, report.metrics))
    for segment in report.segments:
        screen.print(_metrics_table(f"{segment.by} = {segment.value or '—'}", segment.metrics))
    state = "as planned" if report.ratio.ok else "NOT as planned"
    screen.print(f"Sample ratio {state}: p = {report.ratio.p_value:.4g}", markup=False)
    for note in report.notes:
        screen.print(note.zh if chinese else note.en, markup=False)


def _metrics_table(title: str, metrics: "tuple[MetricResult, ...]") -> Table:
    from rich.markup import escape

    table = Table(title=escape(title), title_justify="left")
    for name in ("Metric", "Variant", "Customers", "Mean", "Lift", "Interval", "Relative", "p", ""):
        table.add_column(name, justify="left" if name in ("Metric", "Variant", "") else "right")
    for result in metrics:
        table.add_row(
            result.metric.key, result.control, f"{result.control_n:,}", _number(result.control_mean)
        )
        for variant in result.variants:
            found = variant.estimate
            cells = ["", "", "", ""]
            if found is not None:
                relative = "" if found.lift_rel is None else f"{found.lift_rel:+.1%}"
                interval = f"{found.ci_abs[0]:+.5f} … {found.ci_abs[1]:+.5f}"
                cells = [f"{found.lift_abs:+.5f}", interval, relative, f"{found.p_value:.3g}"]
            last = (
                variant.withheld.value if variant.withheld else "significant" if variant.significant else ""
            )
            table.add_row("", variant.variant, f"{variant.n:,}", _number(variant.mean), *cells, last)
    return table


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.5f}"
