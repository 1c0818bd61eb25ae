"""Category affinities: which categories a customer buys, recent purchase days first.

    weight of a category = Σ ½^(age / profiles.affinity_half_life_days)
    share = weight / weight of all the customer's purchases, those of products without a category included

summed over the days on which a product of the category was bought (two products on one day count twice);
the age counts back from the customer's own last purchase day. The strongest five are kept, each with its
undecayed `purchases`, so that a share of 1 out of one purchase can be told from love. An empty list: no
purchase day, or no product with a category.
"""

import numpy as np
import pyarrow as pa

AFFINITY_TYPE = pa.list_(
    pa.struct([("category", pa.string()), ("share", pa.float64()), ("purchases", pa.int64())])
)


def affinity_lists(rows: pa.Table, customers: int) -> pa.Array:
    """One list per customer.

    Args:
        rows: customer, category, weight, purchases, total; sorted by customer, strongest first
            (`profile_affinities.sql`).
        customers: how many customers there are.

    Returns:
        list array of that length, of type `AFFINITY_TYPE`.
    """
    weight, total = rows["weight"].to_numpy(), rows["total"].to_numpy()
    entries = pa.StructArray.from_arrays(
        [
            rows["category"].cast(pa.string()).combine_chunks(),
            pa.array(np.round(weight / total, 6)),
            rows["purchases"].cast(pa.int64()).combine_chunks(),
        ],
        fields=list(AFFINITY_TYPE.value_type),
    )
    lengths = np.bincount(rows["customer"].to_numpy(), minlength=customers)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), entries, type=AFFINITY_TYPE)
