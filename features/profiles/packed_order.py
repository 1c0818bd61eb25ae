"""Sorting by several whole numbers at once: packed into one, because plain numbers are what sorts fast."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer]
# A sign, and the rest.
BITS = 63


def sorted_rows(*keys: tuple[Ints, int]) -> tuple[NDArray[np.int32], ...]:
    """The rows sorted by the first key, then the second and so on, each key as a column again.

    The keys are packed into one number, sorted and unpacked, which takes a fraction of the time of sorting by
    keys; where they do not fit, `np.lexsort` does it.

    Args:
        keys: each int[n] of numbers from 0, with how many different numbers there may be.

    Returns:
        int32[n] for each key.
    """
    widths = [max(1, (size - 1).bit_length()) for _, size in keys]
    if sum(widths) > BITS:
        order = np.lexsort([key for key, _ in reversed(keys)])
        return tuple(key[order].astype(np.int32) for key, _ in keys)
    packed = np.zeros(len(keys[0][0]), dtype=np.int64)
    for (key, _), width in zip(keys, widths, strict=True):
        packed <<= width
        packed |= key
    packed.sort()
    columns = []
    for width in reversed(widths):
        columns.append((packed & ((1 << width) - 1)).astype(np.int32))
        packed >>= width
    return tuple(reversed(columns))


def order_within(group: Ints, groups: int, *keys: tuple[Ints, int]) -> NDArray[np.int64]:
    """The order of rows by the keys within each group; rows with equal keys keep their order.

    Args:
        group: int[n], rising: the rows of a group lie together.
        groups: how many there may be.
        keys: as those of `sorted_rows`.

    Returns:
        int64[n], positions of the rows.
    """
    start = starts_of_groups(group)
    if not len(start):
        return np.zeros(0, dtype=np.int64)
    size = np.diff(start, append=len(group))
    first = np.repeat(start, size)
    # Numbered within the group, because that takes fewer bits than the number of the row.
    place = (np.arange(len(group)) - first).astype(np.int32)
    *_, place = sorted_rows((group, groups), *keys, (place, int(size.max())))
    return first + place


def starts_of_groups(*sorted_keys: Ints) -> NDArray[np.int64]:
    """Positions at which any of the keys changes; rows with equal keys must lie together. int64[groups]."""
    rows = len(sorted_keys[0])
    if not rows:
        return np.zeros(0, dtype=np.int64)
    changes = np.zeros(rows, dtype=bool)
    changes[0] = True
    for key in sorted_keys:
        changes[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(changes)
