"""Fixtures that every room's tests share: settings of a workspace, and a small lake with a known truth."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from features.settings import Settings, load_settings
from features.tables.ingest import ingest
from features.tables.synthetic_shop import PlantedTruth, write_synthetic_shop

SettingsFactory = Callable[..., Settings]


@pytest.fixture(scope="session")
def empty_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration file that says nothing, so that no huitou.toml of the working folder is read."""
    path = tmp_path_factory.mktemp("config") / "huitou.toml"
    path.write_text("", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def settings_for(empty_config: Path) -> SettingsFactory:
    """`settings_for(workspace, shop={"timezone": "Asia/Shanghai"}, …)`: defaults with the given sections."""

    def build(workspace: Path, **sections: dict[str, Any]) -> Settings:
        return load_settings(config=empty_config, workspace=workspace, overrides=sections)

    return build


@pytest.fixture(scope="session")
def synthetic_lake(
    tmp_path_factory: pytest.TempPathFactory, settings_for: SettingsFactory
) -> tuple[Settings, PlantedTruth]:
    """A shop of 300 customers × 200 products × 240 days in UTC, ingested; read only, all tests share it."""
    folder = tmp_path_factory.mktemp("synthetic-shop")
    truth = write_synthetic_shop(
        folder / "export", customers=300, products=200, days=240, seed=11, start=date(2024, 1, 1)
    )
    settings = settings_for(folder / "workspace")
    ingest(folder / "export", None, settings)
    return settings, truth
