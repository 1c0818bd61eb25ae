"""The `huitou` command: every sub-command in one place, stated failures in one sentence."""

import sys

import typer
from click.exceptions import ClickException
from rich.console import Console

from experiments.commands import experiment_app
from features.errors import HuitouError
from huitou.data_commands import ingest, profiles_app
from huitou.demo import demo
from huitou.release_commands import publish, release_app, releases
from serving.commands import keys_app, serve
from training.commands import promote, train

app = typer.Typer(
    name="huitou",
    help="Huitou (回头): recommendations and offers that bring customers back.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(demo)
app.command()(ingest)
app.add_typer(profiles_app, name="profiles")
app.command()(train)
app.command()(promote)
app.add_typer(release_app, name="release")
app.command()(releases)
app.command()(publish)
app.command()(serve)
app.add_typer(keys_app, name="keys")
app.add_typer(experiment_app, name="experiment")


def run() -> None:
    """Run the command line: exit 0 on success, 1 on a stated failure, 2 on wrong usage."""
    try:
        app()
    except HuitouError as error:
        screen = Console(stderr=True, highlight=False, soft_wrap=True)
        screen.print(error.message, style="bold red", markup=False)
        if error.remedy:
            screen.print(error.remedy, markup=False)
        sys.exit(1)
    except ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
