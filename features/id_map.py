"""A frozen, two-way map between string ids and dense indices."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from features.errors import DataError


class IdMap:
    """Unique string ids in a fixed order; the position of an id is its index.

    Raises:
        DataError: an id occurs twice.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids: tuple[str, ...] = tuple(ids)
        self._index = {id_: i for i, id_ in enumerate(self.ids)}
        if len(self._index) != len(self.ids):
            raise DataError("An id map was given the same id twice.", "Pass each id once.")

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdMap) and self.ids == other.ids

    def __hash__(self) -> int:
        return hash(self.ids)

    def get(self, id_: str) -> int | None:
        """The index of an id, or None if the id is unknown."""
        return self._index.get(id_)

    def indices(self, ids: Sequence[str]) -> NDArray[np.int32]:
        """Indices of many ids, shape (len(ids),); -1 where an id is unknown."""
        return np.fromiter((self._index.get(i, -1) for i in ids), dtype=np.int32, count=len(ids))
