"""Products bought by the same customers: item-based nearest neighbours.

Sarwar et al. 2001, "Item-based collaborative filtering recommendation algorithms", WWW; shrinkage as in
Bell & Koren 2007, "Improved neighborhood-based collaborative filtering"; BM25 as in Robertson & Zaragoza
2009, "The probabilistic relevance framework".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from features.interactions import Interactions
from features.ranking.top_n import TopN
from training.models.base import Arrays, BaseRecommender, Params
from training.models.sparse import (
    nearest_products,
    neighbour_matrix,
    pack_csr,
    scale_columns,
    unpack_csr,
    weighted_matrix,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

BM25_K1, BM25_B = 1.2, 0.75


class ItemKnnParams(Params):
    """Parameters of nearest neighbours.

    Attributes:
        weighting: how a customer's purchases weigh: `log` (log2(1 + x)), or with rare products and thin
            baskets weighing more, `tf_idf` or `bm25`.
        half_life_days: recency of purchases; None forgets nothing.
        neighbours: similar products kept of each.
        shrinkage: added to each product's squared length, as if so many others had bought it who bought
            nothing else: a handful of common buyers then proves little.
    """

    weighting: Literal["log", "tf_idf", "bm25"] = "log"
    half_life_days: float | None = Field(default=120, gt=0)
    neighbours: int = Field(default=100, ge=1)
    shrinkage: float = Field(default=10, gt=0)


class ItemKnn(BaseRecommender[ItemKnnParams]):
    """Scores a product by the similarity of the customer's products to it, weighted by their purchases."""

    kind = "item_knn"
    params_class = ItemKnnParams
    bought: csr_matrix | None = None
    neighbours: TopN | None = None
    _similarity: csr_matrix | None = None

    def fit(self, interactions: Interactions) -> Self:
        """Find each product's neighbours."""
        bought = self._weigh(interactions)
        length2 = np.bincount(bought.indices, weights=bought.data**2, minlength=bought.shape[1])
        unit = scale_columns(bought, (1 / np.sqrt(length2 + self.params.shrinkage)).astype(np.float32))
        k = min(self.params.neighbours, max(1, bought.shape[1] - 1))
        self.neighbours = nearest_products(unit.T.tocsr(), unit, k, self.threads)
        self.bought, self._similarity = bought, neighbour_matrix(self.neighbours).T.tocsr()
        return self

    def score(self, customers: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[len(customers), products]: summed similarity to what was bought."""
        scores: NDArray[np.float32] = (
            self._fitted(self.bought)[customers] @ self._fitted(self._similarity)
        ).toarray()
        return scores

    def similar(self, products: NDArray[np.int32], k: int) -> TopN:
        """The k nearest products of each product by cosine; -1 where there are fewer."""
        nearest = self._fitted(self.neighbours)
        found = TopN(np.full((len(products), k), -1, np.int32), np.zeros((len(products), k), np.float32))
        width = min(k, nearest.product.shape[1])
        found.product[:, :width] = nearest.product[products, :width]
        found.score[:, :width] = nearest.score[products, :width]
        return found

    def _weigh(self, interactions: Interactions) -> csr_matrix:
        if self.params.weighting == "log":
            return weighted_matrix(interactions, self.params.half_life_days, logarithm=True)
        matrix = weighted_matrix(interactions, self.params.half_life_days)
        buyers = np.bincount(matrix.indices, minlength=matrix.shape[1])
        rarity = np.log(1 + matrix.shape[0] / (1 + buyers)).astype(np.float32)[matrix.indices]
        if self.params.weighting == "tf_idf":
            matrix.data = np.sqrt(matrix.data) * rarity
        else:
            volume = np.asarray(matrix.sum(axis=1)).ravel()
            length = (1 - BM25_B) + BM25_B * volume / max(volume.mean(), np.finfo(np.float32).tiny)
            damping = BM25_K1 * np.repeat(length, np.diff(matrix.indptr)).astype(np.float32)
            matrix.data = matrix.data * (BM25_K1 + 1) / (damping + matrix.data) * rarity
        return matrix

    def _arrays(self) -> Arrays:
        nearest = self._fitted(self.neighbours)
        return {
            **pack_csr("bought", self._fitted(self.bought)),
            "neighbour_product": nearest.product,
            "neighbour_score": nearest.score,
        }

    def _restore(self, arrays: Arrays) -> None:
        self.bought = unpack_csr("bought", arrays)
        self.neighbours = TopN(arrays["neighbour_product"], arrays["neighbour_score"])
        self._similarity = neighbour_matrix(self.neighbours).T.tocsr()
