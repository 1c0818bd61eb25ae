"""Fitted champions turned into ranked rows: what a release is made of."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.columns import PERSONAL_PLACEMENTS, TASK_OF_PLACEMENT
from features.id_map import IdMap
from features.interactions import Interactions
from features.ranking.top_n import Seen, TopN, top_n
from training.backtest import BLOCK_CELLS, KEEP
from training.models.base import BaseRecommender, FindsSimilar, Recommender
from training.models.blend import Blend, BlendParams
from training.models.registry import ModelSpec

SIMILAR_PRODUCTS = 20


@dataclass(frozen=True)
class PlacementRows:
    """Ranked products of one placement.

    Attributes:
        product: int32[customers, N], best first, indices of the interactions' products; -1 = none.
        score: float32[customers, N].
    """

    product: NDArray[np.int32]
    score: NDArray[np.float32]


@dataclass(frozen=True)
class FittedChampions:
    """Everything the release builder takes from training.

    Attributes:
        customers, products: what the rows and columns below mean.
        rows: placement → ranked products.
        similar_product, similar_score: int32 and float32 [products, k], nearest first; -1 = none.
        models: placement → what was fitted: model, params, registry version.
    """

    customers: IdMap
    products: IdMap
    rows: dict[str, PlacementRows]
    similar_product: NDArray[np.int32]
    similar_score: NDArray[np.float32]
    models: dict[str, dict[str, Any]]


def rows_for_release(
    champions: Mapping[str, Recommender],
    interactions: Interactions,
    valid: NDArray[np.bool_],
    row_products: int,
    threads: int,
) -> dict[str, PlacementRows]:
    """The best products of every customer for every personal placement.

    `buy_again` ranks only what the customer bought before and may be short; `discover` only the rest.

    Args:
        champions: placement → fitted model.
        interactions: what they were fitted on.
        valid: bool[products], which may be recommended.
        row_products: N.
        threads: blocks of customers worked on at once.
    """
    customers = np.arange(interactions.shape[0], dtype=np.int32)
    step = max(1, BLOCK_CELLS // max(1, interactions.shape[1]))

    def block(start: int) -> dict[str, TopN]:
        chosen = customers[start : start + step]
        bought = interactions.matrix[chosen]
        seen = Seen(bought.indptr, bought.indices)
        return {
            placement: top_n(
                champions[placement].score(chosen),
                row_products,
                seen=seen,
                keep=KEEP[TASK_OF_PLACEMENT[placement]],
                valid=valid,
            )
            for placement in PERSONAL_PLACEMENTS
        }

    with ThreadPoolExecutor(threads) as pool:
        blocks = list(pool.map(block, range(0, len(customers), step)))
    return {
        placement: PlacementRows(
            np.concatenate([b[placement].product for b in blocks]),
            np.concatenate([b[placement].score for b in blocks]),
        )
        for placement in PERSONAL_PLACEMENTS
    }


def similar_products(
    model: FindsSimilar, products: int, valid: NDArray[np.bool_], k: int = SIMILAR_PRODUCTS
) -> TopN:
    """The nearest valid products of every product; -1 where there are fewer than k."""
    # Neighbours that may not be recommended are dropped, so more of them are asked for.
    found = model.similar(np.arange(products, dtype=np.int32), 3 * k)
    good = (found.product >= 0) & valid[found.product]
    order = np.argsort(~good, axis=1, kind="stable")[:, :k]
    good = np.take_along_axis(good, order, axis=1)
    product = np.where(good, np.take_along_axis(found.product, order, axis=1), -1)
    score = np.where(good, np.take_along_axis(found.score, order, axis=1), 0)
    return TopN(product.astype(np.int32), score.astype(np.float32))


class SharedFits:
    """Fits each model with the same parameters once, however many placements and blends use it."""

    def __init__(self, interactions: Interactions, threads: int) -> None:
        self._interactions = interactions
        self._threads = threads
        self._fitted: dict[str, BaseRecommender[Any]] = {}

    def fit(self, spec: ModelSpec) -> BaseRecommender[Any]:
        """The fitted model."""
        model = spec.create(self._threads)
        if isinstance(model, Blend):
            params: BlendParams = model.params
            parts = {
                part.model: self.fit(ModelSpec(model=part.model, params=part.params))
                for part in params.components
            }
            return Blend.of(parts, params)
        key = f"{spec.model} {model.params.model_dump_json()}"
        if key not in self._fitted:
            self._fitted[key] = model.fit(self._interactions)
        return self._fitted[key]
