"""Customer–product pairs: on how many days a customer bought a product, the first and the last."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.profiles.packed_order import sorted_rows, starts_of_groups

# Whole billionths, so that a sum does not depend on the order of its terms.
WEIGHT_UNIT = 1_000_000_000
# Rows of a part: small enough for its arrays to stay in the memory that the part before it used.
PART_ROWS = 500_000
Ints = NDArray[np.int32]
# `map`, or that of a pool.
Mapper = Callable[..., Iterable[Any]]


@dataclass(frozen=True)
class Pairs:
    """One entry per customer and product bought, by customer and product, of a range of customers.

    Attributes:
        customers: how many customers the range has.
        customer: int32[n], their numbers within the range.
        product: int32[n], its number.
        purchase_days: int32[n], on how many days.
        first_day, last_day: int32[n], days since 1970-01-01.
        weight: int64[n], Σ ½^(age / half-life) in billionths, the age counted back from the customer's own
            last purchase day: a share does not change with the origin, and the newest purchase weighs 1.
    """

    customers: int
    customer: Ints
    product: Ints
    purchase_days: Ints
    first_day: Ints
    last_day: Ints
    weight: NDArray[np.int64]


def pairs_of(
    product_days: pa.Table, *, customers: int, products: int, half_life_days: float, each: Mapper = map
) -> list[Pairs]:
    """Group the days on which products were bought.

    Args:
        product_days: customer, product, day; one row per day on which the customer bought the product.
        customers: how many customers there are.
        products: how many products there are.
        half_life_days: after which a purchase weighs half.
        each: applies a function to parts in order, as `map` does.

    Returns:
        the pairs in parts, each of the customers after those of the part before it.
    """
    customer, product, day = (product_days[name].to_numpy() for name in ("customer", "product", "day"))
    earliest = int(day.min()) if len(day) else 0
    span = int(day.max()) - earliest + 1 if len(day) else 1
    customer, product, day = sorted_rows((customer, customers), (product, products), (day - earliest, span))
    day += np.int32(earliest)
    # One weight an age rather than one a row: the same number for the same age, and no power per row.
    weights = np.rint(WEIGHT_UNIT * 0.5 ** (np.arange(span) / half_life_days)).astype(np.int64)
    first = np.unique([0, *customer[PART_ROWS::PART_ROWS].tolist(), customers])
    row = np.searchsorted(customer, first.astype(customer.dtype))

    def of_range(low: int, high: int, start: int, end: int) -> Pairs:
        rows = slice(start, end)
        return _part(high - low, customer[rows] - np.int32(low), product[rows], day[rows], weights)

    return list(each(of_range, *(ends.tolist() for ends in (first[:-1], first[1:], row[:-1], row[1:]))))


def _part(customers: int, customer: Ints, product: Ints, day: Ints, weights: NDArray[np.int64]) -> Pairs:
    if not len(customer):
        return Pairs(customers, customer, product, day, day, day, np.zeros(0, dtype=np.int64))
    of_customer = starts_of_groups(customer)
    newest = np.repeat(np.maximum.reduceat(day, of_customer), np.diff(of_customer, append=len(day)))
    start = starts_of_groups(customer, product)
    end = np.append(start[1:], len(day)) - 1
    return Pairs(
        customers=customers,
        customer=customer[start],
        product=product[start],
        purchase_days=(end - start + 1).astype(np.int32),
        first_day=day[start],
        last_day=day[end],
        weight=np.add.reduceat(weights[newest - day], start),
    )
