"""`huitou train` and `huitou promote`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption, parse_day
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
    result = run(settings, None if as_of is None else parse_day(as_of), names, output, budget_minutes)
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


def _show(screen: Console, data: Mapping[str, Any]) -> None:
    for task, rows in data["models"].items():
        show_leaderboard(screen, f"{task}, {data['cut']} to before {data['as_of']}", rows)
    for placement, model in data["champion"].items():
        screen.print(f"Champion of {placement}: {model}")


def show_leaderboard(screen: Console, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """One task as the judge saw it: metrics with 95 % intervals, and the difference to the baseline."""
    if not rows:
        screen.print(f"{title}: no customer to judge on")
        return
    metrics = list(rows[0]["ci"])
    title = f"{title} ({rows[0]['customers']:,} customers)"
    difference = f"{metrics[-1]} − {rows[0]['paired']['against']}"
    table = Table("Model", *metrics, difference, title=title, title_justify="left")
    for row in rows:
        figures = [_figure([row[metric], *row["ci"][metric]]) for metric in metrics]
        table.add_row(row["model"], *figures, _figure(row["paired"][metrics[-1]], sign="+"))
    screen.print(table)


def _figure(numbers: Sequence[float], sign: str = "") -> str:
    """A figure and its interval as `.3652 [.3535, .3766]`, the bracket escaped for rich."""
    shown = [f"{number:{sign}.4f}".replace("0.", ".", 1) for number in numbers]
    return f"{shown[0]} [dim]\\[{shown[1]}, {shown[2]}][/]"
