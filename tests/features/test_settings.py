"""Flags beat the environment, which beats the file, which beats the defaults; mistakes are named."""

from pathlib import Path

import pytest

from features.errors import SettingsError
from features.settings import load_settings


@pytest.fixture
def config(tmp_path):
    def write(text):
        path = tmp_path / "huitou.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_each_source_beats_the_one_below_it(config, monkeypatch):
    file = config("[serving]\nport = 1001\nworkers = 3\nhost = '127.0.0.2'\n")
    monkeypatch.setenv("HUITOU_SERVING__PORT", "1002")
    monkeypatch.setenv("HUITOU_SERVING__WORKERS", "4")
    serving = load_settings(file, overrides={"serving": {"port": 1003}}).serving
    assert (serving.port, serving.workers, serving.host) == (1003, 4, "127.0.0.2")
    assert serving.recent_events == load_settings(config("")).serving.recent_events


def test_variables_that_other_tools_read_too(config, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://cache:6379/1")
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://db/shop")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    settings = load_settings(config("[cache]\nredis_url = 'redis://file'\n"))
    assert settings.cache.redis_url == "redis://cache:6379/1"
    assert settings.database_url == "postgresql+psycopg://db/shop"
    assert settings.mlflow_uri == "http://mlflow:5000"
    monkeypatch.setenv("HUITOU_CACHE__REDIS_URL", "redis://own")
    assert load_settings(config("")).cache.redis_url == "redis://own"


def test_a_workspace_holds_everything(config, tmp_path, monkeypatch):
    for name in ("DATABASE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    settings = load_settings(config(""), tmp_path / "here")
    assert settings.lake == tmp_path / "here" / "lake"
    assert settings.database_url == f"sqlite:///{tmp_path}/here/huitou.db"
    assert load_settings(config("workspace = 'there'")).workspace == Path("there")
    assert load_settings(config("")).workspace == Path("var")


def test_a_path_in_a_file_is_meant_from_where_the_file_lies(config, tmp_path):
    settings = load_settings(config("[release]\noffers = 'offers/all.toml'\n"))
    assert Path(settings.release.offers) == tmp_path / "offers" / "all.toml"
    assert (
        load_settings(config("[release]\noffers = '/etc/offers.toml'\n")).release.offers == "/etc/offers.toml"
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[serving]\nprot = 1\n", "serving.prot"),
        ("[serving]\nport = 70000\n", "serving.port"),
        ("[serving]\nport = 'many'\n", "serving.port"),
        ("[shop]\ntimezone = 'Mars/Base'\n", "shop.timezone"),
        ("[shop]\nlocale = 'fr'\n", "shop.locale"),
        ("[tiers]\nsilver_spend_min = 900\ngold_spend_min = 800\n", "tiers"),
        ("[cache]\nredis_url = 'garbage'\n", "cache.redis_url"),
        ("[cache]\nredis_url = 'http://cache:6379'\n", "cache.redis_url"),
        ("[cache]\nredis_url = 'redis://cache:port'\n", "cache.redis_url"),
        ("[cache]\nredis_url = 'redis://cache/abc'\n", "cache.redis_url"),
        ("[srving]\nport = 1\n", "srving"),
        ("port = = 1\n", "huitou.toml"),
        ("serving = 3\n", "serving"),
    ],
)
def test_a_mistake_is_named(config, text, named):
    with pytest.raises(SettingsError) as error:
        load_settings(config(text))
    assert named in error.value.message
    assert "\n" not in error.value.message


def test_a_mistake_in_the_environment_is_named_too(config, monkeypatch):
    monkeypatch.setenv("HUITOU_SERVING__PORT", "many")
    with pytest.raises(SettingsError, match=r"serving\.port"):
        load_settings(config(""))
    monkeypatch.setenv("HUITOU_SERVING", "{not json")
    with pytest.raises(SettingsError, match="serving"):
        load_settings(config(""))


def test_a_folder_is_no_configuration_file(tmp_path):
    with pytest.raises(SettingsError, match=str(tmp_path)):
        load_settings(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.toml"):
        load_settings(tmp_path / "none.toml")
