"""What a release holds: packed rows, file names, the manifest and its checksums.

A release is a folder `releases/ID/` of plain numpy arrays (`.npy`, never pickled), two JSON files
(`manifest.json`, `offers.json`) and nothing else. Arrays are memory-mapped, so all workers of a machine
share one copy. The id is derived from the checksums: the same content has the same id, and a changed byte in
any file is noticed, also when somebody changed its checksum in the manifest too.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from features.durable import sha256_of

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
OFFERS = "offers.json"

# Seven bytes a product: 20 products are 140 bytes in Redis, where JSON would need about 1,200.
ROW_DTYPE = np.dtype([("product", "<u4"), ("score", "<f2"), ("source", "u1")])
# What a customer bought before. `gap_days` is the usual time between two purchases, 0 = not known yet;
# `days_since` counts from the last purchase to the day before the release's as-of date.
HISTORY_DTYPE = np.dtype(
    [("product", "<u4"), ("purchase_days", "<u2"), ("days_since", "<u2"), ("gap_days", "<u2"), ("due", "<f2")]
)
# Where a recommended product came from; a row stores the position of the name.
SOURCES = ("none", "buy_again", "discover", "recent_activity", "trending")
NO_PRODUCT = np.uint32(0xFFFFFFFF)
LARGEST_SCORE = 65504.0  # of a 16-bit float


class FileEntry(BaseModel):
    """Size and checksum of one file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a release is, and the checksum of every file in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: int
    release_id: str
    as_of: date
    created_at: datetime
    customers: int
    products: int
    placements: tuple[str, ...]
    row_products: int
    models: dict[str, dict[str, Any]]
    data_fingerprint: str
    files: dict[str, FileEntry]


def release_id_of(as_of: date, files: dict[str, FileEntry]) -> str:
    """The id of a release: its as-of date and twelve digits of a hash over all file checksums."""
    listing = json.dumps({name: files[name].sha256 for name in sorted(files)}, sort_keys=True)
    return f"{as_of:%Y%m%d}-{hashlib.sha256(listing.encode()).hexdigest()[:12]}"


def describe_file(path: Path) -> FileEntry:
    """Size and SHA-256 of a file."""
    return FileEntry(bytes=path.stat().st_size, sha256=sha256_of(path))


def pack_row(product: ArrayLike, score: ArrayLike, source: ArrayLike) -> bytes:
    """Pack aligned sequences of product index, score and source code into one row."""
    products = np.asarray(product)
    row = np.empty(len(products), dtype=ROW_DTYPE)
    row["product"], row["source"] = products, source
    row["score"] = np.clip(np.asarray(score, dtype=np.float32), -LARGEST_SCORE, LARGEST_SCORE)
    return row.tobytes()


def unpack_row(row: bytes) -> NDArray[np.void]:
    """A packed row as a structured array with the fields of `ROW_DTYPE`.

    Raises:
        ValueError: the bytes are not a whole number of entries.
    """
    return np.frombuffer(row, dtype=ROW_DTYPE)


def id_hash(ids: Iterable[str]) -> NDArray[np.uint64]:
    """uint64[n]: eight bytes of BLAKE2b of each id, the key of the customer index."""
    digests = b"".join(
        hashlib.blake2b(i.encode("utf-8", "surrogatepass"), digest_size=8).digest() for i in ids
    )
    return np.frombuffer(digests, dtype="<u8")


class Strings(Sequence[str]):
    """Many strings as one byte array and its offsets, so that they can be memory-mapped.

    Args:
        offsets: uint64[n + 1], where each string starts; the last entry is the total length.
        content: uint8[total], UTF-8 of all strings, one after the other.
    """

    def __init__(self, offsets: NDArray[np.uint64], content: NDArray[np.uint8]) -> None:
        self._offsets = offsets
        self._content = content

    @classmethod
    def pack(cls, values: Iterable[str | bytes]) -> "Strings":
        """Pack strings (or bytes that are UTF-8 already)."""
        encoded = [v.encode("utf-8") if isinstance(v, str) else v for v in values]
        offsets = np.zeros(len(encoded) + 1, dtype=np.uint64)
        np.cumsum([len(e) for e in encoded], out=offsets[1:])
        return cls(offsets, np.frombuffer(b"".join(encoded), dtype=np.uint8))

    @property
    def arrays(self) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        """(offsets, content), as they are written."""
        return self._offsets, self._content

    def raw(self, index: int) -> bytes:
        """The UTF-8 bytes of one string."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._content[int(self._offsets[index]) : int(self._offsets[index + 1])].tobytes()

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self.raw(index).decode("utf-8")

    def __len__(self) -> int:
        return len(self._offsets) - 1
