"""What the purchase-process models see of a customer: frequency, recency, T and monetary value.

After Fader & Hardie: frequency is the number of repeat purchase days (the first one excluded), recency the
time from the first purchase day to the last, T the time from the first to the end of the observation. Times
count in the summary's unit; a week is seven days and is not rounded, so 9 days are 9/7 of a week.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.errors import DataError

Floats = NDArray[np.float64]
DAYS_OF_UNIT = {"day": 1.0, "week": 7.0}


@dataclass(frozen=True)
class PurchaseRows:
    """Distinct purchase histories, each with how many customers share it.

    Every model is a function of these columns alone, so a likelihood over a million customers is one over
    the few thousand histories that differ.

    Attributes:
        frequency, recency, T: float64[n].
        monetary_value: float64[n], NaN where a customer has none; None where nobody asked for it.
        count: float64[n], customers with this history.
    """

    frequency: Floats
    recency: Floats
    T: Floats
    count: Floats
    monetary_value: Floats | None = None

    def __len__(self) -> int:
        return len(self.frequency)

    @property
    def customers(self) -> int:
        """How many customers the rows stand for."""
        return int(self.count.sum())

    @cached_property
    def frequency_levels(self) -> tuple[Floats, NDArray[np.intp]]:
        """Distinct frequencies and the place of each row's among them: gamma functions see only these."""
        levels, place = np.unique(self.frequency, return_inverse=True)
        return levels, place

    def take(self, chosen: NDArray[np.integer] | NDArray[np.bool_] | slice) -> PurchaseRows:
        """Some of the rows."""
        value = None if self.monetary_value is None else self.monetary_value[chosen]
        return PurchaseRows(
            self.frequency[chosen], self.recency[chosen], self.T[chosen], self.count[chosen], value
        )


@dataclass(frozen=True)
class CustomerSummary:
    """One row per customer, validated at construction.

    Attributes:
        customer_id: text[n].
        frequency, recency, T: float64[n], times in `time_unit`.
        monetary_value: float64[n], mean value of the repeat purchase days, NaN where there is none; or None.
        time_unit: day or week.

    Raises:
        DataError: there is no row, or one of them cannot be a purchase history; names the customer.
    """

    customer_id: pa.Array
    frequency: Floats
    recency: Floats
    T: Floats
    monetary_value: Floats | None
    time_unit: str

    def __post_init__(self) -> None:
        if not len(self):
            raise DataError("There is no customer to look at.", "Give an order log or a summary with rows.")
        frequency, recency, age = self.frequency, self.recency, self.T
        self._refuse(~np.isfinite(frequency + recency + age), "a frequency, recency or T that is no number")
        self._refuse((frequency < 0) | (frequency % 1 != 0), "a frequency that is no count")
        self._refuse((recency < 0) | (age < 0), "a negative recency or T")
        self._refuse(recency > age, "a last purchase after the end of the observation (recency above T)")
        self._refuse((frequency == 0) & (recency > 0), "a recency above 0 without a repeat purchase")

    def __len__(self) -> int:
        return len(self.frequency)

    def _refuse(self, wrong: NDArray[np.bool_], what: str) -> None:
        if wrong.any():
            first = self.customer_id[int(np.argmax(wrong))].as_py()
            raise DataError(
                f"Customer {first} has {what} ({int(wrong.sum()):,} of {len(self):,} customers).",
                "Recency and T count from the first purchase, frequency counts repeat purchases; "
                "check --columns.",
            )

    def compressed(self) -> tuple[PurchaseRows, NDArray[np.int32]]:
        """The distinct histories without money, and int32[n]: the history of each customer."""
        place = distinct(self.frequency, self.recency, self.T)
        count = np.bincount(place).astype(np.float64)
        first = np.empty(len(count), dtype=np.intp)
        first[place[::-1]] = np.arange(len(place) - 1, -1, -1)
        return PurchaseRows(self.frequency[first], self.recency[first], self.T[first], count), place

    def repeat_buyers(self) -> PurchaseRows:
        """The customers whose spending tells something: repeat purchases of a value above zero.

        Raises:
            DataError: the summary has no monetary value, or nobody has a positive one.
        """
        if self.monetary_value is None:
            raise DataError(
                "The summary has no monetary value, which the value of a purchase is estimated from.",
                "Name its column: --columns monetary_value=COLUMN.",
            )
        chosen = (self.frequency > 0) & (self.monetary_value > 0)
        if not chosen.any():
            raise DataError("No customer has a repeat purchase of a value above zero.", "Give more data.")
        place = distinct(self.frequency[chosen], self.monetary_value[chosen])
        first = np.unique(place, return_index=True)[1]
        count = np.bincount(place).astype(np.float64)
        frequency, recency, age, value = (
            column[chosen][first] for column in (self.frequency, self.recency, self.T, self.monetary_value)
        )
        return PurchaseRows(frequency, recency, age, count, value)


def distinct(*columns: Floats) -> NDArray[np.int32]:
    """int32[n]: which distinct combination of values each row has, in order of first appearance."""
    place = _codes(columns[0])
    for column in columns[1:]:
        other = _codes(column)
        place = _codes(place.astype(np.int64) * (int(other.max(initial=0)) + 1) + other)
    return place


def _codes(values: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.int32]:
    # Hashing is several times faster than the sort behind np.unique.
    codes: NDArray[np.int32] = pa.array(values).dictionary_encode().indices.to_numpy()
    return codes


def as_text(ids: Sequence[str] | pa.Array | pa.ChunkedArray) -> pa.Array:
    """Customer ids as one Arrow array of text."""
    array = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else pa.array(ids)
    return array.cast(pa.string())
