"""The lake: a folder of Parquet parts, of which a manifest says which exist.

    lake/manifest.json                   the committed parts, in load order
    lake/orders/000001-1f0c….parquet     one part per loaded source file
    quarantine/orders/000001-1f0c….parquet  its rejected rows

A part that the manifest does not name does not exist. Replacing the manifest is therefore the one commit
point of an ingest: a crash at any moment before it leaves the lake as it was.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from features.durable import sha256_of, sync
from features.errors import DataError
from features.tables.contracts import CONTRACTS
from features.validation import first_problem

# Columns of a part that only ingest reads: how a row is known again, what it said, and which load brought it.
HIDDEN_COLUMNS = ("identity_hash", "content_hash", "load_number")
LAKE_REMEDY = "Restore it from a backup, or delete the lake and ingest again."


class Part(BaseModel):
    """What became of one source file.

    Attributes:
        table: the contract table.
        source: name of the source file, relative to the folder that was ingested.
        source_key: fingerprint of the file and of the mapping it was read with.
        load_number: 1, 2, 3 … in the order of loading.
        file: the part, relative to the lake; None when no row was loaded.
        fingerprint: SHA-256 of the part, or None.
        quarantine: the rejected rows, relative to the quarantine; None when no row was rejected.
        read: rows of the source.
        loaded: rows that went into the part.
        rejected: rows that went into quarantine.
        duplicates: rows that were known already.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str
    source: str
    source_key: str
    load_number: int
    file: str | None
    fingerprint: str | None
    quarantine: str | None
    read: int
    loaded: int
    rejected: int
    duplicates: int


class Manifest(BaseModel):
    """The committed state of a lake.

    Attributes:
        format: version of the layout.
        timezone: the zone in which every `local_at` of this lake was computed; empty before the first load.
        parts: in load order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Without defaults: a file that lacks them is no manifest, and must not pass for an empty lake.
    format: Literal[1]
    timezone: str
    parts: tuple[Part, ...]


class Lake:
    """The committed parts under a folder; an empty or missing folder is an empty lake.

    The manifest is read once, when the object is made: one `Lake` shows one committed state.

    Raises:
        DataError: the manifest is unreadable, or a part it names is gone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = _read_manifest(folder / "manifest.json")
        for part in self.manifest.parts:
            if part.file is not None and not (folder / part.file).is_file():
                raise DataError(
                    f"The lake has lost its part {folder / part.file}.",
                    LAKE_REMEDY,
                )

    def parts(self, table: str) -> list[Path]:
        """Parquet parts of a table in load order."""
        return [
            self.folder / part.file
            for part in self.manifest.parts
            if part.table == table and part.file is not None
        ]

    def damaged_part(self) -> Path | None:
        """The first part whose bytes are not those that were committed, or None. Reads every part."""
        for part in self.manifest.parts:
            if part.file is None:
                continue
            path = self.folder / part.file
            try:
                if sha256_of(path) != part.fingerprint:
                    return path
            except OSError:
                return path
        return None

    def fingerprint(self) -> str:
        """SHA-256 over the committed parts: equal fingerprints mean equal data."""
        digest = hashlib.sha256(self.manifest.timezone.encode())
        for part in self.manifest.parts:
            if part.fingerprint is not None:
                digest.update(f"{part.table} {part.fingerprint}\n".encode())
        return digest.hexdigest()


def _read_manifest(path: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Manifest(format=1, timezone="", parts=())
    except ValidationError as error:
        reason = first_problem(error)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise DataError(f"The manifest of the lake, {path}, cannot be read: {reason}.", LAKE_REMEDY)


@contextmanager
def exclusive(lake_folder: Path) -> Iterator[None]:
    """Hold the lake's write lock; a second process waits here. The lock falls with its process."""
    lake_folder.mkdir(parents=True, exist_ok=True)
    with (lake_folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def commit(lake_folder: Path, manifest: Manifest) -> None:
    """Make a manifest the committed one, durably: parts first, then the manifest, then its folder entry."""
    target = lake_folder / "manifest.json"
    fresh = target.with_suffix(".json.new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(manifest.model_dump(), file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target)
    sync(lake_folder)


def remove_uncommitted(folder: Path, committed: set[str]) -> None:
    """Delete parts under a lake or quarantine that no manifest names: what a crashed ingest left behind."""
    for table in CONTRACTS:
        for path in (folder / table).glob("*.parquet"):
            if f"{table}/{path.name}" not in committed:
                path.unlink()
