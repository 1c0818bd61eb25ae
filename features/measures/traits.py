"""The group of every customer by segment, tier, region, age and gender, as profiles of a day have them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.measures.measure import TRAITS
from features.profiles.store import Profiles

UNKNOWN = "unknown"
# Nothing bought yet, so no segment; the name of profiles' own summary.
NO_SEGMENT = "none"
# The first age of each band.
AGE_BANDS = {
    0: "under 18",
    18: "18–24",
    25: "25–34",
    35: "35–44",
    45: "45–54",
    55: "55–64",
    65: "65 and over",
}


def trait_table(profiles: Profiles | None, dimensions: tuple[str, ...]) -> pa.Table:
    """One row per customer and trait: customer_id, dimension, grp; no row where the trait is not known.

    Args:
        profiles: as of the report's day; None where no trait is asked for.
        dimensions: of which those that are traits count.
    """
    schema = pa.schema([(name, pa.string()) for name in ("customer_id", "dimension", "grp")])
    parts = [schema.empty_table()]
    if profiles is not None:
        customers = profiles.customers
        for dimension in (name for name in dimensions if name in TRAITS):
            groups = _groups(customers, dimension)
            name = pa.repeat(pa.scalar(dimension), len(groups))
            parts.append(pa.table([customers["customer_id"], name, groups], schema=schema))
    table = pa.concat_tables(parts)
    return table.filter(pc.is_valid(table["grp"]))


def _groups(customers: pa.Table, dimension: str) -> pa.Array:
    values = customers[dimension].combine_chunks()
    if dimension == "segment":
        return pc.fill_null(values, NO_SEGMENT)
    if dimension == "age":
        # An age of 0 stands for none while the bands are looked up.
        place = np.searchsorted(list(AGE_BANDS), pc.fill_null(values, 0).to_numpy(), side="right") - 1
        bands = pa.array(list(AGE_BANDS.values())).take(pa.array(place))
        return pc.if_else(pc.is_valid(values), bands, pa.scalar(None, pa.string()))
    return values
