"""Random walks of three steps over the purchase graph, with popular products held back.

Paudel et al. 2017, "Updatable, accurate, diverse, and scalable recommendations for interactive applications"
(RP3β), ACM TiiS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from features.interactions import Interactions
from features.ranking.top_n import TopN, top_n
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


class Rp3BetaParams(Params):
    """Parameters of RP3β.

    Attributes:
        alpha: power of every step's probability; below 1 evens steps out.
        beta: how strongly a product's buyers count against it.
        half_life_days: recency of purchases; None forgets nothing.
        binary: a step is equally likely to every product bought, however often.
        neighbours: products kept that a walk from a product ends at.
    """

    alpha: float = Field(default=0.8, gt=0)
    beta: float = Field(default=0.4, ge=0)
    half_life_days: float | None = Field(default=None, gt=0)
    binary: bool = True
    neighbours: int = Field(default=100, ge=1)


class Rp3Beta(BaseRecommender[Rp3BetaParams]):
    """Scores a product by the walks customer → product → customer → product that end at it."""

    kind = "rp3beta"
    params_class = Rp3BetaParams
    bought: csr_matrix | None = None
    walks: csr_matrix | None = None

    def fit(self, interactions: Interactions) -> Self:
        """Compute where two steps from each product lead."""
        bought = weighted_matrix(interactions, self.params.half_life_days)
        if self.params.binary:
            bought.data[:] = 1
        buyers = np.bincount(bought.indices, minlength=bought.shape[1]).astype(np.float32)
        held_back = np.maximum(buyers, 1) ** np.float32(-self.params.beta)

        onward = scale_columns(self._step(bought), held_back)
        k = min(self.params.neighbours, max(1, bought.shape[1] - 1))
        self.walks = neighbour_matrix(nearest_products(self._step(bought.T.tocsr()), onward, k, self.threads))
        self.bought = self._step(bought)
        return self

    def score(self, customers: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[len(customers), products]: weight of walks."""
        scores: NDArray[np.float32] = (
            self._fitted(self.bought)[customers] @ self._fitted(self.walks)
        ).toarray()
        return scores

    def similar(self, products: NDArray[np.int32], k: int) -> TopN:
        """The k products at which most walks from a product end; -1 where there are fewer."""
        found = top_n(self._fitted(self.walks)[products].toarray(), k)
        product = np.where(found.score > 0, found.product, -1)
        return TopN(product.astype(np.int32), np.maximum(found.score, 0))

    def _step(self, matrix: csr_matrix) -> csr_matrix:
        """The probabilities of one step, each to the power alpha."""
        step = matrix.copy()
        total = np.asarray(matrix.sum(axis=1)).ravel()
        step.data = (matrix.data / np.repeat(total, np.diff(matrix.indptr))) ** np.float32(self.params.alpha)
        return step

    def _arrays(self) -> Arrays:
        return {
            **pack_csr("bought", self._fitted(self.bought)),
            **pack_csr("walks", self._fitted(self.walks)),
        }

    def _restore(self, arrays: Arrays) -> None:
        self.bought, self.walks = unpack_csr("bought", arrays), unpack_csr("walks", arrays)
