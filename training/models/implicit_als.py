"""Matrix factorization for implicit feedback: the bridge to the library `implicit`.

Hu, Koren & Volinsky 2008, "Collaborative filtering for implicit feedback datasets", ICDM.
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from features.interactions import Interactions
from features.ranking.top_n import Seen, TopN, top_n
from training.models.base import Arrays, BaseRecommender, Params
from training.models.sparse import weighted_matrix

Factors = NDArray[np.float32]


class ImplicitAlsParams(Params):
    """Parameters of alternating least squares.

    Attributes:
        factors: dimensions of the taste space.
        regularization: added to the diagonal of every least-squares problem.
        iterations: rounds of solving for customers, then products.
        weighting: purchase days as `count`, or `log` (log2(1 + x)).
        half_life_days: recency of purchases; None forgets nothing.
        seed: of the starting factors.
    """

    factors: int = Field(default=128, ge=1)
    regularization: float = Field(default=20, ge=0)
    iterations: int = Field(default=8, ge=1)
    weighting: Literal["count", "log"] = "log"
    half_life_days: float | None = Field(default=240, gt=0)
    seed: int = Field(default=7, ge=0)


class ImplicitAls(BaseRecommender[ImplicitAlsParams]):
    """Scores a product by the inner product of the customer's and the product's factors."""

    kind = "implicit_als"
    params_class = ImplicitAlsParams
    customer_factors: Factors | None = None
    product_factors: Factors | None = None

    def fit(self, interactions: Interactions) -> Self:
        """Factorize."""
        # Imported here: implicit brings its own compiled code, which nothing but this model needs.
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        params = self.params
        matrix = weighted_matrix(interactions, params.half_life_days, logarithm=params.weighting == "log")
        # implicit runs its own threads: a BLAS that does so too makes training many times slower, and
        # implicit warns while it is constructed. Its RandomState seeds crash, a plain int does not.
        with threadpool_limits(limits=1, user_api="blas"):
            solver = AlternatingLeastSquares(
                factors=params.factors,
                regularization=params.regularization,
                alpha=1.0,
                iterations=params.iterations,
                num_threads=self.threads,
                random_state=params.seed,
            )
            solver.fit(matrix, show_progress=False)
        self.customer_factors = np.ascontiguousarray(solver.user_factors, np.float32)
        self.product_factors = np.ascontiguousarray(solver.item_factors, np.float32)
        return self

    def score(self, customers: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[len(customers), products]; 1 is what the model expects of a product that was bought.

        implicit's own `recommend` is not used: it returns already bought products with score -3.4e38, and
        -1 ids, when candidates run out. `features.ranking.top_n` does the choosing.
        """
        scores: Factors = (
            self._fitted(self.customer_factors)[customers] @ self._fitted(self.product_factors).T
        )
        return scores

    def similar(self, products: NDArray[np.int32], k: int) -> TopN:
        """The k products nearest in the taste space by cosine, without the product itself."""
        factors = self._fitted(self.product_factors)
        unit = factors / np.maximum(np.linalg.norm(factors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        itself = Seen(np.arange(len(products) + 1), products)
        return top_n(unit[products] @ unit.T, k, seen=itself, keep="unseen")

    def _arrays(self) -> Arrays:
        return {
            "customer_factors": self._fitted(self.customer_factors),
            "product_factors": self._fitted(self.product_factors),
        }

    def _restore(self, arrays: Arrays) -> None:
        self.customer_factors = arrays["customer_factors"]
        self.product_factors = arrays["product_factors"]
