"""Profiles on disk: `lake/profiles/DATE/{customers,due}.parquet`, replaced as a whole."""

import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.columns import SEGMENTS, TIERS
from features.errors import DataError, NotReadyError
from features.profiles.fields import CUSTOMER_SCHEMA, DUE_SCHEMA

_FILES = {"customers": CUSTOMER_SCHEMA, "due": DUE_SCHEMA}


@dataclass(frozen=True)
class Profiles:
    """What is known of every customer on the morning of a day.

    Attributes:
        as_of: the day; only local days before it were read.
        customers: one row per customer, sorted by id; columns of `fields.CUSTOMER_FIELDS`.
        due: one row per customer and product bought, sorted by customer, due score (highest first), product.
    """

    as_of: date
    customers: pa.Table
    due: pa.Table

    def summary(self) -> dict[str, Any]:
        """How many customers there are, by segment (`none` = nothing bought yet) and by tier."""
        segments = Counter(name or "none" for name in self.customers["segment"].to_pylist())
        tiers = Counter(self.customers["tier"].to_pylist())
        return {
            "as_of": self.as_of.isoformat(),
            "profiles": self.customers.num_rows,
            "segments": {name: segments[name] for name in (*SEGMENTS, "none") if segments[name]},
            "tiers": {name: tiers[name] for name in TIERS},
        }


def write_profiles(profiles: Profiles, folder: Path) -> Path:
    """Write profiles to `folder/DATE`, replacing what was there; a reader never sees half of them."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / profiles.as_of.isoformat()
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as scratch:
        fresh = Path(scratch) / "fresh"
        fresh.mkdir()
        pq.write_table(profiles.customers, fresh / "customers.parquet", compression="zstd")
        pq.write_table(profiles.due, fresh / "due.parquet", compression="zstd")
        if target.exists():
            target.rename(Path(scratch) / "old")
        fresh.rename(target)
    return target


def read_profiles(folder: Path, as_of: date) -> Profiles:
    """Read the profiles of a day.

    Raises:
        NotReadyError: they were never built.
        DataError: a file is damaged or was written by another version.
    """
    source = folder / as_of.isoformat()
    if not source.is_dir():
        raise NotReadyError(
            f"There are no profiles as of {as_of}.", f"Run: huitou profiles build --as-of {as_of}"
        )
    tables = {}
    for name, schema in _FILES.items():
        path = source / f"{name}.parquet"
        try:
            tables[name] = pq.read_table(path)
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(
                f"The profile file {path} cannot be read: {error}.",
                f"Run: huitou profiles build --as-of {as_of}",
            ) from None
        if tables[name].schema.names != schema.names:
            raise DataError(
                f"The profile file {path} has other columns.", f"Run: huitou profiles build --as-of {as_of}"
            )
    return Profiles(as_of=as_of, customers=tables["customers"], due=tables["due"])
