"""The table of what is due: one row per customer and product bought, the most due first."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.profiles.cadence import DUE_STEPS, due_score, gap_sums, pair_gaps
from features.profiles.customer_table import table_of
from features.profiles.fields import DUE_SCHEMA
from features.profiles.packed_order import order_within
from features.profiles.pairs import Mapper, Pairs


def due_table(
    parts: Sequence[Pairs],
    customer_ids: pa.Array,
    product_ids: pa.Array,
    *,
    as_of_day: int,
    minimum_days: int,
    each: Mapper = map,
) -> pa.Table:
    """Due pairs of `fields.DUE_SCHEMA`, by customer, due score (highest first) and product.

    Args:
        parts: what each customer bought.
        customer_ids, product_ids: the id of each number.
        as_of_day: days since 1970-01-01.
        minimum_days: purchase days from which a pair speaks for its product.
        each: applies a function to parts in order, as `map` does.
    """
    sums = np.zeros((2, len(product_ids)))
    for part in parts:
        span = part.last_day - part.first_day
        sums += gap_sums(
            part.product, part.purchase_days, span, products=len(product_ids), minimum_days=minimum_days
        )
    first = np.cumsum([0, *(part.customers for part in parts)])

    def of_part(part: Pairs, first_customer: int) -> pa.Table:
        gaps, score = _scores(part, sums, as_of_day, minimum_days)
        # Pairs come sorted by customer and product, and equal keys keep their order, so products break ties.
        least_due = np.rint((1 - score) * DUE_STEPS).astype(np.int32)
        order = order_within(part.customer, part.customers, (least_due, DUE_STEPS + 1))
        last = part.last_day[order]
        columns = {
            # Ten million strings would cost more than everything else: numbers into the list of ids do.
            "customer_id": _words(customer_ids, part.customer + np.int32(first_customer)),
            "product_id": _words(product_ids, part.product[order]),
            "purchase_days": part.purchase_days[order],
            "last_ordered_on": last,
            "days_since": as_of_day - 1 - last,
            "gap_days": gaps[order],
            "due_score": score[order],
        }
        return table_of(columns, DUE_SCHEMA)

    return pa.concat_tables([DUE_SCHEMA.empty_table(), *each(of_part, parts, first)])


def _scores(
    part: Pairs, sums: NDArray[np.float64], as_of_day: int, minimum_days: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gap in days (NaN where too few purchase days) and due score of each pair."""
    gaps, score = np.full((2, len(part.product)), [[np.nan], [0.0]])
    # What was bought once has no gap and is due with a score of 0: most pairs of most shops.
    often = np.flatnonzero(part.purchase_days > 1)
    days, last = part.purchase_days[often], part.last_day[often]
    gap = pair_gaps(part.product[often], days, last - part.first_day[often], sums)
    gaps[often] = np.where(days >= minimum_days, np.round(gap, 6), np.nan)
    score[often] = due_score(as_of_day - 1 - last, gap, days)
    return gaps, score


def _words(ids: pa.Array, numbers: NDArray[np.int32]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(numbers), ids)
