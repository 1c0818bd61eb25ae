"""`huitou ingest` and `huitou profiles`: from shop exports to profiles, and what a profile says."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption, parse_day
from features.settings import Settings, load_settings

profiles_app = typer.Typer(help="Customer profiles as of a date.", no_args_is_help=True)

AsOfOption = Annotated[
    str, typer.Option("--as-of", help="Local days before this date are used (YYYY-MM-DD).")
]


def ingest(
    source: Annotated[Path, typer.Argument(help="Folder of the shop's export (Parquet or CSV).")],
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Mapping file (TOML) where the export has other names.")
    ] = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load the tables of an export into the lake; rejected rows go to quarantine."""
    from features.tables.ingest import ingest as load
    from features.tables.mapping import load_mapping

    settings = load_settings(config, workspace)
    output = Output(as_json)
    mapping = load_mapping(map_file) if map_file is not None else None
    with output.step("ingest", f"Loading {source}"):
        report = load(source, mapping, settings, now=datetime.now(UTC))
    if report.note:
        output.note(report.note)
    output.result(report.to_dict(), lambda screen: show_ingest(screen, report.to_dict(), settings))


def show_ingest(screen: Console, report: dict[str, Any], settings: Settings) -> None:
    """A table of what was read, loaded, rejected and known already, with the reasons."""
    table = Table("Table", "Read", "Loaded", "Rejected", "Duplicates", "Reasons")
    for name, counts in report["tables"].items():
        numbers = [f"{counts[key]:,}" for key in ("read", "loaded", "rejected", "duplicates")]
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in counts["reasons"].items())
        table.add_row(name, *numbers, reasons)
    screen.print(table)
    if any(counts["rejected"] for counts in report["tables"].values()):
        screen.print(f"Rejected rows, with file, row, column and reason: {settings.quarantine}")


@profiles_app.callback()
def _profiles() -> None:
    """Customer profiles as of a date."""


@profiles_app.command()
def build(
    as_of: AsOfOption,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute one profile per customer from what was known before a date."""
    from features.profiles.build import build_profiles, require_orders, write_profiles
    from features.tables.duckdb_engine import open_lake
    from features.tables.lake import Lake

    settings = load_settings(config, workspace)
    day = parse_day(as_of)
    output = Output(as_json)
    with output.step("profiles", f"Building profiles as of {day}"):
        with open_lake(Lake(settings.lake)) as engine:
            require_orders(engine, day, settings)
            profiles = build_profiles(engine, day, settings)
        write_profiles(profiles, settings.lake / "profiles")
    summary = profiles.summary()
    output.result(summary, lambda screen: show_profiles(screen, summary))


def show_profiles(screen: Console, summary: dict[str, Any]) -> None:
    """Profiles by segment and by tier, in both languages."""
    from features.loyalty.tiers import TIER_NAMES
    from features.profiles.rfm import SEGMENT_NAMES

    screen.print(f"{summary['profiles']:,} profiles as of {summary['as_of']}")
    for title, chinese in (("segments", SEGMENT_NAMES), ("tiers", TIER_NAMES)):
        table = Table(title.capitalize(), "", "Customers", "Share")
        for name, count in summary[title].items():
            share = f"{count / max(1, summary['profiles']):.1%}"
            table.add_row(name, chinese.get(name, {}).get("zh", ""), f"{count:,}", share)
        screen.print(table)


@profiles_app.command()
def describe(as_json: JsonOption = False) -> None:
    """Print every field of a profile: unit, formula, and what null means."""
    from features.profiles.fields import CUSTOMER_FIELDS

    fields = [
        {
            "name": field.name,
            "type": str(field.type),
            "unit": field.unit,
            "formula": field.formula,
            "null": field.null or None,
        }
        for field in CUSTOMER_FIELDS
    ]
    Output(as_json).result({"fields": fields}, lambda screen: show_fields(screen, fields))


def show_fields(screen: Console, fields: list[dict[str, str | None]]) -> None:
    """A table of the fields."""
    table = Table("Field", "Unit", "Formula", "Null means")
    for field in fields:
        table.add_row(field["name"], field["unit"], field["formula"], field["null"] or "never null")
    screen.print(table)
