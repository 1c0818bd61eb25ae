"""Small steps on sparse matrices that several models share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.interactions import Interactions
from features.ranking.top_n import TopN
from training.models.base import Arrays

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Cells of one dense block per thread: 8 MB of float32.
BLOCK_CELLS = 2_000_000
GROUP = 16


def weighted_matrix(
    interactions: Interactions, half_life_days: float | None, *, logarithm: bool = False
) -> csr_matrix:
    """float32 CSR, shape (customers, products): decayed purchase days x, or log2(1 + x).

    The logarithm says that the tenth purchase tells less about taste than the first.
    """
    matrix = interactions.with_half_life(half_life_days).matrix.astype(np.float32)
    if logarithm:
        matrix.data = np.log2(1 + matrix.data)
    return matrix


def nearest_products(
    left: csr_matrix,
    right: csr_matrix,
    k: int,
    threads: int,
) -> TopN:
    """The k largest positive entries of each row of `left @ right`, off the diagonal.

    Args:
        left, right: CSR of shapes (products, customers) and (customers, products).
        k: neighbours of a product at most; -1 where there are fewer.
        threads: blocks worked on at once.
    """
    products = left.shape[0]
    step = max(1, BLOCK_CELLS // max(1, products))

    def block(start: int) -> TopN:
        rows = np.arange(start, min(start + step, products))
        sums = (left[rows] @ right).toarray()
        sums[np.arange(len(rows)), rows] = 0
        return _largest_positive(sums, k)

    with ThreadPoolExecutor(threads) as pool:
        blocks = list(pool.map(block, range(0, products, step)))
    return TopN(np.vstack([b.product for b in blocks]), np.vstack([b.score for b in blocks]))


def _largest_positive(values: NDArray[np.float32], k: int) -> TopN:
    """The k largest positive entries of each row, ties to the lower column; -1 where there are fewer.

    `top_n` for rows that are mostly zeros, which are never ranked.
    """
    # The k-th largest of the maxima of groups bounds the k-th largest entry from below: one pass over the
    # cells instead of a partial sort of them, and few more than k of them pass.
    groups = values.shape[1] // GROUP
    cut = np.full(len(values), np.finfo(np.float32).tiny)
    if groups >= k:
        peaks = values[:, : groups * GROUP].reshape(len(values), GROUP, groups).max(axis=1)
        cut = np.maximum(cut, np.partition(peaks, groups - k, axis=1)[:, groups - k])
    row, column = np.nonzero(values >= cut[:, None])
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(len(values)))[row]
    longest = max(k, int(place.max(initial=-1)) + 1)
    product = np.full((len(values), longest), -1, np.int32)
    score = np.zeros((len(values), longest), np.float32)
    product[row, place], score[row, place] = column, values[row, column]
    best = np.argsort(-score, axis=1, kind="stable")[:, :k]
    return TopN(np.take_along_axis(product, best, axis=1), np.take_along_axis(score, best, axis=1))


def neighbour_matrix(neighbours: TopN) -> csr_matrix:
    """float32 CSR, shape (products, products): row i holds the similarities of i's neighbours."""
    from scipy.sparse import csr_matrix

    products = len(neighbours.product)
    row, place = np.nonzero(neighbours.product >= 0)
    entries = (neighbours.score[row, place], (row, neighbours.product[row, place]))
    return csr_matrix(entries, shape=(products, products), dtype=np.float32)


def scale_columns(matrix: csr_matrix, factor: NDArray[np.float32]) -> csr_matrix:
    """A copy in which each column is multiplied by its factor."""
    scaled = matrix.copy()
    scaled.data *= factor[matrix.indices]
    return scaled


def pack_csr(name: str, matrix: csr_matrix) -> Arrays:
    """A CSR matrix as plain arrays."""
    parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
    return {**{f"{name}_{key}": part for key, part in parts.items()}, f"{name}_shape": np.array(matrix.shape)}


def unpack_csr(name: str, arrays: Arrays) -> csr_matrix:
    """The opposite of `pack_csr`."""
    from scipy.sparse import csr_matrix

    data, indices, indptr = (arrays[f"{name}_{key}"] for key in ("data", "indices", "indptr"))
    return csr_matrix((data, indices, indptr), shape=tuple(arrays[f"{name}_shape"]))
