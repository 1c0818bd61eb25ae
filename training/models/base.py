"""What a recommender is, and what all of ours share: parameters, a name, saving without pickle."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from features.errors import DataError, NotReadyError
from features.interactions import Interactions
from features.ranking.top_n import TopN

Arrays = dict[str, NDArray[Any]]


@runtime_checkable
class Recommender(Protocol):
    """All that the judge and the release builder ask of a model; bring your own with these two methods."""

    def fit(self, interactions: Interactions) -> Self:
        """Learn from interactions (`interactions.matrix` is the CSR matrix) and return itself."""

    def score(self, customers: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[len(customers), products]: higher is better; -inf or NaN where there is no opinion.

        Scores need not mask anything and need not be comparable between customers.
        """


@runtime_checkable
class FindsSimilar(Protocol):
    """A model that also knows which products are alike."""

    def similar(self, products: NDArray[np.int32], k: int) -> TopN:
        """The k nearest products of each product, without itself; -1 where there are fewer."""


class Params(BaseModel):
    """Parameters of a model: frozen, and a misspelt one is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=Params)
T = TypeVar("T")


class BaseRecommender(ABC, Generic[P]):
    """A model with parameters that can be saved and loaded.

    Args:
        params: defaults when left out.
        threads: how many threads may be used; results do not depend on it.
    """

    kind: ClassVar[str]
    params_class: ClassVar[type[Params]]
    params: P

    def __init__(self, params: P | None = None, threads: int = 1) -> None:
        self.params = params if params is not None else self.params_class()  # type: ignore[assignment]
        self.threads = threads

    @abstractmethod
    def fit(self, interactions: Interactions) -> Self:
        """Learn from interactions and return itself."""

    @abstractmethod
    def score(self, customers: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[len(customers), products]."""

    @abstractmethod
    def _arrays(self) -> Arrays:
        """Everything learned."""

    @abstractmethod
    def _restore(self, arrays: Arrays) -> None:
        """The opposite of `_arrays`."""

    def save(self, folder: Path) -> None:
        """Write `recommender.json` and `arrays.npz`; no pickle, so loading runs no code of the file."""
        folder.mkdir(parents=True, exist_ok=True)
        about = {"kind": self.kind, "params": self.params.model_dump(mode="json")}
        (folder / "recommender.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        np.savez(folder / "arrays.npz", allow_pickle=False, **self._arrays())

    def load(self, folder: Path) -> Self:
        """Take over what `save` wrote; parameters must be those of the saved model.

        Raises:
            DataError: the folder holds another model, or none.
        """
        about = read_about(folder)
        if about != {"kind": self.kind, "params": self.params.model_dump(mode="json")}:
            raise DataError(f"{folder} holds another model: {about}.", "Use training.models.registry.load.")
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            self._restore(dict(arrays))
        return self

    def _fitted(self, value: T | None) -> T:
        if value is None:
            raise NotReadyError(f"The {self.kind} model was not fitted.", "Call fit(interactions) first.")
        return value


def read_about(folder: Path) -> dict[str, Any]:
    """Kind and parameters of a saved model.

    Raises:
        DataError: the folder holds no saved model.
    """
    try:
        about: dict[str, Any] = json.loads((folder / "recommender.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} holds no saved recommender: {error}.", "Check the path.") from None
    return about
