"""Lifecycle: new, active, lapsing or churned, by one of two definitions (`profiles.lifecycle_rule`).

In this order, with T the age of the first purchase day and both counted to the last day before the as-of day:

1. churned: silent for longer than the churned line
2. new: T below `profiles.new_within_days`, or no purchase day yet
3. lapsing: silent for longer than the lapsing line
4. active: everyone else

`fixed_days` draws the lines at `profiles.lapsing_after_days` and `profiles.churned_after_days`, the same for
everyone. `own_rhythm` draws them from the customer's own gaps between purchase days: lapsing beyond the gap
that `profiles.lapsing_percentile` of them do not exceed, churned beyond `profiles.churned_rhythm_factor`
times that; whose rhythm is not known (fewer than `profiles.due_minimum_orders` purchase days) has the fixed
lines.

Never null.
"""

import numpy as np
from numpy.typing import NDArray

from features.settings import ProfileSettings

Floats = NDArray[np.float64]


def lifecycles(
    age_days: Floats,
    days_since_last_order: Floats,
    settings: ProfileSettings,
    own_gap_days: Floats | None = None,
) -> NDArray[np.str_]:
    """str[n], one of `columns.LIFECYCLES`; customers without a purchase day (NaN) are new.

    Args:
        age_days: T, float64[n].
        days_since_last_order: float64[n].
        settings: the lines.
        own_gap_days: for `own_rhythm`, float64[n]: the gap at the percentile, NaN where no rhythm is known;
            None for `fixed_days`.
    """
    lapsing: Floats | float = float(settings.lapsing_after_days)
    churned: Floats | float = float(settings.churned_after_days)
    if own_gap_days is not None:
        lapsing = np.where(np.isnan(own_gap_days), lapsing, own_gap_days)
        churned = np.where(np.isnan(own_gap_days), churned, settings.churned_rhythm_factor * own_gap_days)
    return np.select(
        [
            days_since_last_order > churned,
            (age_days < settings.new_within_days) | np.isnan(age_days),
            days_since_last_order > lapsing,
        ],
        ["churned", "new", "lapsing"],
        default="active",
    )
