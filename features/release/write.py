"""Write a release: every array checked, every file checksummed, the whole folder renamed into place."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.columns import PERSONAL_PLACEMENTS
from features.durable import sync
from features.errors import ReleaseError
from features.loyalty.offers import OfferCatalogue
from features.release.format import (
    FORMAT_VERSION,
    HISTORY_DTYPE,
    LARGEST_SCORE,
    MANIFEST,
    NO_PRODUCT,
    OFFERS,
    ROW_DTYPE,
    Manifest,
    Strings,
    describe_file,
    id_hash,
    release_id_of,
)
from features.release.read import open_release


@dataclass(frozen=True)
class ProductColumns:
    """The product table, one entry a product; `""` and NaN mean unknown.

    Attributes:
        ids, names, categories, brands: strings of length n.
        prices: float64[n] in shop currency.
        in_stock: bool[n].
        recommendable: bool[n], may be recommended at all (known to the shop and on sale).
    """

    ids: Sequence[str]
    names: Sequence[str]
    categories: Sequence[str]
    brands: Sequence[str]
    prices: NDArray[np.float64]
    in_stock: NDArray[np.bool_]
    recommendable: NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Ranked products per customer, best first; product -1 fills the end of a short row.

    Attributes:
        product: int32[customers, N]; score: float32[customers, N]; source: uint8[customers, N].
    """

    product: NDArray[np.int32]
    score: NDArray[np.float32]
    source: NDArray[np.uint8]


@dataclass(frozen=True)
class ReleaseContents:
    """Everything a release is made of.

    Attributes:
        as_of: local days before it are in the release.
        created_at: when it was built (not part of its id).
        products: the product table; all product indices below point into it.
        customer_ids: one id a customer; rows, profiles, history and consent are aligned with it.
        personalization: bool[customers], consent to personalization.
        rows: ranked products of each personal placement.
        profiles: one JSON object a customer, as bytes.
        history: HISTORY_DTYPE[m], bought products, grouped by customer, most purchased first.
        history_offsets: int64[customers + 1], where each customer's history starts.
        similar_product, similar_score: int32 and float32 [products, k], nearest first, -1 = none.
        trending: int32[valid products], every recommendable product, best first.
        offers: the offer catalogue.
        models: what was fitted for each placement (name, parameters, registry version).
        data_fingerprint: which data it was built from.
    """

    as_of: date
    created_at: datetime
    products: ProductColumns
    customer_ids: Sequence[str]
    personalization: NDArray[np.bool_]
    rows: Mapping[str, Rows]
    profiles: Sequence[bytes]
    history: NDArray[np.void]
    history_offsets: NDArray[np.int64]
    similar_product: NDArray[np.int32]
    similar_score: NDArray[np.float32]
    trending: NDArray[np.int32]
    offers: OfferCatalogue
    models: Mapping[str, dict[str, Any]]
    data_fingerprint: str


def write_release(releases: Path, contents: ReleaseContents) -> Path:
    """Write a release below `releases` and return its folder; the same content gives the same folder.

    Raises:
        ReleaseError: the contents contradict each other. Nothing is left behind then.
    """
    _check(contents)
    releases.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=releases))
    try:
        _write_arrays(unfinished, contents)
        (unfinished / OFFERS).write_text(contents.offers.model_dump_json(), encoding="utf-8")
        manifest = _write_manifest(unfinished, contents)
        unfinished.chmod(0o755)  # mkdtemp makes private folders; the server may run as another account
        folder = releases / manifest.release_id
        if folder.exists():
            open_release(folder)  # the same content is here already: make sure that it still is
            shutil.rmtree(unfinished)
        else:
            for path in (*unfinished.iterdir(), unfinished):
                sync(path)
            unfinished.rename(folder)
            sync(releases)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return folder


