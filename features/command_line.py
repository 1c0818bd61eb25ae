"""What every command shares: options, progress, and one JSON object as the last line of output."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from features.errors import DataError

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file (default: huitou.toml here, if present).")
]
WorkspaceOption = Annotated[
    Path | None, typer.Option("--workspace", help="Folder of lake, releases and databases (default: var).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


def parse_day(text: str) -> date:
    """A date written YYYY-MM-DD.

    Raises:
        DataError: it is not such a date.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 — a day has no zone
    except ValueError:
        raise DataError(f"{text!r} is not a date.", "Write it as YYYY-MM-DD.") from None


class Output:
    """Progress goes to standard error, results to standard output.

    Args:
        as_json: print the result as one JSON line instead of rendering it for a person.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self.progress = Console(stderr=True, highlight=False)
        self.screen = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
        self.seconds: dict[str, float] = {}

    def note(self, text: str) -> None:
        """One line of progress."""
        self.progress.print(text, markup=False)

    @contextmanager
    def step(self, name: str, text: str) -> Iterator[None]:
        """Announce a step, spin on a terminal, and record its seconds under `name`."""
        started = time.perf_counter()
        if self.progress.is_terminal:
            with self.progress.status(text):
                yield
        else:
            self.note(f"{text} …")
            yield
        self.seconds[name] = round(time.perf_counter() - started, 2)
        self.note(f"{text}: {self.seconds[name]:.1f} s")

    def result(self, data: dict[str, Any], render: Callable[[Console], None]) -> None:
        """Show the result: `render` for a person, or `data` as the last line of standard output."""
        if self.as_json:
            sys.stdout.write(json.dumps(data, ensure_ascii=False, default=str) + "\n")
            sys.stdout.flush()
        else:
            render(self.screen)
