"""Build a release: the champions fitted on everything before a date, turned into packed rows and tables."""

import json
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.command_line import Output
from features.errors import NotReadyError
from features.id_map import IdMap
from features.loyalty.offers import OfferCatalogue, load_offers
from features.profiles.build import Profiles, build_profiles
from features.profiles.store import write_profiles
from features.release.format import HISTORY_DTYPE, SOURCES
from features.release.write import ProductColumns, ReleaseContents, Rows, write_release
from features.settings import Settings
from features.tables.duckdb_engine import open_lake
from features.tables.engine import Engine, read_sql
from features.tables.lake import Lake
from training.customer_value.jobs import release_values
from training.customer_value.values_table import join_values, values_path, write_table
from training.jobs import fit_champions
from training.rows import PlacementRows

LARGEST_COUNT = 65535  # of a 16-bit field
BUY_AGAIN, DISCOVER = SOURCES.index("buy_again"), SOURCES.index("discover")


def build_release(settings: Settings, as_of: date, created_at: datetime, output: Output) -> Path:
    """Build profiles, fit the champions and write the release of a date; returns its folder.

    Raises:
        NotReadyError: the lake has no purchase before the date, or no champion was chosen yet.
        DataError: the offer catalogue is wrong.
    """
    offers = load_offers(Path(settings.release.offers)) if settings.release.offers else OfferCatalogue()
    lake = Lake(settings.lake)
    with open_lake(lake, threads=settings.training.threads) as engine:
        with output.step("profiles", f"Profiles as of {as_of}"):
            profiles = build_profiles(engine, as_of, settings)
            write_profiles(profiles, settings.lake / "profiles")
        if profiles.due.num_rows == 0:
            raise NotReadyError(
                f"Nobody bought anything before {as_of}.", "Ingest orders or take a later date."
            )
        with output.step("value", "What customers will be worth"):
            values = release_values(engine, as_of, settings)
            write_table(values, values_path(settings.lake, as_of))
        products = _products(engine, as_of, settings)
        consent = _consent(engine, profiles)
        with output.step("fit", "Fitting the champions on everything before it"):
            fitted = fit_champions(engine, as_of, settings, _recommendable_ids(products))
    with output.step("release", "Writing the release"):
        customer_ids = profiles.customers["customer_id"]
        product_ids = IdMap(products["product_id"].to_pylist())
        history, offsets = packed_history(profiles, product_ids)
        to_product = product_ids.indices(fitted.products.ids)
        to_customer = IdMap(customer_ids.to_pylist()).indices(fitted.customers.ids)
        bought = _bought_pairs(profiles, product_ids)
        similar, similarity = _similar(
            fitted.similar_product, fitted.similar_score, to_product, len(product_ids)
        )
        contents = ReleaseContents(
            as_of=as_of,
            created_at=created_at,
            products=_product_columns(products),
            customer_ids=customer_ids.to_pylist(),
            personalization=consent["personalization"].to_numpy().astype(bool),
            rows={
                placement: _release_rows(rows, to_product, to_customer, len(customer_ids), bought)
                for placement, rows in fitted.rows.items()
            },
            profiles=_profiles_json(join_values(profiles.customers, values), consent),
            history=history,
            history_offsets=offsets,
            similar_product=similar,
            similar_score=similarity,
            # The product table is sorted by recent sales.
            trending=np.flatnonzero(_recommendable(products)).astype(np.int32),
            offers=offers,
            models=fitted.models,
            data_fingerprint=lake.fingerprint(),
        )
        return write_release(settings.releases, contents)


def _products(engine: Engine, as_of: date, settings: Settings) -> pa.Table:
    window_days = settings.training.horizon_days
    return engine.query(read_sql("release_products"), {"as_of": as_of, "window_days": window_days})


def _recommendable(products: pa.Table) -> NDArray[np.bool_]:
    """bool[n]: described by the shop, on sale and in stock."""
    columns = (products[name].to_numpy() for name in ("listed", "available", "in_stock"))
    recommendable: NDArray[np.bool_] = np.logical_and.reduce([column.astype(bool) for column in columns])
    return recommendable


def _recommendable_ids(products: pa.Table) -> list[str]:
    ids: list[str] = products["product_id"].filter(pa.array(_recommendable(products))).to_pylist()
    return ids


