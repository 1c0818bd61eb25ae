"""Affinities: which categories, brands and price bands a customer buys, recent purchase days first.

    weight of a category = Σ ½^(age / profiles.affinity_half_life_days)
    share = weight / weight of all the customer's purchases, those of products without a category included

summed over the days on which a product of the category was bought (two products on one day count twice);
the age counts back from the customer's own last purchase day. The strongest five are kept, each with its
undecayed `purchases`, so that a share of 1 out of one purchase can be told from love. An empty list: no
purchase day, or no product with a category. Brands and price bands are counted in the same way.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.profiles.packed_order import order_within, starts_of_groups
from features.profiles.pairs import Pairs

STRONGEST = 5
# Shares are whole millionths.
SHARE_STEPS = 1_000_000


def affinity_type(name: str) -> pa.DataType:
    """list<struct<NAME: string, share: double, purchases: int64>>."""
    return pa.list_(pa.struct([(name, pa.string()), ("share", pa.float64()), ("purchases", pa.int64())]))


def affinity_lists(pairs: Pairs, name: str, code_of_product: NDArray[np.int32], words: pa.Array) -> pa.Array:
    """The strongest words of each customer.

    Args:
        pairs: what each customer bought.
        name: of the word in the result: `category`, `brand` or `price_band`.
        code_of_product: int32[products], position of each product's word in `words`; −1 where it has none.
        words: the words in alphabetical order, so that of equal weights the first one wins.

    Returns:
        list array of one entry a customer, of `affinity_type(name)`.
    """
    customers = pairs.customers
    customer, code, weight, purchases = _by_word(pairs, code_of_product, customers, len(words))
    total = np.bincount(pairs.customer, weights=pairs.weight, minlength=customers)
    share = np.rint(SHARE_STEPS * weight / total[customer]).astype(np.int32)
    # Words come in alphabetical order, and equal shares keep it.
    order = order_within(customer, customers, (SHARE_STEPS - share, SHARE_STEPS + 1))
    lengths = np.bincount(customer, minlength=customers)
    place = np.arange(len(customer)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    chosen = order[place < STRONGEST]
    entries = pa.StructArray.from_arrays(
        [
            words.take(pa.array(code[chosen])),
            pa.array(share[chosen] / SHARE_STEPS),
            pa.array(purchases[chosen]),
        ],
        fields=list(affinity_type(name).value_type),
    )
    offsets = np.concatenate([[0], np.cumsum(np.minimum(lengths, STRONGEST))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), entries, type=affinity_type(name))


def _by_word(
    pairs: Pairs, code_of_product: NDArray[np.int32], customers: int, words: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Customer, word, weight and purchases, one entry per customer and word, by customer and word."""
    code, customer, weight, days = (
        code_of_product[pairs.product],
        pairs.customer,
        pairs.weight,
        pairs.purchase_days,
    )
    known = code >= 0
    if not known.all():
        code, customer, weight, days = code[known], customer[known], weight[known], days[known]
    order = order_within(customer, customers, (code, words))
    code = code[order]
    start = starts_of_groups(customer, code)
    if not len(start):
        return customer, code, weight, days.astype(np.int64)
    # The rows of a customer stay together, so the customers themselves need no sorting.
    purchases = np.add.reduceat(days[order], start, dtype=np.int64)
    return customer[start], code[start], np.add.reduceat(weight[order], start), purchases
