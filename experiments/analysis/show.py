"""A report on a terminal: the verdict first, then the numbers and what a reader must know beside them."""

from collections.abc import Sequence

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from experiments.analysis.report import Report
from experiments.analysis.results import MetricResult


def show_report(screen: Console, report: Report, locale: str) -> None:
    """Print it in the shop's language (table heads are English)."""
    chinese = locale == "zh"
    screen.print(report.verdict.zh if chinese else report.verdict.en, style="bold", markup=False)
    remedy = report.verdict.remedy
    if remedy is not None:
        screen.print(remedy.zh if chinese else remedy.en, markup=False)
    screen.print(_metrics_table(report.design.key, report.metrics))
    for segment in report.segments:
        screen.print(_metrics_table(f"{segment.by} = {segment.value or '—'}", segment.metrics))
    _show_sections(screen, report)
    for reason in report.verdict.reasons:
        screen.print(reason.zh if chinese else reason.en, markup=False)
    for note in report.notes:
        screen.print(note.zh if chinese else note.en, markup=False)


def _show_sections(screen: Console, report: Report) -> None:
    found = report.sections
    for pace in found.retention.variants if found.retention else ():
        if pace.difference is not None:
            low, high = pace.difference.interval
            screen.print(
                f"{pace.variant}: first order {pace.difference.days:+.2f} days ({low:+.2f} … {high:+.2f})",
                markup=False,
            )
    for year in found.annual_margin.variants if found.annual_margin else ():
        low, high = year.interval
        screen.print(
            f"{year.variant}: margin per year {year.value:+,.0f} ({low:+,.0f} … {high:+,.0f})", markup=False
        )
    for offer in found.offer_return or ():
        if offer.found is not None:
            low, high = offer.found.interval
            screen.print(
                f"{offer.variant}: offer return {offer.found.value:+.2f} ({low:+.2f} … {high:+.2f})",
                markup=False,
            )


def _metrics_table(title: str, metrics: Sequence[MetricResult]) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for name in ("Metric", "Variant", "Customers", "Mean", "Lift", "Interval", "Relative", "p", ""):
        side: JustifyMethod = "left" if name in ("Metric", "Variant", "") else "right"
        table.add_column(name, justify=side, overflow="fold")
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
