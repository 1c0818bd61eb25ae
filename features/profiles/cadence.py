"""Cadence: how often a customer buys, or buys a product, and whether the next time is due.

Gap of a customer: the median of the days between consecutive purchase days. Null below
`profiles.due_minimum_orders` purchase days: too few to speak of a rhythm.

Gap of a customer and a product bought on n days, pulled towards the product's own gap while there is little
to go by (two gaps' worth of pull):

    gap = (last day − first day + 2 · product gap) / (n − 1 + 2)
    product gap = Σ (last day − first day) / Σ (n − 1)   over pairs of due_minimum_orders days or more

A product that nobody buys in a rhythm has no gap; then the customer's own mean gap stands alone. `gap_days`
is null below `due_minimum_orders` purchase days.

Due score, between 0 and 1:

    u   = (days since + 1) / gap          how far into the gap the as-of day lies
    due = (n − 1) / (n − 1 + 2) · u e^(1−u)

The second factor is the density of an Erlang-2 gap, the classical law of interpurchase times (Chatfield and
Goodhardt, 1973), scaled to 1 at its peak u = 1: low right after a purchase, highest when the typical gap has
passed, .74 at twice the gap, .41 at three times and .09 at five, when the customer has probably found another
source. The first factor is the trust in the rhythm: 0 after one purchase, ½ after three, towards 1. Where no
gap is known the score is 0.
"""

import numpy as np
from numpy.typing import NDArray

# Scores are whole millionths.
DUE_STEPS = 1_000_000
# How many observed gaps the prior is worth.
PRIOR_GAPS = 2.0


def due_score(
    days_since: NDArray[np.number], gap_days: NDArray[np.float64], purchase_days: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Due score of each row, float64[n] in 0..1, rounded to a millionth; 0 where the gap is NaN."""
    # A gap is at least a day; the bound only guards the division.
    progress = (days_since + 1) / np.maximum(gap_days, 1.0)
    gaps = np.maximum(purchase_days - 1, 0)
    score = gaps / (gaps + PRIOR_GAPS) * progress * np.exp(1 - progress)
    # Rounded so that the last digit of exp, which differs between machines, cannot change an order.
    return np.asarray(np.round(np.nan_to_num(score), 6), dtype=np.float64)


def gap_sums(
    product: NDArray[np.int32],
    purchase_days: NDArray[np.int32],
    span_days: NDArray[np.int32],
    *,
    products: int,
    minimum_days: int,
) -> NDArray[np.float64]:
    """Σ (last day − first day) and Σ (n − 1) of each product's steady pairs; sums of disjoint pairs add up.

    Args:
        product: int32[n], the product of each pair.
        purchase_days: int32[n], on how many days it was bought.
        span_days: int32[n], last purchase day − first.
        products: how many products there are.
        minimum_days: purchase days from which a pair speaks for its product.

    Returns:
        float64[2, products]; whole numbers, so the order of adding does not matter.
    """
    steady = np.flatnonzero(purchase_days >= minimum_days)
    of = product[steady]
    return np.stack(
        [
            np.bincount(of, weights=span_days[steady], minlength=products),
            np.bincount(of, weights=purchase_days[steady] - 1, minlength=products),
        ]
    )


def pair_gaps(
    product: NDArray[np.int32],
    purchase_days: NDArray[np.int32],
    span_days: NDArray[np.int32],
    sums: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Typical gap of each customer–product pair in days, pulled towards the product's.

    Args:
        product, purchase_days, span_days: as in `gap_sums`.
        sums: `gap_sums` of all pairs of the shop.

    Returns:
        float64[n]; NaN where neither the pair nor the product has a gap.
    """
    gaps = purchase_days - 1
    span_of_product, gaps_of_product = sums
    pull = np.where(gaps_of_product > 0, PRIOR_GAPS, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        product_gap = np.where(gaps_of_product > 0, span_of_product / gaps_of_product, 0.0)
        pulled: NDArray[np.float64] = (span_days + (pull * product_gap)[product]) / (gaps + pull[product])
    return pulled
