"""Lifecycle: new, active, lapsing or churned, by days fixed in the settings.

In this order, with T the age of the first purchase day and both counted to the last day before the as-of day:

1. churned: silent for more than `profiles.churned_after_days`
2. new: T below `profiles.new_within_days`, or no purchase day yet
3. lapsing: silent for more than `profiles.lapsing_after_days`
4. active: everyone else

Never null.
"""

import numpy as np
from numpy.typing import NDArray

from features.settings import ProfileSettings


def lifecycles(
    age_days: NDArray[np.float64], days_since_last_order: NDArray[np.float64], settings: ProfileSettings
) -> NDArray[np.str_]:
    """str[n], one of `columns.LIFECYCLES`; customers without a purchase day (NaN) are new."""
    return np.select(
        [
            days_since_last_order > settings.churned_after_days,
            (age_days < settings.new_within_days) | np.isnan(age_days),
            days_since_last_order > settings.lapsing_after_days,
        ],
        ["churned", "new", "lapsing"],
        default="active",
    )
