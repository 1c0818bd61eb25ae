"""What a customer keeps buying: an exponentially forgotten purchase rate of each customer and product.

Simple, and hard to beat where people restock (Hu et al. 2020, "Modeling personalized item frequency
information for next-basket recommendation", SIGIR).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from features.interactions import Interactions
from training.models.base import Arrays, BaseRecommender, Params
from training.models.sparse import pack_csr, unpack_csr, weighted_matrix

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class PersonalFrequencyParams(Params):
    """Parameters of personal frequency.

    Attributes:
        half_lives_days: the rate is the mean over these horizons: a short one follows a change of habit, a
            long one remembers what is bought rarely.
    """

    half_lives_days: tuple[float, ...] = Field(default=(60, 120), min_length=1)


class PersonalFrequency(BaseRecommender[PersonalFrequencyParams]):
    """Scores a product by the rate at which this customer buys it, in purchase days per day.

    For purchases at a steady rate r the decayed count Σ 2^(-age/h) tends to r·h/ln 2, so count·ln 2/h
    estimates r for any half-life h, and estimates of several horizons can be averaged.
    """

    kind = "personal_frequency"
    params_class = PersonalFrequencyParams
    rate: csr_matrix | None = None

    def fit(self, interactions: Interactions) -> Self:
        """Estimate the rates."""
        half_lives = self.params.half_lives_days
        rates = (weighted_matrix(interactions, h) * np.float32(np.log(2) / h) for h in half_lives)
        self.rate = sum(rates) * np.float32(1 / len(half_lives))
        return self

    def score(self, customers: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[len(customers), products]: purchase days per day; 0 where never bought."""
        scores: NDArray[np.float32] = self._fitted(self.rate)[customers].toarray()
        return scores

    def _arrays(self) -> Arrays:
        return pack_csr("rate", self._fitted(self.rate))

    def _restore(self, arrays: Arrays) -> None:
        self.rate = unpack_csr("rate", arrays)
