"""The one place where scores become a list of products, used offline by the judge and the release builder.

Models only score. Masking, tie-breaking and backfilling happen here, so that every model is judged and served
by the same rules. NumPy only: serving imports this room.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.errors import DataError

Keep = Literal["all", "unseen", "seen"]
# What a product without an opinion (NaN or -inf) is worth: less than any real score, more than a masked one.
NO_OPINION = np.float32(np.finfo(np.float32).min)
# Cells handled at once: the temporaries of a block stay within a few dozen megabytes.
BLOCK_CELLS = 4_000_000
GROUP = 16


class Seen(NamedTuple):
    """What each customer of a block bought before, as the index arrays of a CSR matrix.

    Attributes:
        starts: int[m + 1], where each customer's products start.
        products: int[starts[-1]], product indices grouped by customer.
    """

    starts: NDArray[np.integer]
    products: NDArray[np.integer]


class TopN(NamedTuple):
    """Ranked products, best first; the end of a row that ran out of candidates is -1.

    Attributes:
        product: int32[m, n].
        score: float32[m, n]; a backfilled product has the lowest real score of its row (0 if there is none).
    """

    product: NDArray[np.int32]
    score: NDArray[np.float32]


def top_n(
    scores: NDArray[np.float32],
    n: int,
    *,
    seen: Seen | None = None,
    keep: Keep = "all",
    valid: NDArray[np.bool_] | None = None,
) -> TopN:
    """The n best products of each customer: distinct, valid, and n of them wherever n candidates exist.

    Equal scores go to the lower product index. Products are numbered best seller first (see
    `training.split`), so a tie goes to the better seller, and a row about which a model knows nothing
    (all equal, NaN or -inf) becomes the list of best sellers: this is the backfill.

    Args:
        scores: float32[m, products]; NaN and -inf mean "no opinion" and rank below every real score.
        n: length of the lists.
        seen: what each of the m customers bought before; needed unless `keep` is "all".
        keep: which products are candidates: all, only those not bought before, or only those.
        valid: bool[products], which products may be recommended at all; None means every one.

    Raises:
        DataError: n is below 1, or a mask does not fit the scores.
    """
    _check(scores, n, seen, keep, valid)
    rows, products = scores.shape
    found = TopN(np.full((rows, n), -1, np.int32), np.zeros((rows, n), np.float32))
    step = max(1, BLOCK_CELLS // max(1, products))
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        block = TopN(found.product[start:stop], found.score[start:stop])
        if keep == "all" or seen is None:
            _fill(_keys(scores[start:stop], valid), block)
            continue
        starts = seen.starts[start : stop + 1]
        row = np.repeat(np.arange(stop - start), np.diff(starts))
        column = seen.products[starts[0] : starts[-1]]
        if keep == "unseen":
            keys = _keys(scores[start:stop], valid)
            keys[row, column] = -np.inf
            _fill(keys, block)
        else:
            _fill_from_seen(scores[start:stop], row, column, valid, block)
    return found


def _keys(scores: NDArray[np.float32], valid: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    """A copy of the scores in which -inf means, and only means, "not a candidate"."""
    keys: NDArray[np.float32] = np.fmax(scores, NO_OPINION, dtype=np.float32)  # NaN and -inf lose
    np.minimum(keys, -NO_OPINION, out=keys)
    if valid is not None:
        keys[:, ~valid] = -np.inf
    return keys


def _fill_from_seen(
    scores: NDArray[np.float32],
    row: NDArray[np.intp],
    column: NDArray[np.integer],
    valid: NDArray[np.bool_] | None,
    found: TopN,
) -> None:
    """Rank only what was bought before: a few hundred products of many thousand, side by side."""
    if valid is not None:
        row, column = row[valid[column]], column[valid[column]]
    order = np.lexsort((column, row))
    row, column = row[order], column[order]
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(len(scores)))[row]
    shape = (len(scores), max(1, int(place.max(initial=-1)) + 1))
    keys, bought = np.full(shape, -np.inf, np.float32), np.full(shape, -1, np.int32)
    keys[row, place] = _keys(scores[row, column][None], None)[0]
    bought[row, place] = column
    _fill(keys, found)
    listed = found.product >= 0
    owner = np.nonzero(listed)[0]
    found.product[listed] = bought[owner, found.product[listed]]


def _fill(keys: NDArray[np.float32], found: TopN) -> None:
    """Write the best columns of each row of `keys` into `found`, which is filled with -1 and 0."""
    n = min(found.product.shape[1], keys.shape[1])
    if n == 0:
        return
    row, column = np.nonzero(_passing(keys, n))
    key = keys[row, column]
    order = np.lexsort((column, -key, row))
    row, column, key = row[order], column[order], key[order]
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(len(keys)))[row]
    best = place < n
    row, column, key, place = row[best], column[best], key[best], place[best]
    found.product[row, place] = column
    real = key > NO_OPINION
    found.score[row[real], place[real]] = key[real]
    _score_backfill(row, place, real, found.score)


def _passing(keys: NDArray[np.float32], n: int) -> NDArray[np.bool_]:
    """bool, shape of `keys`: the n best candidates of each row and, in most rows, a few more."""
    # The n-th largest of the maxima of groups of columns bounds the n-th best key from below, and takes one
    # pass over the cells where a partial sort takes many.
    groups = keys.shape[1] // GROUP
    bound = np.full(len(keys), np.finfo(np.float32).min)
    if groups >= n:
        peaks = keys[:, : groups * GROUP].reshape(len(keys), GROUP, groups).max(axis=1)
        bound = np.maximum(bound, np.partition(peaks, groups - n, axis=1)[:, groups - n])
    passing: NDArray[np.bool_] = keys >= bound[:, None]
    # Among many equal keys, most of them zeros, the bound lets nearly everything pass.
    crowded = passing.sum(axis=1) > 4 * n
    if crowded.any():
        passing[crowded] = _exactly(keys[crowded], n)
    return passing


def _exactly(keys: NDArray[np.float32], n: int) -> NDArray[np.bool_]:
    """bool, shape of `keys`: the n best candidates of each row, of equal ones the lower columns."""
    # The value of the n-th best is the same whatever order a partial sort leaves, so the choice is stable.
    cut = np.partition(keys, keys.shape[1] - n, axis=1)[:, keys.shape[1] - n, None]
    above = keys > cut
    equal = (keys == cut) & (keys > -np.inf)
    room = n - above.sum(axis=1, keepdims=True)
    chosen: NDArray[np.bool_] = above | (equal & (np.cumsum(equal, axis=1, dtype=np.int32) <= room))
    return chosen


def _score_backfill(
    row: NDArray[np.intp], place: NDArray[np.intp], real: NDArray[np.bool_], score: NDArray[np.float32]
) -> None:
    lowest = np.zeros(len(score), np.float32)
    last_real = np.full(len(score), -1)
    np.maximum.at(last_real, row[real], place[real])
    known = last_real >= 0
    lowest[known] = score[known, last_real[known]]
    score[row[~real], place[~real]] = lowest[row[~real]]


def _check(
    scores: NDArray[np.float32], n: int, seen: Seen | None, keep: Keep, valid: NDArray[np.bool_] | None
) -> None:
    if n < 1:
        raise DataError(f"A list of {n} products was asked for.", "Ask for at least 1.")
    if scores.ndim != 2:
        raise DataError("Scores need one row per customer and one column per product.", "Pass a 2-d array.")
    if keep != "all" and seen is None:
        raise DataError(f"keep={keep!r} needs to know what was bought before.", "Pass `seen`.")
    if seen is not None and len(seen.starts) != len(scores) + 1:
        raise DataError("`seen` is not about the customers of the scores.", "Give one row per customer.")
    if valid is not None and valid.shape != scores.shape[1:]:
        raise DataError("`valid` is not about the products of the scores.", "Give one value per product.")
