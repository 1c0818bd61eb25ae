"""Interactions: what customers did with products, as arrays and as a sparse matrix."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.errors import DataError
from features.id_map import IdMap

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Interactions:
    """Weighted customer–product signals before a date, validated at construction.

    One entry is one customer, one product and one day (several lines of a day are one entry).

    Attributes:
        customers: rows of the matrix.
        products: columns of the matrix.
        customer: int32[n], row of each entry.
        product: int32[n], column of each entry.
        age_days: float32[n], days between the entry and the as-of date (0 = the last day before it);
            all zeros where the source has no time.
        weight: float32[n], strength of the entry, > 0; a purchase day counts 1.
        half_life_days: the matrix halves an entry's weight each time this many days pass; None keeps it.
        has_time: whether `age_days` means anything.

    Raises:
        DataError: arrays of different lengths, indices out of range, or a weight that is no positive number.
    """

    customers: IdMap
    products: IdMap
    customer: NDArray[np.int32]
    product: NDArray[np.int32]
    age_days: NDArray[np.float32]
    weight: NDArray[np.float32]
    half_life_days: float | None = None
    has_time: bool = field(default=True)

    def __post_init__(self) -> None:
        n = len(self.customer)
        if not (len(self.product) == len(self.age_days) == len(self.weight) == n):
            raise DataError("Interactions have arrays of different lengths.", "Give one value per entry.")
        if n and not (self.customer.min() >= 0 and self.customer.max() < len(self.customers)):
            raise DataError("An interaction names a customer outside the id map.", "Map ids before building.")
        if n and not (self.product.min() >= 0 and self.product.max() < len(self.products)):
            raise DataError("An interaction names a product outside the id map.", "Map ids before building.")
        if not (np.isfinite(self.weight).all() and (self.weight > 0).all()):
            raise DataError(
                "An interaction has a weight that is not a positive number.", "Drop or repair the row."
            )
        if not (np.isfinite(self.age_days).all() and (self.age_days >= 0).all()):
            raise DataError("An interaction lies after the as-of date.", "Cut the data at the as-of date.")

    def __len__(self) -> int:
        return len(self.customer)

    @property
    def shape(self) -> tuple[int, int]:
        """(customers, products)."""
        return len(self.customers), len(self.products)

    @cached_property
    def decayed_weight(self) -> NDArray[np.float32]:
        """float32[n]: the weight of each entry after recency decay."""
        if self.half_life_days is None or not self.has_time:
            return self.weight
        decay: NDArray[np.float32] = np.exp2(-self.age_days / np.float32(self.half_life_days))
        return self.weight * decay

    @cached_property
    def matrix(self) -> csr_matrix:
        """float32 CSR matrix, shape (customers, products): decayed weights summed over entries."""
        from scipy.sparse import csr_matrix

        matrix = csr_matrix((self.decayed_weight, (self.customer, self.product)), shape=self.shape)
        matrix.sum_duplicates()
        return matrix

    def with_half_life(self, half_life_days: float | None) -> Interactions:
        """The same entries with another recency half-life."""
        return replace(self, half_life_days=half_life_days)

    def within(self, window_days: float) -> Interactions:
        """Only the entries of the last `window_days` days, with the same id maps."""
        keep = self.age_days < window_days
        return replace(
            self,
            customer=self.customer[keep],
            product=self.product[keep],
            age_days=self.age_days[keep],
            weight=self.weight[keep],
        )
