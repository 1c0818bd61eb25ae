"""Open a release: checked, memory-mapped, immutable and safe to share between threads."""

import json
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from features.errors import ReleaseError
from features.loyalty.offers import OfferCatalogue
from features.release.format import (
    FORMAT_VERSION,
    MANIFEST,
    NO_PRODUCT,
    OFFERS,
    Manifest,
    Strings,
    describe_file,
    id_hash,
    release_id_of,
)
from features.validation import first_problem

REMEDY = (
    "Publish another release with `huitou publish RELEASE`, or build it again with `huitou release build`."
)


class _Arrays:
    """The arrays of a release folder, memory-mapped read-only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str) -> NDArray[Any]:
        mapped: NDArray[Any] = np.load(self._folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        # A plain view: indexing a memmap subclass costs microseconds that the hot path does not have.
        return mapped.view(np.ndarray)

    def strings(self, name: str) -> Strings:
        return Strings(self(f"{name}.offsets"), self(f"{name}.bytes"))


class _Index:
    """Id to position by a sorted hash, so that a million ids need no dictionary in each worker."""

    def __init__(self, arrays: _Arrays, name: str, ids: Strings) -> None:
        self._hash = arrays(f"{name}.hash")
        self._order = arrays(f"{name}.order")
        self._ids = ids

    def find(self, id_: str) -> int | None:
        wanted = id_hash((id_,))[0]
        place = int(np.searchsorted(self._hash, wanted))
        encoded = id_.encode("utf-8", "surrogatepass")
        while place < len(self._hash) and self._hash[place] == wanted:
            position = int(self._order[place])
            if self._ids.raw(position) == encoded:
                return position
            place += 1
        return None


class ProductTable:
    """The products of a release, by index.

    Attributes:
        ids: product ids.
        category_code: uint32[n], position in `categories`.
        categories: every category name, sorted.
        brand_code: uint32[n], position in `brands`.
        brands: every brand name, sorted.
        in_stock: bool[n].
        valid: bool[n], may be recommended.
    """

    def __init__(self, arrays: _Arrays) -> None:
        self.ids = arrays.strings("product_id")
        self._names = arrays.strings("product_name")
        self._prices = arrays("product_price")
        self._index = _Index(arrays, "product", self.ids)
        self.categories: tuple[str, ...] = tuple(arrays.strings("category"))
        self.category_code: NDArray[np.uint32] = arrays("product_category")
        self.brands: tuple[str, ...] = tuple(arrays.strings("brand"))
        self.brand_code: NDArray[np.uint32] = arrays("product_brand")
        self.in_stock: NDArray[np.bool_] = arrays("product_in_stock")
        self.valid: NDArray[np.bool_] = arrays("product_recommendable")

    def __len__(self) -> int:
        return len(self.ids)

    def index(self, product_id: str) -> int | None:
        """The index of a product id, or None if the release does not know it."""
        return self._index.find(product_id)

    def id(self, product: int) -> str:
        """The id of a product."""
        return str(self.ids[product])

    def name(self, product: int) -> str:
        """The name of a product; its id where the shop gave none."""
        return str(self._names[product]) or self.id(product)

    def category(self, product: int) -> str:
        """The category of a product; empty where unknown."""
        return self.categories[int(self.category_code[product])]

    def brand(self, product: int) -> str:
        """The brand of a product; empty where unknown."""
        return self.brands[int(self.brand_code[product])]

    def price(self, product: int) -> float | None:
        """The price of a product in shop currency, or None where unknown."""
        price = float(self._prices[product])
        return None if np.isnan(price) else price

    @cached_property
    def prices(self) -> NDArray[np.float64]:
        """float64[n], NaN where unknown."""
        return self._prices


class Release:
    """One opened release. Use `open_release`."""

    def __init__(self, folder: Path, manifest: Manifest, offers: OfferCatalogue) -> None:
        arrays = _Arrays(folder)
        self.folder = folder
        self.manifest = manifest
        self.offers = offers
        self.products = ProductTable(arrays)
        self.customer_ids = arrays.strings("customer_id")
        self._customers = _Index(arrays, "customer", self.customer_ids)
        self._personalization: NDArray[np.bool_] = arrays("customer_personalization")
        self._rows = {placement: arrays(f"rows_{placement}") for placement in manifest.placements}
        self._row_lengths = {
            p: (rows["source"] > 0).sum(axis=1).astype(np.uint16) for p, rows in self._rows.items()
        }
        self._profiles = arrays.strings("profile")
        self._history = arrays("history")
        self._history_offsets: NDArray[np.int64] = arrays("history.offsets")
        self._similar_product: NDArray[np.uint32] = arrays("similar_product")
        self._similar_score: NDArray[np.float16] = arrays("similar_score")
        self.trending: NDArray[np.uint32] = arrays("trending")

    @property
    def id(self) -> str:
        """The release id."""
        return self.manifest.release_id

    @property
    def as_of(self) -> date:
        """Local days before this date are in the release."""
        return self.manifest.as_of

    def customer_index(self, customer_id: str) -> int | None:
        """The position of a customer, or None if the release does not know the id."""
        return self._customers.find(customer_id)

    def personalization_allowed(self, customer: int) -> bool:
        """Whether the customer agreed to personalization."""
        return bool(self._personalization[customer])

    def row(self, placement: str, customer: int) -> bytes:
        """The packed row of a customer, best product first, without empty places."""
        return bytes(self._rows[placement][customer, : self._row_lengths[placement][customer]].tobytes())

    def profile(self, customer: int) -> dict[str, Any]:
        """The profile to show."""
        profile: dict[str, Any] = json.loads(self._profiles.raw(customer))
        return profile

    def history(self, customer: int) -> NDArray[np.void]:
        """HISTORY_DTYPE[m]: what the customer bought before, most purchased first."""
        start, end = self._history_offsets[customer : customer + 2]
        return self._history[start:end]

    def similar(self, product: int) -> tuple[NDArray[np.uint32], NDArray[np.float16]]:
        """Products that the same customers buy, nearest first, with their similarity."""
        neighbours = self._similar_product[product]
        known = neighbours != NO_PRODUCT
        return neighbours[known], self._similar_score[product][known]


def open_release(folder: Path, verify: bool = True) -> Release:
    """Open a release folder.

    Args:
        folder: `releases/ID`.
        verify: compare the checksum of every file; sizes are always compared.

    Raises:
        ReleaseError: the folder is missing, incomplete, changed or of another format.
    """
    manifest = _read_manifest(folder)
    for name, expected in manifest.files.items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else -1
        if size != expected.bytes or (verify and describe_file(path) != expected):
            raise ReleaseError(f"The release {folder.name} is corrupt: {name} is missing or changed.", REMEDY)
    try:
        offers = OfferCatalogue.model_validate_json((folder / OFFERS).read_bytes())
        return Release(folder, manifest, offers)
    except (OSError, ValueError, KeyError) as error:
        raise ReleaseError(f"The release {folder.name} cannot be read: {error}.", REMEDY) from error


def _read_manifest(folder: Path) -> Manifest:
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError:
        raise ReleaseError(f"There is no release {folder.name} in {folder.parent}.", REMEDY) from None
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        problem = first_problem(error)
        raise ReleaseError(f"The manifest of release {folder.name} is corrupt: {problem}.", REMEDY) from None
    if manifest.format_version != FORMAT_VERSION:
        raise ReleaseError(
            f"Release {folder.name} has format {manifest.format_version}, not {FORMAT_VERSION}.",
            "Build it again with `huitou release build`.",
        )
    if not manifest.release_id == folder.name == release_id_of(manifest.as_of, manifest.files):
        raise ReleaseError(f"The manifest of release {folder.name} does not belong to it.", REMEDY)
    return manifest
