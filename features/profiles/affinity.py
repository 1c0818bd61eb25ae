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

from features.profiles.packed_order import sorted_rows, starts_of_groups
from features.profiles.pairs import Pairs

STRONGEST = 5


def affinity_type(name: str) -> pa.DataType:
    """list<struct<NAME: string, share: double, purchases: int64>>."""
    return pa.list_(pa.struct([(name, pa.string()), ("share", pa.float64()), ("purchases", pa.int64())]))


def affinity_lists(
    pairs: Pairs, name: str, code_of_product: NDArray[np.int32], words: pa.Array, customers: int
) -> pa.Array:
    """The strongest words of each customer.

    Args:
        pairs: what each customer bought.
        name: of the word in the result: `category`, `brand` or `price_band`.
        code_of_product: int32[products], position of each product's word in `words`; −1 where it has none.
        words: the words in alphabetical order, so that of equal weights the first one wins.
        customers: how many customers there are.

    Returns:
        list array of one entry a customer, of `affinity_type(name)`.
    """
    customer, code, weight, purchases = _by_word(pairs, code_of_product, customers, len(words))
    total = np.bincount(pairs.customer, weights=pairs.weight, minlength=customers)
    chosen, lengths = _strongest(customer, weight, customers)
    entries = pa.StructArray.from_arrays(
        [
            words.take(pa.array(code[chosen])),
            pa.array(np.round(weight[chosen] / total[customer[chosen]], 6)),
            pa.array(purchases[chosen]),
        ],
        fields=list(affinity_type(name).value_type),
    )
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), entries, type=affinity_type(name))


def _by_word(
    pairs: Pairs, code_of_product: NDArray[np.int32], customers: int, words: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Customer, word, weight and purchases, one entry per customer and word, by customer and word."""
    code = code_of_product[pairs.product]
    known = np.flatnonzero(code >= 0)
    if not len(known):
        nothing, whole = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64)
        return nothing, nothing, whole, whole
    customer, code, row = sorted_rows((pairs.customer[known], customers), (code[known], words), numbered=True)
    row = known[row]
    start = starts_of_groups(customer, code)
    purchases = np.add.reduceat(pairs.purchase_days[row], start, dtype=np.int64)
    return customer[start], code[start], np.add.reduceat(pairs.weight[row], start), purchases


def _strongest(
    customer: NDArray[np.int32], weight: NDArray[np.int64], customers: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the heaviest entries of each customer, heaviest first, and how many each customer has.

    The heaviest of every customer at once, as often as entries are wanted: cheaper than sorting all of them.
    """
    left = weight.copy()
    start = starts_of_groups(customer)
    size = np.diff(start, append=len(customer))
    places = []
    for place in range(STRONGEST if len(customer) else 0):
        heaviest = np.repeat(np.maximum.reduceat(left, start), size)
        at = np.flatnonzero(left == heaviest)
        # Of equals the first, which is the first by name; a customer without any left shows −1 everywhere.
        at = at[starts_of_groups(customer[at])]
        at = at[left[at] >= 0]
        left[at] = -1
        places.append((at, np.full(len(at), place)))
    if not places:
        return np.zeros(0, dtype=np.int64), np.zeros(customers, dtype=np.int64)
    chosen = np.concatenate([at for at, _ in places])
    place = np.concatenate([place for _, place in places])
    _, _, order = sorted_rows((customer[chosen], customers), (place, STRONGEST), numbered=True)
    chosen = chosen[order]
    return chosen, np.bincount(customer[chosen], minlength=customers)
