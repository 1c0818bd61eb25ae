"""The habit of each customer: what was chosen most often, of equals what was chosen last."""

import numpy as np
from numpy.typing import NDArray

from features.profiles.packed_order import sorted_rows, starts_of_groups

Ints = NDArray[np.integer]


def favourites(
    customer: Ints, choice: Ints, when: Ints, *, customers: int, choices: int
) -> NDArray[np.float64]:
    """Each customer's favourite, float64[customers]; NaN where nothing was chosen.

    Of choices made equally often the one made last wins, and of those the smallest.

    Args:
        customer, choice: int[n] from 0.
        when: int[n], in any unit.
        customers, choices: how many different ones there may be.
    """
    favourite = np.full(customers, np.nan)
    if not len(customer):
        return favourite
    earliest = when.min()
    span = int(when.max() - earliest) + 1
    who, what, at = sorted_rows((customer, customers), (choice, choices), (when - earliest, span))
    start = starts_of_groups(who, what)
    times = np.diff(start, append=len(who))
    last = at[start + times - 1]
    often = int(times.max())
    # Best first: most often, then latest, then smallest.
    who, _, _, what = sorted_rows(
        (who[start], customers), (often - times, often), (span - 1 - last, span), (what[start], choices)
    )
    first = starts_of_groups(who)
    favourite[who[first]] = what[first]
    return favourite