def _product_columns(products: pa.Table) -> ProductColumns:
    return ProductColumns(
        ids=products["product_id"].to_pylist(),
        names=products["name"].to_pylist(),
        categories=products["category"].to_pylist(),
        brands=products["brand"].to_pylist(),
        prices=products["price"].to_numpy().astype(np.float64),
        in_stock=products["in_stock"].to_numpy().astype(bool),
        recommendable=_recommendable(products),
    )


def packed_history(profiles: Profiles, product_ids: IdMap) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """What each customer bought before, most purchased first.

    Returns:
        HISTORY_DTYPE[m] grouped by customer in profile order, and int64[customers + 1] of where each starts.
    """
    due = profiles.due
    customer = _positions(due["customer_id"], profiles.customers["customer_id"])
    days = due["purchase_days"].to_numpy()
    silent = due["days_since"].to_numpy()
    product = product_ids.indices(due["product_id"].to_pylist())
    order = np.lexsort((product, silent, -days, customer))
    history = np.empty(len(order), dtype=HISTORY_DTYPE)
    gaps = np.nan_to_num(due["gap_days"].to_numpy())
    history["product"] = product[order]
    history["purchase_days"] = np.minimum(days[order], LARGEST_COUNT)
    history["days_since"] = np.minimum(silent[order], LARGEST_COUNT)
    history["gap_days"] = np.minimum(np.ceil(gaps[order]), LARGEST_COUNT)
    history["due"] = due["due_score"].to_numpy()[order]
    offsets = np.searchsorted(customer[order], np.arange(profiles.customers.num_rows + 1))
    return history, offsets.astype(np.int64)


def _bought_pairs(profiles: Profiles, product_ids: IdMap) -> NDArray[np.int64]:
    """int64[n], sorted: every customer–product pair that was bought, as one number."""
    customer = _positions(profiles.due["customer_id"], profiles.customers["customer_id"])
    product = product_ids.indices(profiles.due["product_id"].to_pylist())
    return np.sort(_pair(customer.astype(np.int64), product))


def _pair(customer: NDArray[np.int64], product: NDArray[np.int32]) -> NDArray[np.int64]:
    return (customer << 32) | product


def _release_rows(
    rows: PlacementRows,
    to_product: NDArray[np.int32],
    to_customer: NDArray[np.int32],
    customers: int,
    bought: NDArray[np.int64],
) -> Rows:
    """The model's rows in the order of the release's customers, with the release's product numbers."""
    shape = (customers, rows.product.shape[1])
    product, score = np.full(shape, -1, dtype=np.int32), np.zeros(shape, dtype=np.float32)
    known = to_customer >= 0
    product[to_customer[known]] = np.where(rows.product < 0, -1, to_product[rows.product])[known]
    score[to_customer[known]] = rows.score[known]
    pairs = _pair(np.arange(customers, dtype=np.int64)[:, None], product)
    again = np.isin(pairs, bought)
    return Rows(product, score, np.where(again, BUY_AGAIN, DISCOVER).astype(np.uint8))


def _similar(
    neighbours: NDArray[np.int32], scores: NDArray[np.float32], to_product: NDArray[np.int32], products: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Neighbours by the release's product numbers; a product that no model knows has none."""
    similar = np.full((products, neighbours.shape[1]), -1, dtype=np.int32)
    similarity = np.zeros(similar.shape, dtype=np.float32)
    similar[to_product] = np.where(neighbours < 0, -1, to_product[neighbours])
    similarity[to_product] = scores
    return similar, similarity


def _profiles_json(customers: pa.Table, consent: pa.Table) -> list[bytes]:
    agreed = {f"consent_{name}": consent[name] for name in ("personalization", "marketing")}
    columns = {
        **dict(zip(customers.column_names, customers.columns, strict=True)),
        **agreed,
    }
    return [
        json.dumps(row, ensure_ascii=False, default=str).encode() for row in pa.table(columns).to_pylist()
    ]


def _consent(engine: Engine, profiles: Profiles) -> pa.Table:
    """What each customer of the profiles agreed to, in their order."""
    answers = engine.query(read_sql("consent"))
    return answers.take(_positions(profiles.customers["customer_id"], answers["customer_id"]))


def _positions(ids: pa.ChunkedArray, among: pa.ChunkedArray) -> NDArray[np.int32]:
    positions: NDArray[np.int32] = pc.index_in(ids, value_set=among.combine_chunks()).to_numpy()
    return positions
