"""`huitou experiment assign`: what the hash says of customers, one or millions, and why."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.design import Design, read_design
from experiments.running import HOLDOUT_KEY, REASONS, ProfileOf, Reason, holdout_design, place_many
from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption, parse_day
from features.errors import DataError, NotReadyError
from features.settings import Settings, load_settings

if TYPE_CHECKING:
    from features.database.store import Database

SHOWN_ROWS = 50
COLUMNS = ("customer_id", "variant", "reason")
# Those of one batch, column by column.
Placed = tuple[list[str], list[str | None], list[Reason]]


def assign(
    key: Annotated[str, typer.Argument(help="Key of the experiment, in any state.")],
    customer: Annotated[list[str] | None, typer.Argument(help="Customer ids.")] = None,
    *,
    customers: Annotated[
        Path | None, typer.Option(help="Parquet or CSV with a column customer_id, in place of ids.")
    ] = None,
    on: Annotated[
        str | None, typer.Option(help="Local day whose coverage counts, YYYY-MM-DD (default: today).")
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", help="Write customer_id, variant, reason to this Parquet file.")
    ] = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which variant customers get, and why; nobody is exposed by asking."""
    from features.database.store import open_database

    settings = load_settings(config, workspace)
    output = Output(as_json)
    batches = _batches(customer or [], customers)
    day = datetime.now(settings.shop.zone).date() if on is None else parse_day(on)
    with open_database(settings.database_url) as database:
        design, holdout = _designs(settings, database, key)
        profile_of = _profiles(settings, database) if design.targeting else _no_profile
    placed = _place(design, holdout, batches, profile_of, day)
    if output_file is None:
        rows = [row for batch in placed for row in zip(*batch, strict=True)]
        _warn(output, "".join(customer_id for customer_id, _, _ in rows).isascii())
        output.result(
            {"experiment": key, "assignments": [dict(zip(COLUMNS, row, strict=True)) for row in rows]},
            lambda screen: _show(screen, rows),
        )
        return
    with output.step("assign", f"Assigning the customers of {customers or 'the command line'}"):
        counts, ascii_only = _write(output_file, placed)
    _warn(output, ascii_only)
    output.result(
        {"experiment": key, "output": str(output_file), **counts},
        lambda screen: screen.print(f"{counts['customers']:,} customers: {output_file}", markup=False),
    )


def _batches(ids: Sequence[str], file: Path | None) -> Iterable[list[str]]:
    if (file is None) == (not ids):
        raise DataError("Name customers or a file of them.", "Give CUSTOMER… or --customers FILE.")
    if file is not None:
        from experiments.customer_lists import customer_id_batches

        return customer_id_batches(file)
    for customer_id in ids:
        # The shell hands over bytes that are no text as lone surrogates.
        if not customer_id or any("\ud800" <= letter <= "\udfff" for letter in customer_id):
            raise DataError(f"{customer_id!r} is no customer id.", "Give ids as UTF-8 text.")
    return [list(ids)]


def _designs(settings: Settings, database: "Database", key: str) -> tuple[Design, Design | None]:
    holdout = holdout_design(settings.experiments)
    if key == HOLDOUT_KEY:
        if holdout is None:
            raise DataError("There is no program holdout.", "Set experiments.holdout_share above 0.")
        return holdout, holdout
    record = database.experiments.get(key)
    if record is None:
        raise DataError(f"There is no experiment {key!r}.", "`huitou experiment list` shows all.")
    return read_design(record.design), holdout


def _no_profile(customer_id: str) -> Mapping[str, Any]:  # noqa: ARG001
    return {}


def _profiles(settings: Settings, database: "Database") -> ProfileOf:
    """The profiles that targeting looks at: those of the live release, as in serving."""
    from features.release.read import open_release

    live = database.live_release()
    if live is None:
        raise NotReadyError("The experiment targets profiles, and no release is live.", "Run: huitou publish")
    release = open_release(settings.releases / live, verify=False)

    def profile_of(customer_id: str) -> Mapping[str, Any]:
        index = release.customer_index(customer_id)
        return {} if index is None else release.profile(index)

    return profile_of


def _place(
    design: Design, holdout: Design | None, batches: Iterable[list[str]], profile_of: ProfileOf, day: date
) -> Iterator[Placed]:
    variants = [*(variant.key for variant in design.variants), None]
    for ids in batches:
        positions, reasons = place_many(design, holdout, ids, profile_of, day)
        yield (
            ids,
            [variants[position] for position in positions.tolist()],
            [REASONS[position] for position in reasons.tolist()],
        )


def _write(path: Path, placed: Iterable[Placed]) -> tuple[dict[str, Any], bool]:
    """Write the file, whole or not at all; returns what is in it, and whether all ids are ASCII."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    variants: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    customers, ascii_only = 0, True
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with pq.ParquetWriter(partial, schema) as writer:
            for ids, variant, reason in placed:
                writer.write_table(pa.table([ids, variant, reason], schema=schema))
                customers += len(ids)
                variants.update(each for each in variant if each is not None)
                reasons.update(reason)
                ascii_only = ascii_only and "".join(ids).isascii()
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    counts = {"customers": customers, "variants": dict(variants), "reasons": dict(reasons)}
    return counts, ascii_only


def _warn(output: Output, ascii_only: bool) -> None:
    from experiments.preflight import non_ascii

    if not ascii_only:
        output.note(f"Warning: {non_ascii('Some customer ids are')}")


def _show(screen: Console, rows: Sequence[tuple[str, str | None, Reason]]) -> None:
    table = Table("Customer", "Variant", "Reason")
    for customer_id, variant, reason in rows[:SHOWN_ROWS]:
        table.add_row(escape(customer_id), escape(variant or "—"), reason)
    screen.print(table)
    if len(rows) > SHOWN_ROWS:
        screen.print(f"… and {len(rows) - SHOWN_ROWS:,} more; --output FILE writes all of them.")
