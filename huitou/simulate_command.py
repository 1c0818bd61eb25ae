"""`huitou experiment simulate`: an experiment over the real API whose truth is known, beside its verdict."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption
from features.settings import load_settings


def simulate(
    *,
    customers: Annotated[int, typer.Option(help="How many customers the simulated shop has.")] = 4000,
    days: Annotated[int, typer.Option(help="How many days the experiment runs.")] = 75,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal numbers.")] = 7,
    true_lift: Annotated[
        float, typer.Option(help="What the offer adds to the share that buys again within 30 days.")
    ] = 0.06,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let simulated customers visit the real API, plant an effect, and see whether the experiment finds it.

    It lives in the folder `simulation` of the workspace, with a database, a Redis and a server of its own.
    """
    from huitou.simulation.run import Plan, run_simulation, simulation_settings

    settings = simulation_settings(load_settings(config, workspace))
    output = Output(as_json)
    plan = Plan(customers=customers, days=days, seed=seed, true_lift=true_lift)
    summary = run_simulation(settings, plan, output)
    output.result(summary, lambda screen: show_simulation(screen, summary, settings.shop.locale))


def show_simulation(screen: Console, summary: dict[str, Any], locale: str) -> None:
    """The verdict beside the truth, and where to look closer."""
    screen.print(simulation_panel(summary["experiment"], summary, locale))
    screen.print(
        "Look at it: huitou serve --config examples/simulation/simulation.toml --workspace "
        f"{summary['workspace']}, then http://127.0.0.1:8000/console/",
        markup=False,
        soft_wrap=True,
    )


def simulation_panel(found: dict[str, Any], simulation: dict[str, Any], locale: str) -> Panel:
    """The verdict, the planted truth beneath it, and how large the simulation was."""
    sizes = ", ".join(
        f"{simulation[what]:,} {words}"
        for what, words in (
            ("customers", "customers"),
            ("requests", "requests"),
            ("orders", "orders"),
            ("claims", "offers claimed"),
            ("counted", "customers that count"),
        )
    )
    lines = [
        f"[bold]{escape(found['verdict'][f'text_{locale}'])}[/]",
        escape(truth_sentence(found)),
        f"[dim]{sizes}[/]",
    ]
    return Panel("\n".join(lines), title=f"simulated experiment · {escape(found['key'])}", title_align="left")


def truth_sentence(found: dict[str, Any]) -> str:
    """The planted truth and whether the interval holds it."""
    truth = f"Planted truth: {100 * found['true_lift_abs']:+.2f} points on {found['metric']}"
    if found["ci_abs"] is None:
        return f"{truth}; the experiment gives no interval."
    low, high = found["ci_abs"]
    holds = "which holds it" if low <= found["true_lift_abs"] <= high else "which misses it"
    return (
        f"{truth}; found {100 * found['lift_abs']:+.2f}, {found['level']:.0%} interval "
        f"{100 * low:+.2f} to {100 * high:+.2f}, {holds}."
    )