def _check(contents: ReleaseContents) -> None:
    n_products, n_customers = len(contents.products.ids), len(contents.customer_ids)
    lengths = {
        "products.names": (len(contents.products.names), n_products),
        "products.categories": (len(contents.products.categories), n_products),
        "products.brands": (len(contents.products.brands), n_products),
        "products.prices": (len(contents.products.prices), n_products),
        "products.in_stock": (len(contents.products.in_stock), n_products),
        "products.recommendable": (len(contents.products.recommendable), n_products),
        "personalization": (len(contents.personalization), n_customers),
        "profiles": (len(contents.profiles), n_customers),
        "history_offsets": (len(contents.history_offsets), n_customers + 1),
        "similar_product": (len(contents.similar_product), n_products),
        "trending": (len(contents.trending), int(contents.products.recommendable.sum())),
    }
    for placement in PERSONAL_PLACEMENTS:
        if placement not in contents.rows:
            raise ReleaseError(
                f"The release has no rows for the placement {placement}.", "Train its champion first."
            )
        lengths[f"rows.{placement}"] = (len(contents.rows[placement].product), n_customers)
    for name, (actual, expected) in lengths.items():
        if actual != expected:
            raise ReleaseError(
                f"The release's {name} has {actual} entries where {expected} belong.", "Build it again."
            )
    if len(set(contents.customer_ids)) != n_customers or len(set(contents.products.ids)) != n_products:
        raise ReleaseError("The release names a customer or a product twice.", "Build it from unique ids.")
    indices = [rows.product for rows in contents.rows.values()] + [
        contents.similar_product,
        contents.trending,
    ]
    if any(a.size and (a.min() < -1 or a.max() >= n_products) for a in indices):
        raise ReleaseError("The release ranks a product outside its product table.", "Build it again.")
    for placement, rows in contents.rows.items():
        shown = rows.product[rows.product >= 0]
        if not contents.products.recommendable[shown].all():
            raise ReleaseError(
                f"The rows of {placement} hold a product that may not be recommended.", "Mask it first."
            )


def _write_arrays(folder: Path, contents: ReleaseContents) -> None:
    products = contents.products
    categories, category_code = np.unique(np.asarray(products.categories, dtype=object), return_inverse=True)
    brands, brand_code = np.unique(np.asarray(products.brands, dtype=object), return_inverse=True)
    for name, values in {
        "product_id": products.ids,
        "product_name": products.names,
        "category": categories.tolist(),
        "brand": brands.tolist(),
        "customer_id": contents.customer_ids,
        "profile": contents.profiles,
    }.items():
        offsets, content = Strings.pack(values).arrays
        _save(folder, f"{name}.offsets", offsets)
        _save(folder, f"{name}.bytes", content)
    for name, ids in {"product": products.ids, "customer": contents.customer_ids}.items():
        hashes = id_hash(ids)
        order = np.argsort(hashes, kind="stable")
        _save(folder, f"{name}.hash", hashes[order])
        _save(folder, f"{name}.order", order.astype(np.uint32))
    _save(folder, "product_category", category_code.astype(np.uint32))
    _save(folder, "product_brand", brand_code.astype(np.uint32))
    _save(folder, "product_price", np.asarray(products.prices, dtype=np.float64))
    _save(folder, "product_in_stock", np.asarray(products.in_stock, dtype=np.bool_))
    _save(folder, "product_recommendable", np.asarray(products.recommendable, dtype=np.bool_))
    _save(folder, "customer_personalization", np.asarray(contents.personalization, dtype=np.bool_))
    for placement in PERSONAL_PLACEMENTS:
        _save(folder, f"rows_{placement}", packed_rows(contents.rows[placement]))
    _save(folder, "history", np.asarray(contents.history, dtype=HISTORY_DTYPE))
    _save(folder, "history.offsets", np.asarray(contents.history_offsets, dtype=np.int64))
    similar = np.where(contents.similar_product < 0, NO_PRODUCT, contents.similar_product).astype(np.uint32)
    _save(folder, "similar_product", similar)
    _save(folder, "similar_score", _half(contents.similar_score))
    _save(folder, "trending", contents.trending.astype(np.uint32))


def packed_rows(rows: Rows) -> NDArray[np.void]:
    """ROW_DTYPE[customers, N]: ranked products as the release stores them; an empty place has source 0."""
    packed = np.zeros(rows.product.shape, dtype=ROW_DTYPE)
    filled = rows.product >= 0
    packed["product"] = np.where(filled, rows.product, 0)
    packed["score"] = np.where(filled, _half(rows.score), 0)
    packed["source"] = np.where(filled, rows.source, 0)
    return packed


def _half(scores: NDArray[np.float32]) -> NDArray[np.float16]:
    return np.clip(scores, -LARGEST_SCORE, LARGEST_SCORE).astype(np.float16)


def _save(folder: Path, name: str, array: NDArray[Any]) -> None:
    np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)


def _write_manifest(folder: Path, contents: ReleaseContents) -> Manifest:
    files = {path.name: describe_file(path) for path in sorted(folder.iterdir())}
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        release_id=release_id_of(contents.as_of, files),
        as_of=contents.as_of,
        created_at=contents.created_at,
        customers=len(contents.customer_ids),
        products=len(contents.products.ids),
        placements=PERSONAL_PLACEMENTS,
        row_products=contents.rows[PERSONAL_PLACEMENTS[0]].product.shape[1],
        models=dict(contents.models),
        data_fingerprint=contents.data_fingerprint,
        files=files,
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return manifest
