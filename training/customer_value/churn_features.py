"""What is known of a customer on the morning of a date that may tell whether they are about to leave.

Every number of the profile that exists in the shop is a feature, beside a few that only the sequence of
purchase days gives. What a person is (age, gender, region, birthday) is not used: a warning must rest on
behaviour. Nor are scores and names that are only other numbers of the profile in other words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.errors import DataError
from features.profiles.store import Profiles
from training.customer_value.jobs import Observed, fit_value_model
from training.customer_value.purchase_days import PurchaseDays
from training.customer_value.registry import purchase_model
from training.customer_value.summary import Floats

SILENCE = "days_since_last_order"
NOT_USED = (
    "age",
    "days_to_birthday",
    "rfm_recency",
    "rfm_frequency",
    "rfm_monetary",
    "preferred_weekday",
    "preferred_hour",
)
RECENT_DAYS = (28, 84)


@dataclass(frozen=True)
class ChurnRows:
    """The customers of one date and what is known of them.

    Attributes:
        as_of: the date; only days before it were read.
        customer_id: text[n].
        features: name → float64[n], NaN where not known.
        stayed_away: bool[n], whether they bought nothing in the days from the date; None where that is not
            known yet.
    """

    as_of: date
    customer_id: pa.Array
    features: Mapping[str, Floats]
    stayed_away: NDArray[np.bool_] | None

    def __len__(self) -> int:
        return len(self.customer_id)


def churn_rows(
    profiles: Profiles, days: PurchaseDays, model: str, horizon_days: int, gone_after_days: int
) -> ChurnRows:
    """Features of the customers who are not gone already.

    Args:
        profiles: of the date.
        days: the purchase days before the date, of customers who agreed to be learned from.
        model: of the purchase process, fitted on those days.
        horizon_days: in which a purchase would mean that they stayed.
        gone_after_days: who is silent for longer needs no warning any more.
    """
    table = profiles.customers
    silent = _numbers(table[SILENCE])
    chosen = (silent <= gone_after_days) & np.asarray(
        pc.is_in(table["customer_id"], value_set=days.customer_ids)
    )
    table = table.filter(pa.array(chosen))
    customer_id = table["customer_id"].combine_chunks()
    features = {
        field.name: _numbers(table[field.name])
        for field in table.schema
        if field.name not in NOT_USED
        and (pa.types.is_integer(field.type) or pa.types.is_floating(field.type))
    }
    features |= _rhythm(days, profiles.as_of, customer_id, features[SILENCE])
    features |= _expectations(days, profiles.as_of, customer_id, model, horizon_days)
    return ChurnRows(profiles.as_of, customer_id, features, None)


def _rhythm(days: PurchaseDays, as_of: date, customer_id: pa.Array, silent: Floats) -> dict[str, Floats]:
    """How the newest weeks compare with the customer's own past."""
    summary = days.summary(days.newest_day, "day")
    place = _places(customer_id, summary.customer_id)
    repeats, span = summary.frequency[place], summary.recency[place]
    mean_gap = np.divide(span, repeats, out=np.full(len(place), np.nan), where=repeats > 0)
    found = {"mean_gap_days": mean_gap, "silence_in_gaps": silent / mean_gap}
    for window in RECENT_DAYS:
        start = date.fromordinal(as_of.toordinal() - window - 1)
        found[f"purchase_days_{window}d"] = days.after(start, customer_id)[0]
    return found


def _expectations(
    days: PurchaseDays, as_of: date, customer_id: pa.Array, model: str, horizon_days: int
) -> dict[str, Floats]:
    """What the model of the purchase process expects, where it can be fitted."""
    summary = days.summary(date.fromordinal(as_of.toordinal() - 1), "day")
    try:
        parameters = fit_value_model(Observed(summary), model).fit.vector
    except DataError:  # nobody has come back yet, so there is nothing to expect
        return {}
    place = _places(customer_id, summary.customer_id)
    rows, history = summary.compressed()
    alive = purchase_model(model).p_alive(parameters, rows)
    expected = alive * purchase_model(model).purchases_if_alive(parameters, rows, float(horizon_days))
    return {"p_alive": alive[history][place], "expected_purchases": expected[history][place]}


def _places(wanted: pa.Array, among: pa.Array) -> NDArray[np.int32]:
    places: NDArray[np.int32] = pc.index_in(wanted, value_set=among).to_numpy()
    return places


def _numbers(column: pa.ChunkedArray) -> Floats:
    """float64[n], nulls as NaN."""
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
