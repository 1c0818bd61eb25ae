"""The `huitou` command: every sub-command in one place, stated failures in one sentence."""

import sys
from typing import NoReturn

import typer
from click.exceptions import ClickException
from rich.console import Console

from experiments.commands import experiment_app
from features.errors import HuitouError, MissingExtraError
from huitou.data_commands import ingest, profiles_app
from huitou.demo import demo
from huitou.release_commands import publish, release_app, releases
from huitou.report_commands import report_app
from huitou.simulate_command import simulate
from serving.commands import keys_app, serve
from training.commands import promote, train
from training.customer_value.commands import value_app

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
app.add_typer(report_app, name="report")
app.command()(train)
app.command()(promote)
app.add_typer(value_app, name="value")
app.add_typer(release_app, name="release")
app.command()(releases)
app.command()(publish)
app.command()(serve)
app.add_typer(keys_app, name="keys")
experiment_app.command()(simulate)
app.add_typer(experiment_app, name="experiment")


# What an installation without an extra lacks first.
EXTRA_OF_MODULE = {
    **dict.fromkeys(
        ("altair", "duckdb", "implicit", "mlflow", "pyarrow", "scipy", "sklearn", "threadpoolctl"), "training"
    ),
    **dict.fromkeys(
        ("fastapi", "fastapi_offline", "orjson", "prometheus_client", "redis", "uvicorn"), "serving"
    ),
    "httpx2": "demo",
}


def run() -> None:
    """Run the command line: exit 0 on success, 1 on a stated failure, 2 on wrong usage."""
    try:
        app()
    except HuitouError as error:
        _fail(error)
    except OSError as error:
        # A full disk, a folder that may not be written, a file where a folder belongs.
        message = f"{error.filename or 'The system'}: {error.strerror or error}."
        _fail(HuitouError(message, "Check that it exists, has room, and may be read and written."))
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in EXTRA_OF_MODULE:
            raise
        _fail(MissingExtraError(f"The Python package {module}", EXTRA_OF_MODULE[module]))
    except ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(error: HuitouError) -> NoReturn:
    screen = Console(stderr=True, highlight=False, soft_wrap=True)
    screen.print(error.message, style="bold red", markup=False)
    if error.remedy:
        screen.print(error.remedy, markup=False)
    sys.exit(1)
