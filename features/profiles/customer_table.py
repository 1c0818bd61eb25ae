"""The customers' table, put together from what the queries measured: one function a group of fields."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.columns import SEGMENTS
from features.profiles.cadence import due_score
from features.profiles.favourite import favourites
from features.profiles.fields import TICKETS_TYPE
from features.profiles.gaps import GapQuantiles
from features.profiles.lifecycle import lifecycles
from features.profiles.rfm import quintiles, segments
from features.settings import ProfileSettings

Columns = Mapping[str, Any]
Floats = NDArray[np.float64]
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def column(table: pa.Table, name: str, dtype: Any = None) -> NDArray[Any]:
    """A column as an array, nulls as NaN."""
    values: NDArray[Any] = table[name].to_numpy()
    return values if dtype is None else values.astype(dtype)


def table_of(columns: Columns, schema: pa.Schema) -> pa.Table:
    """Columns as an Arrow table of the schema, NaN as null."""
    arrays = []
    for field in schema:
        values = columns[field.name]
        if isinstance(values, np.ndarray):
            if pa.types.is_date(field.type):
                values = pa.array(values, pa.float64(), from_pandas=True).cast(pa.int32())
            else:
                values = pa.array(values, from_pandas=True)
        arrays.append(values.cast(field.type))
    return pa.table(arrays, schema=schema)


def identity_columns(identity: pa.Table, as_of: date, zone: ZoneInfo) -> Columns:
    """Who the customer is, and what the customer agreed to."""
    births = identity["birth_date"].to_pylist()
    return {
        "signed_up_on": local_days(identity["signed_up_at"], zone),
        **{name: identity[name] for name in ("gender", "region")},
        "age": np.array([_age(birth, as_of) for birth in births], dtype=np.float64),
        "days_to_birthday": np.array([_days_to_birthday(birth, as_of) for birth in births], dtype=np.float64),
        **{name: identity[name] for name in ("consent_personalization", "consent_marketing")},
    }


def purchase_columns(measures: pa.Table, as_of_day: int) -> Columns:
    """Recency, frequency, money and habits."""
    first, last = column(measures, "first_day", np.float64), column(measures, "last_day", np.float64)
    days, orders = column(measures, "purchase_days"), column(measures, "orders")
    spend, returned = column(measures, "spend"), column(measures, "returned")
    sold, discount = column(measures, "sold", np.float64), column(measures, "discount", np.float64)
    frequency = np.where(days > 0, days - 1.0, np.nan)
    discounted = np.where(np.isnan(discount), np.nan, column(measures, "discounted_orders", np.float64))
    return {
        "customer_id": measures["customer_id"],
        "first_ordered_on": first,
        "last_ordered_on": last,
        "recency": last - first,
        "frequency": frequency,
        "T": as_of_day - 1 - first,
        "days_since_last_order": as_of_day - 1 - last,
        "monetary_value": ratio(column(measures, "repeat_amount", np.float64), frequency),
        "orders": orders,
        "purchase_days": days,
        "spend": spend,
        "order_value": ratio(spend, orders),
        "returned_amount": returned,
        "return_share": ratio(returned, sold),
        "discount_share": ratio(discount, sold + discount),
        "discounted_order_share": ratio(discounted, orders),
    }


def habit_columns(rhythm: pa.Table, paid_orders: pa.Table, customers: int) -> Columns:
    """Weekday, hour and channel of most purchases."""
    buyer, second = column(paid_orders, "customer"), column(paid_orders, "second")
    day = column(rhythm, "day")
    channels = paid_orders["channel"].combine_chunks()
    names = pc.unique(channels.drop_null()).sort()
    told = np.flatnonzero(channels.is_valid())
    codes = pc.index_in(channels, names).drop_null().to_numpy()
    channel = favourites(buyer[told], codes, second[told], customers=customers, choices=max(1, len(names)))
    return {
        # Day 0, 1970-01-01, was a Thursday.
        "preferred_weekday": 1
        + favourites(column(rhythm, "customer"), (day + 3) % 7, day, customers=customers, choices=7),
        "preferred_hour": favourites(
            buyer, column(paid_orders, "hour"), second, customers=customers, choices=24
        ),
        "preferred_channel": names.take(pa.array(channel, from_pandas=True).cast(pa.int32())),
    }


def rhythm_columns(bought: Columns, gaps: GapQuantiles, settings: ProfileSettings) -> Columns:
    """Cadence, what is due, and the lifecycle by both definitions."""
    days, age, silent = bought["purchase_days"], bought["T"], bought["days_since_last_order"]
    steady = days >= settings.due_minimum_orders
    cadence = np.where(steady, gaps.at(0.5), np.nan)
    own_gap = np.where(steady, gaps.at(settings.lapsing_percentile), np.nan)
    by_rule = {
        "fixed_days": lifecycles(age, silent, settings),
        "own_rhythm": lifecycles(age, silent, settings, own_gap),
    }
    return {
        "cadence_days": cadence,
        "due_score": np.where(np.isnan(cadence), np.nan, due_score(silent, cadence, days)),
        "lifecycle": by_rule[settings.lifecycle_rule],
        "lifecycle_rule": np.full(len(days), settings.lifecycle_rule),
        "lifecycle_fixed_days": by_rule["fixed_days"],
        "lifecycle_own_rhythm": by_rule["own_rhythm"],
    }


def segment_columns(bought: Columns) -> Columns:
    """RFM scores and the segment they make."""
    days, spend = bought["purchase_days"], bought["spend"]
    scores = [
        quintiles(-bought["days_since_last_order"]),
        quintiles(bought["frequency"]),
        quintiles(np.where(days > 0, spend, np.nan)),
    ]
    return {
        **{
            f"rfm_{name}": np.where(score > 0, score, np.nan)
            for name, score in zip(("recency", "frequency", "monetary"), scores, strict=True)
        },
        "segment": np.asarray([*SEGMENTS, None], dtype=object)[segments(*scores)],
    }


def tenure_columns(bought: Columns, identity: Columns, as_of_day: int) -> Columns:
    """How long the customer has been one: from the sign-up or the first purchase, whichever came first."""
    earliest = np.fmin(identity["signed_up_on"], as_of_day - 1 - bought["T"])
    return {"tenure_days": as_of_day - 1 - earliest}


def behaviour_columns(behaviour: pa.Table, deeds: pa.Table, customers: int) -> Columns:
    """What the customer did in the shop; 0 sessions are known, shares of none are not."""
    sessions = scattered(behaviour, "sessions", customers, 0.0)
    return {
        "sessions": sessions,
        "views": scattered(behaviour, "views", customers, 0.0),
        "dwell_seconds": ratio(scattered(behaviour, "dwell_seconds", customers), sessions),
        "cart_rate": ratio(scattered(behaviour, "carted", customers), sessions),
        "conversion_rate": ratio(scattered(behaviour, "bought", customers), sessions),
        "bounce_rate": ratio(scattered(behaviour, "bounced", customers), sessions),
        "check_ins": scattered(deeds, "check_ins", customers, 0.0),
        "referrals": scattered(deeds, "referrals", customers, 0.0),
    }


def satisfaction_columns(feedback: pa.Table, tickets: pa.Table, customers: int) -> Columns:
    """Scores the customer gave, and complaints."""
    lengths = np.bincount(tickets["customer"].to_numpy(), minlength=customers)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    entries = pa.StructArray.from_arrays(
        [
            tickets["category"].combine_chunks(),
            *(tickets[name].cast(pa.int32()).combine_chunks() for name in ("open", "recent")),
        ],
        fields=list(TICKETS_TYPE.value_type),
    )
    return {
        "nps": scattered(feedback, "nps", customers),
        "csat": scattered(feedback, "csat", customers),
        "review_score": scattered(feedback, "review", customers),
        "tickets": pa.ListArray.from_arrays(pa.array(offsets), entries, type=TICKETS_TYPE),
    }


def scattered(table: pa.Table, name: str, customers: int, missing: float = np.nan) -> Floats:
    """A measured column as float64[customers], `missing` where the table has no row of the customer."""
    spread = np.full(customers, missing)
    spread[table["customer"].to_numpy()] = column(table, name, np.float64)
    return spread


def ratio(numerator: Floats, denominator: NDArray[Any]) -> Floats:
    """The quotient, NaN where the denominator is not above 0."""
    quotient = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def local_days(instants: pa.ChunkedArray, zone: ZoneInfo) -> Floats:
    """Local days since 1970-01-01 of instants in UTC (timestamp[us]), float64[n]; NaN where null."""
    known = np.flatnonzero(instants.is_valid().to_numpy())
    hours = instants.drop_null().cast(pa.timestamp("us")).to_numpy().astype("datetime64[h]")
    # One look-up an hour that occurs: clocks change on whole hours of UTC.
    distinct, which = np.unique(hours, return_inverse=True)
    stamps = [
        datetime.fromtimestamp(int(hour) * 3600, UTC).astimezone(zone) for hour in distinct.astype(np.int64)
    ]
    days = np.full(len(instants), np.nan)
    days[known] = np.array([stamp.toordinal() - EPOCH_ORDINAL for stamp in stamps], dtype=np.float64)[which]
    return days


def _age(birth: date | None, as_of: date) -> float:
    if birth is None or birth > as_of:
        return np.nan
    return as_of.year - birth.year - ((as_of.month, as_of.day) < (birth.month, birth.day))


def _days_to_birthday(birth: date | None, as_of: date) -> float:
    if birth is None:
        return np.nan
    upcoming = _birthday(birth, as_of.year)
    return float(((upcoming if upcoming >= as_of else _birthday(birth, as_of.year + 1)) - as_of).days)


def _birthday(birth: date, year: int) -> date:
    try:
        return birth.replace(year=year)
    except ValueError:  # 29 February in a year without one
        return date(year, 3, 1)
