"""`huitou report kpis`: every loyalty measure of the shop on a day."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption, parse_day
from features.errors import DataError
from features.measures.measure import BY_ALL
from features.measures.outcomes import WINDOW_DAYS
from features.settings import load_settings

if TYPE_CHECKING:
    from features.measures.shop_report import ShopReport
    from huitou.kpi_words import KpiWords

report_app = typer.Typer(help="Reports on the shop as a whole.", no_args_is_help=True)


@report_app.callback()
def _report() -> None:
    """Reports on the shop as a whole."""


@report_app.command()
def kpis(  # noqa: PLR0917 — options of a command line
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Local days before this date count (default: after the newest order)."),
    ] = None,
    days: Annotated[int, typer.Option(help="Length of the window before that date.")] = WINDOW_DAYS,
    by: Annotated[str, typer.Option(help="Splits, separated by commas; empty: none.")] = ",".join(BY_ALL),
    measures: Annotated[
        str | None, typer.Option(help="Keys of measures, separated by commas (default: all).")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Also write the values to this file.")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Also write a page with charts to this file.")
    ] = None,
    lang: Annotated[
        str | None, typer.Option(help="Language of names, page and file: zh or en (default: shop.locale).")
    ] = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure repeat purchase, retention, churn, order value, satisfaction, costs and the rest."""
    from features.measures.shop_report import measure_shop
    from features.tables.duckdb_engine import open_lake
    from features.tables.lake import Lake
    from huitou.kpi_words import LANGUAGES, KpiWords

    settings = load_settings(config, workspace)
    language = next((known for known in LANGUAGES if known == (lang or settings.shop.locale)), None)
    if language is None:
        raise DataError(f"There is no language {lang!r}.", "Give --lang zh or en.")
    words = KpiWords(language, settings.shop.currency)
    output = Output(as_json)
    with output.step("measure", "Measuring the shop"), open_lake(Lake(settings.lake)) as engine:
        report = measure_shop(
            engine,
            settings,
            as_of=parse_day(as_of) if as_of is not None else None,
            by=_names(by),
            measures=None if measures is None else _names(measures),
            days=days,
        )
    if csv_file is not None or html_file is not None:
        from huitou.kpi_page import write_csv, write_page

        if csv_file is not None:
            write_csv(report, words, csv_file)
        if html_file is not None:
            with output.step("page", f"Drawing {html_file}"):
                write_page(report, words, html_file)
    output.result(report.to_dict(), lambda screen: show_report(screen, report, words))


def _names(text: str) -> list[str]:
    return [name for name in (part.strip() for part in text.split(",")) if name]


def show_report(screen: Console, report: "ShopReport", words: "KpiWords") -> None:
    """The whole shop's values; the splits are in JSON, CSV and HTML."""
    span = report.span
    screen.print(words.say("window", as_of=span.as_of, days=span.days, newest=span.newest_day), markup=False)
    table = Table(*(words.say(word) for word in ("measure", "value", "interval")))
    for value in report.values:
        if value.by is None:
            unit = value.measure.unit
            ends = "" if value.interval is None else " … ".join(words.number(n, unit) for n in value.interval)
            table.add_row(words.name(value.measure), words.value(value), ends)
    screen.print(table)
    for need in dict.fromkeys(entry["needs"] for entry in report.not_measured):
        lacking = ", ".join(entry["measure"] for entry in report.not_measured if entry["needs"] == need)
        screen.print(words.say("without", need=need, what=lacking), markup=False)
