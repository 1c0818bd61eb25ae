"""`huitou train` and `huitou promote`."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption
from features.errors import DataError
from features.settings import load_settings


def train(  # noqa: PLR0917 — options of a command line
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Judge the weeks before this date (default: after the newest order)."),
    ] = None,
    models: Annotated[
        str | None, typer.Option("--models", help="Names with commas between them (default: all).")
    ] = None,
    budget_minutes: Annotated[
        float | None, typer.Option("--budget-minutes", help="Leave out what does not fit in this time.")
    ] = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit recommenders, judge them on held-out weeks and choose champions."""
    from training.jobs import train as run

    settings = load_settings(config, workspace)
    names = None if models is None else [name.strip() for name in models.split(",") if name.strip()]
    output = Output(as_json)
    result = run(settings, None if as_of is None else _day(as_of), names, output, budget_minutes)
    data = result.to_dict()
    output.result(data, lambda screen: _show(screen, data))


def promote(  # noqa: PLR0917
    placement: Annotated[str, typer.Argument(help="home, buy_again or discover.")],
    version: Annotated[
        str | None, typer.Option("--version", help="Version of the placement's registered model.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="A model as the newest training judged it.")
    ] = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose by hand which model fills a placement of the next release."""
    from training.promotion import promote as run

    champion = run(load_settings(config, workspace), placement, version, model)
    data = {"placement": placement, "version": champion.version, **champion.spec.model_dump(mode="json")}
    text = f"{placement}: {champion.spec.model} (version {champion.version}). Next: huitou release build"
    Output(as_json).result(data, lambda screen: screen.print(text))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DataError(f"{text!r} is not a date.", "Write it as YYYY-MM-DD.") from None


def _show(screen: Console, data: Mapping[str, Any]) -> None:
    for task, rows in data["models"].items():
        if not rows:
            continue
        metrics = list(rows[0]["ci"])
        title = f"{task}: {rows[0]['customers']:,} customers, {data['cut']} to before {data['as_of']}"
        table = Table("Model", *metrics, f"{metrics[-1]} against {rows[0]['paired']['against']}", title=title)
        for row in rows:
            figures = [f"{row[metric]:.4f} ± {_half(row['ci'][metric]):.4f}" for metric in metrics]
            difference, low, high = row["paired"][metrics[-1]]
            table.add_row(row["model"], *figures, f"{difference:+.4f} ({low:+.4f} to {high:+.4f})")
        screen.print(table)
    for placement, model in data["champion"].items():
        screen.print(f"Champion of {placement}: {model}")


def _half(bounds: tuple[float, float]) -> float:
    """Half the width of an interval."""
    return (bounds[1] - bounds[0]) / 2
