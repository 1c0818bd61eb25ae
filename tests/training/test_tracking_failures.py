"""A tracking database that is damaged, a folder or not writable; options of `train` that mean nothing."""

import random
import sqlite3

import pytest

from features.command_line import Output
from features.errors import DataError, NotReadyError
from features.mlflow_client import tracking_client
from training.jobs import train
from training.models.registry import MODELS, default_spec
from training.promotion import champions, register


def one_sentence(failure):
    text = str(failure.value)
    assert "\n" not in text
    assert "SQL:" not in text
    assert "mlflow.tracking_uri" in failure.value.remedy
    return failure.value.message


def test_random_bytes_as_tracking_database_name_it(tmp_path, settings_for):
    (tmp_path / "mlflow.db").write_bytes(random.Random(3).randbytes(5_000))
    with pytest.raises(NotReadyError, match="file is not a database") as failure:
        champions(settings_for(tmp_path))
    assert str(tmp_path / "mlflow.db") in one_sentence(failure)


def test_a_folder_as_tracking_database_is_named(tmp_path, settings_for):
    (tmp_path / "mlflow.db").mkdir()
    with pytest.raises(NotReadyError, match="unable to open database file") as failure:
        champions(settings_for(tmp_path))
    assert str(tmp_path / "mlflow.db") in one_sentence(failure)


def test_a_database_of_another_program_is_named(tmp_path, settings_for):
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('of-another-program')")
        connection.execute("CREATE TABLE experiments (id TEXT)")
    connection.close()
    with pytest.raises(NotReadyError) as failure:
        champions(settings_for(tmp_path))
    assert str(tmp_path / "mlflow.db") in one_sentence(failure)


def test_a_database_that_cannot_be_written_is_named_without_the_statement(tmp_path, settings_for):
    settings = settings_for(tmp_path)
    champions(settings)
    # SQLite's own read-only mode: the mode bits of the file would not stop an administrator.
    read_only = f"sqlite:///file:{tmp_path / 'mlflow.db'}?mode=ro&uri=true"
    closed = settings_for(tmp_path, mlflow={"tracking_uri": read_only})
    spec = default_spec("popularity_28d", 1)
    with pytest.raises(NotReadyError, match="readonly") as failure, tracking_client(closed) as client:
        register(client, "home", spec, "none", "champion")
    assert str(tmp_path / "mlflow.db") in one_sentence(failure)


def test_the_password_of_an_address_is_not_shown(tmp_path, settings_for, monkeypatch):
    # MLflow's own patience with a server, more than a minute.
    monkeypatch.setattr("mlflow.store.db.utils.MAX_RETRY_COUNT", 0)
    uri = f"postgresql+psycopg://shop:hush-hush@/tracking?host={tmp_path}"
    settings = settings_for(tmp_path, mlflow={"tracking_uri": uri})
    with pytest.raises(NotReadyError) as failure:
        champions(settings)
    assert "hush-hush" not in str(failure.value)
    assert "shop:***@" in one_sentence(failure)


@pytest.mark.parametrize("minutes", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_budget_that_is_none_is_refused(tmp_path, settings_for, minutes):
    with pytest.raises(DataError, match="no budget"):
        train(settings_for(tmp_path), None, None, Output(as_json=True), minutes)


def test_an_empty_list_of_models_is_refused_with_the_known_names(tmp_path, settings_for):
    with pytest.raises(DataError, match="list of models is empty") as failure:
        train(settings_for(tmp_path), None, [], Output(as_json=True))
    assert all(name in failure.value.remedy for name in MODELS)
