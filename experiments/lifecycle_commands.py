"""`huitou experiment list`, `start`, `stop` and `decide`: an experiment's way, one step a command."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.design import Design, load_design, read_design
from experiments.running import holdout_design
from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption
from features.database.records import Decision, ExperimentRecord
from features.errors import DataError, ReleaseError
from features.settings import Settings, load_settings

if TYPE_CHECKING:
    from features.database.store import Database

KeyArgument = Annotated[str, typer.Argument(help="Key of the experiment.")]
ActorOption = Annotated[str, typer.Option(help="Who does it, for the audit log.")]
ReasonOption = Annotated[str, typer.Option(help="Why, for the audit log.")]


def list_experiments(
    config: ConfigOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """List experiments, the newest first, with their last verdict."""
    from features.database.store import open_database

    settings = load_settings(config, workspace)
    with open_database(settings.database_url) as database:
        rows = [_row(database, record) for record in database.experiments.list()]
        holdout = holdout_design(settings.experiments)
        if holdout is not None:
            rows.append(_holdout_row(database, holdout))
    Output(as_json).result({"experiments": rows}, lambda screen: _show_list(screen, rows))


def start(
    file: Annotated[Path, typer.Argument(help="Design file (TOML).")],
    *,
    draft: Annotated[bool, typer.Option("--draft", help="Keep the design without starting it.")] = False,
    actor: ActorOption = "cli",
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start an experiment from its design file, or revise a running one as far as that is allowed."""
    from experiments.lifecycle import start as start_experiment
    from features.database.store import open_database

    settings = load_settings(config, workspace)
    design = load_design(file)
    now = datetime.now(UTC)
    output = Output(as_json)
    with open_database(settings.database_url) as database:
        started = start_experiment(
            database.experiments,
            design,
            actor=named(actor),
            at=now,
            day=now.astimezone(settings.shop.zone).date(),
            draft=draft,
        )
        found = _warnings(settings, database, design)
    for warning in found:
        output.note(f"Warning: {warning}")
    record = started.record
    data = {
        "experiment": record.key,
        "version": record.version,
        "state": record.state,
        "changes": list(started.changes),
        "warnings": found,
    }
    output.result(data, lambda screen: screen.print(_said(record), markup=False))


def stop(
    key: KeyArgument,
    *,
    reason: ReasonOption = "",
    actor: ActorOption = "cli",
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop an experiment: it is served to nobody from now on; those exposed can still mature."""
    from experiments.lifecycle import stop as stop_experiment
    from features.database.store import open_database

    settings = load_settings(config, workspace)
    with open_database(settings.database_url) as database:
        record = stop_experiment(
            database.experiments, key, actor=named(actor), at=datetime.now(UTC), reason=reason
        )
    data = {
        "experiment": key,
        "version": record.version,
        "state": record.state,
        "stopped_at": _instant(record.stopped_at),
    }
    Output(as_json).result(data, lambda screen: screen.print(_said(record), markup=False))


def decide(
    key: KeyArgument,
    *,
    decision: Annotated[Decision, typer.Option(help="What was decided.")],
    variant: Annotated[
        str | None, typer.Option(help="The variant to ship, if there are several beside the control.")
    ] = None,
    reason: ReasonOption = "",
    actor: ActorOption = "cli",
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put down what was decided about a stopped experiment."""
    from experiments.lifecycle import decide as decide_experiment
    from features.database.store import open_database

    settings = load_settings(config, workspace)
    with open_database(settings.database_url) as database:
        record = decide_experiment(
            database.experiments,
            key,
            decision,
            actor=named(actor),
            at=datetime.now(UTC),
            variant=variant,
            reason=reason,
        )
    data = {"experiment": key, "state": record.state, "decision": record.decision}
    Output(as_json).result(data, lambda screen: screen.print(_said(record), markup=False))


def named(actor: str) -> str:
    """The actor, if it is a name that a log can hold.

    Raises:
        DataError: it is empty, very long or holds control characters.
    """
    if not actor.strip() or len(actor) > 100 or not actor.isprintable():
        raise DataError(f"{actor!r} is no actor.", "Give --actor a short name.")
    return actor


def _warnings(settings: Settings, database: "Database", design: Design) -> list[str]:
    from experiments.preflight import warnings
    from features.release.read import open_release

    running = [read_design(record.design) for record in database.control().experiments]
    live, release, unread = database.live_release(), None, []
    if live is not None:
        try:
            release = open_release(settings.releases / live, verify=False)
        except ReleaseError as error:
            unread = [f"The live release could not be looked into: {error.message}"]
    return [*warnings(design, running, release, database.aliases()), *unread]


def _row(database: "Database", record: ExperimentRecord) -> dict[str, Any]:
    design = read_design(record.design)
    return {
        "key": record.key,
        "version": record.version,
        "state": record.state,
        "primary": design.primary_key,
        "started_at": _instant(record.started_at),
        **_results(database, record.key),
        "decision": record.decision,
        "simulated": record.simulated,
    }


def _holdout_row(database: "Database", design: Design) -> dict[str, Any]:
    """The program holdout, which runs because the settings say so and is in no table."""
    return {
        "key": design.key,
        "version": 1,
        "state": "running",
        "primary": design.primary_key,
        "started_at": None,
        **_results(database, design.key),
        "decision": None,
        "simulated": False,
    }


def _results(database: "Database", key: str) -> dict[str, Any]:
    report = database.experiments.latest_report(key)
    verdict = None if report is None else json.loads(report.body)["verdict"]["code"]
    return {"exposed": sum(database.experiments.exposure_counts(key).values()), "verdict": verdict}


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _said(record: ExperimentRecord) -> str:
    words = {
        "draft": "is a draft; `huitou experiment start` without --draft starts it",
        "running": "runs; servers follow within a second",
        "stopped": f"is stopped. Then: huitou experiment decide {record.key!r} --decision …",
        "decided": f"is decided: {record.decision}",
    }[record.state]
    return f"{record.key} (version {record.version}) {words}."


def _show_list(screen: Console, rows: list[dict[str, Any]]) -> None:
    if not rows:
        screen.print("There is no experiment yet. Run: huitou experiment start FILE")
        return
    table = Table("Experiment", "Version", "State", "Primary measure", "Started", "Exposed", "Verdict")
    for row in rows:
        table.add_row(
            escape(row["key"]),
            str(row["version"]),
            escape(row["decision"] or row["state"]) + (", simulated" if row["simulated"] else ""),
            escape(row["primary"]),
            (row["started_at"] or "")[:10],
            f"{row['exposed']:,}",
            row["verdict"] or "",
        )
    screen.print(table)
