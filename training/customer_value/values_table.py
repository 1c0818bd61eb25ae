"""Values on disk: `lake/values/DATE/customers.parquet`, one row per customer, beside that date's profiles.

`join_values` is how a reader puts them into the profile; customers who are not in the table (nothing bought,
or no consent to be learned from) get nulls.
"""

import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.errors import DataError
from features.profiles.fields import Field
from training.customer_value.lifetime import LifetimeValues
from training.customer_value.summary import CustomerSummary

_UNKNOWN = "no purchase day, or no consent"
_NO_MONEY = "no repeat purchase in the shop tells what one is worth"
VALUE_FIELDS = (
    Field("customer_id", pa.string(), "id", "customers with a purchase day and consent to be learned from"),
    Field("p_alive", pa.float64(), "0..1", "probability of not having left, by value.model", _UNKNOWN),
    Field("purchases_if_alive", pa.float64(), "count", "expected in the horizon if not left", _UNKNOWN),
    Field("expected_purchases", pa.float64(), "count", "p_alive · purchases_if_alive", _UNKNOWN),
    Field("expected_value", pa.float64(), "shop currency", "of one purchase, Gamma-Gamma", _NO_MONEY),
    Field("discount_factor", pa.float64(), "0..1", "discounted share of purchases_if_alive", _UNKNOWN),
    Field(
        "lifetime_value",
        pa.float64(),
        "shop currency",
        "expected_purchases · expected_value · discount_factor",
        _NO_MONEY,
    ),
    Field("value_segment", pa.string(), "name", "rules of training/customer_value/lifetime.py", _NO_MONEY),
)
VALUE_SCHEMA = pa.schema([pa.field(f.name, f.type, nullable=bool(f.null)) for f in VALUE_FIELDS])


def values_table(summary: CustomerSummary, values: LifetimeValues, segments: NDArray[np.object_]) -> pa.Table:
    """One row per customer in the columns of `VALUE_FIELDS`; what is not known is null."""
    columns = [summary.customer_id]
    for field in VALUE_FIELDS[1:-1]:
        columns.append(pa.array(getattr(values, field.name), from_pandas=True))
    return pa.table([*columns, pa.array(segments, pa.string())], schema=VALUE_SCHEMA)


def write_table(table: pa.Table, path: Path) -> None:
    """Write Parquet or CSV, by the file's ending; a reader never sees half of it.

    Raises:
        DataError: another ending.
    """
    if path.suffix not in (".parquet", ".csv"):
        raise DataError(f"The output {path} is neither .parquet nor .csv.", "Give one of these endings.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as scratch:
        fresh = Path(scratch) / path.name
        if path.suffix == ".csv":
            pa_csv.write_csv(table, fresh)
        else:
            pq.write_table(table, fresh, compression="zstd")
        fresh.replace(path)


def values_path(lake: Path, as_of: date, name: str = "customers") -> Path:
    """Where the values (or `churn` warnings) of a date lie."""
    return lake / "values" / as_of.isoformat() / f"{name}.parquet"


def join_values(customers: pa.Table, values: pa.Table) -> pa.Table:
    """The customers' table with the value columns after its own, in the same order of rows."""
    place = pc.index_in(customers["customer_id"], value_set=values["customer_id"].combine_chunks())
    for field in VALUE_FIELDS[1:]:
        customers = customers.append_column(field.name, values[field.name].take(place))
    return customers
