"""`huitou experiment`: did it help?"""

import typer

from experiments.analysis.commands import analyze, report
from experiments.analysis.power_command import power
from experiments.assign_command import assign
from experiments.lifecycle_commands import decide, list_experiments, start, stop

experiment_app = typer.Typer(help="Experiments: did it help?", no_args_is_help=True)


@experiment_app.callback()
def _experiments() -> None:
    """Experiments: did it help?"""


experiment_app.command("list")(list_experiments)
experiment_app.command()(start)
experiment_app.command()(stop)
experiment_app.command()(decide)
experiment_app.command()(assign)
experiment_app.command()(analyze)
experiment_app.command()(report)
experiment_app.command()(power)
