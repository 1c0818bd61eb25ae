"""Customer–product pairs: on how many days a customer bought a product, the first and the last."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.profiles.packed_order import sorted_rows, starts_of_groups

# Whole billionths, so that a sum does not depend on the order of its terms.
WEIGHT_UNIT = 1_000_000_000


@dataclass(frozen=True)
class Pairs:
    """One entry per customer and product bought, by customer and product.

    Attributes:
        customer, product: int32[n], their numbers.
        purchase_days: int32[n], on how many days.
        first_day, last_day: int32[n], days since 1970-01-01.
        weight: int64[n], Σ ½^(age / half-life) in billionths, the age counted back from the customer's own
            last purchase day: a share does not change with the origin, and the newest purchase weighs 1.
    """

    customer: NDArray[np.int32]
    product: NDArray[np.int32]
    purchase_days: NDArray[np.int32]
    first_day: NDArray[np.int32]
    last_day: NDArray[np.int32]
    weight: NDArray[np.int64]


def pairs_of(product_days: pa.Table, *, customers: int, products: int, half_life_days: float) -> Pairs:
    """Group the days on which products were bought.

    Args:
        product_days: customer, product, day; one row per day on which the customer bought the product.
        customers: how many customers there are.
        products: how many products there are.
        half_life_days: after which a purchase weighs half.
    """
    customer, product, day = (product_days[name].to_numpy() for name in ("customer", "product", "day"))
    if not len(customer):
        nothing = np.zeros(0, dtype=np.int32)
        return Pairs(nothing, nothing, nothing, nothing, nothing, np.zeros(0, dtype=np.int64))
    earliest = int(day.min())
    span = int(day.max()) - earliest + 1
    customer, product, day = sorted_rows((customer, customers), (product, products), (day - earliest, span))
    day += earliest
    of_customer = starts_of_groups(customer)
    newest = np.repeat(np.maximum.reduceat(day, of_customer), np.diff(of_customer, append=len(day)))
    # One weight an age rather than one a row: the same number for the same age, and no power per row.
    weights = np.rint(WEIGHT_UNIT * 0.5 ** (np.arange(span) / half_life_days)).astype(np.int64)
    start = starts_of_groups(customer, product)
    end = np.append(start[1:], len(day)) - 1
    return Pairs(
        customer=customer[start],
        product=product[start],
        purchase_days=(end - start + 1).astype(np.int32),
        first_day=day[start],
        last_day=day[end],
        weight=np.add.reduceat(weights[newest - day], start),
    )
