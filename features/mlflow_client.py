"""MLflow, reached so that whatever goes wrong is one sentence with the address.

MLflow is imported inside functions: it takes seconds, and serving never needs it.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from features.database.address import shown_address, without_secrets
from features.errors import MissingExtraError, NotReadyError
from features.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "huitou"


@contextmanager
def tracking_client(settings: Settings) -> Iterator[MlflowClient]:
    """A client of the tracking server or database, without MLflow's chatter.

    Raises:
        MissingExtraError: MLflow is not installed.
        NotReadyError: the tracking server or database does not answer, or is none.
    """
    try:
        from alembic.util.exc import CommandError
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        raise MissingExtraError("MLflow", "training") from None
    # After the import, which sets levels itself.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    settings.workspace.mkdir(parents=True, exist_ok=True)
    try:
        _probe_sqlite(settings.mlflow_uri)
        yield MlflowClient(tracking_uri=settings.mlflow_uri, registry_uri=settings.mlflow_uri)
    except (MlflowException, SQLAlchemyError, CommandError, sqlite3.Error) as error:
        raise _failure(settings.mlflow_uri, error) from error


def _probe_sqlite(uri: str) -> None:
    """Open what is there once: MLflow would try a folder or junk ten times, for more than a minute."""
    path = Path(shown_address(uri))
    if uri.startswith("sqlite:") and path.exists():
        # mode=rw: never makes a file.
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=rw", uri=True)) as connection:
            connection.execute("PRAGMA schema_version")


def _failure(uri: str, error: Exception) -> NotReadyError:
    # The first line is the driver's; SQLAlchemy adds the statement and its values below it.
    reason = str(error).strip().partition("\n")[0].rstrip(" .")
    return NotReadyError(
        f"MLflow at {shown_address(uri)} failed: {without_secrets(reason, uri)}.",
        "Check that mlflow.tracking_uri can be reached and written; "
        "restore a damaged database from a backup, or move it away and train again.",
    )


def experiment_id(client: MlflowClient, settings: Settings, name: str = EXPERIMENT) -> str:
    """The experiment of that name, made if it is new."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    # A tracking server decides itself where artifacts go; beside a plain database they lie in the workspace.
    served = settings.mlflow_uri.startswith(("http://", "https://"))
    location = None if served else (settings.workspace / "mlartifacts").resolve().as_uri()
    return str(client.create_experiment(name, artifact_location=location))
