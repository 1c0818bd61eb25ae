"""Quantiles of each customer's gaps between purchase days, all customers at once."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.profiles.packed_order import sorted_rows


class GapQuantiles:
    """The gaps of every customer, sorted once.

    Args:
        rhythm: customer, gap; one row per purchase day, in no order, the gap NULL on the first.
        customers: how many customers there are.
    """

    def __init__(self, rhythm: pa.Table, customers: int) -> None:
        gaps = rhythm.filter(rhythm["gap"].is_valid())
        customer, gap = gaps["customer"].to_numpy(), gaps["gap"].to_numpy()
        longest = int(gap.max()) if len(gap) else 0
        self._gap = sorted_rows((customer, customers), (gap, longest + 1))[1].astype(np.float64)
        self._count = np.bincount(customer, minlength=customers)
        self._start = np.cumsum(self._count) - self._count

    def at(self, share: float) -> NDArray[np.float64]:
        """Each customer's quantile in days, between two gaps by linear interpolation; NaN without a gap."""
        quantile = np.full(len(self._count), np.nan)
        some = np.flatnonzero(self._count)
        place = share * (self._count[some] - 1)
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, self._count[some] - 1)
        low, high = self._gap[self._start[some] + below], self._gap[self._start[some] + above]
        quantile[some] = low + (place - below) * (high - low)
        return quantile
