"""`huitou experiment power`: how many customers and days an experiment takes, from the shop's own history."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.design import load_design
from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption
from features.errors import DataError
from features.settings import Settings, load_settings

if TYPE_CHECKING:
    from experiments.analysis.history import History
    from experiments.analysis.planning import Shape

DesignOption = Annotated[
    Path | None,
    typer.Option(help="Design file: its measure, weights, rule, α, coverage and targeting count."),
]
TargetingOption = Annotated[
    list[str] | None,
    typer.Option(metavar="FIELD=VALUE", help="Only customers with this profile field; may be repeated."),
]


def power(
    *,
    design: DesignOption = None,
    metric: Annotated[
        str | None, typer.Option(help="Measure, such as repeat_purchase_d30 (the default) or revenue_d60.")
    ] = None,
    lift_relative: Annotated[
        float | None, typer.Option(help="Lift to find, as a share of today's mean (default: 0.05).")
    ] = None,
    lift_abs: Annotated[
        float | None, typer.Option(help="Lift to find, in the measure's unit; 0.01 is one point of a share.")
    ] = None,
    customers: Annotated[
        int | None, typer.Option(min=4, help="Ask instead what so many customers can find.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="Ask instead what can be found within so many days.")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(min=1e-6, max=0.5, help="Error allowed, two-sided (default: 0.05).")
    ] = None,
    chance: Annotated[
        float, typer.Option("--power", min=0.5, max=0.999, help="Chance to find the lift.")
    ] = 0.8,
    targeting: TargetingOption = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan an experiment: customers and days needed, and the smallest lift that can be found."""
    from experiments.analysis.planning import LIFT_RELATIVE, Aim, plan, shape_of
    from experiments.analysis.planning_words import plan_words

    settings = load_settings(config, workspace)
    output = Output(as_json)
    asked = (lift_relative, lift_abs, customers, days)
    aim = Aim(LIFT_RELATIVE) if all(value is None for value in asked) else Aim(*asked)
    shape = shape_of(
        None if design is None else load_design(design),
        settings.experiments,
        metric=metric,
        alpha=alpha,
        power=chance,
        targeting=_targeting(targeting or []),
    )
    with output.step("history", "Reading the shop's history"):
        history = _history(settings, shape)
    found = plan(history, shape, aim)
    words = [zh if settings.shop.locale == "zh" else en for en, zh in plan_words(found)]
    output.result(found.to_dict(), lambda screen: screen.print("\n".join(words), markup=False))


def _history(settings: Settings, shape: "Shape") -> "History":
    from experiments.analysis.history import read_history
    from features.database.store import open_database

    with open_database(settings.database_url) as database:
        return read_history(
            settings,
            database,
            shape.metric,
            targeting=shape.targeting or {},
            coverage=shape.coverage,
            today=datetime.now(UTC).astimezone(settings.shop.zone).date(),
        )


def _targeting(options: Sequence[str]) -> dict[str, tuple[str, ...]]:
    values: dict[str, list[str]] = defaultdict(list)
    for option in options:
        field, equals, value = option.partition("=")
        if not (field and equals and value):
            raise DataError(f"--targeting {option!r} is not FIELD=VALUE.", "Write it as tier=gold.")
        values[field].append(value)
    return {field: tuple(found) for field, found in values.items()}
