"""Best sellers: what most customers bought, lately or ever. The baseline every model has to beat."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from features.interactions import Interactions
from training.models.base import Arrays, BaseRecommender, Params


class PopularityParams(Params):
    """Parameters of best sellers.

    Attributes:
        window_days: count buyers of the last days only; None counts all.
    """

    window_days: float | None = Field(default=28, gt=0)


class Popularity(BaseRecommender[PopularityParams]):
    """Scores a product by its number of distinct buyers within a window, the same for every customer."""

    kind = "popularity"
    params_class = PopularityParams
    buyers: NDArray[np.float32] | None = None

    def fit(self, interactions: Interactions) -> Self:
        """Count buyers."""
        window = self.params.window_days
        recent = interactions if window is None else interactions.within(window)
        self.buyers = np.bincount(recent.matrix.indices, minlength=recent.shape[1]).astype(np.float32)
        return self

    def score(self, customers: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[len(customers), products]: buyers."""
        return np.tile(self._fitted(self.buyers), (len(customers), 1))

    def _arrays(self) -> Arrays:
        return {"buyers": self._fitted(self.buyers)}

    def _restore(self, arrays: Arrays) -> None:
        self.buyers = arrays["buyers"]
