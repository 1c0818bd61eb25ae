"""Several models as one: the weighted sum of their standardised scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from features.interactions import Interactions
from training.models.base import Arrays, BaseRecommender, Params, Recommender


class Component(Params):
    """One model of a blend.

    Attributes:
        model: a name of the registry.
        weight: of its standardised scores.
        params: of the model; what is left out takes the registry's default.
    """

    model: str
    weight: float = Field(gt=0)
    params: dict[str, Any] = Field(default_factory=dict)


# Weights for whoever fits a blend without choosing them; `train` always chooses them on validation windows.
EVEN = (Component(model="personal_frequency", weight=0.5), Component(model="implicit_als", weight=0.5))


class BlendParams(Params):
    """Parameters of a blend.

    Attributes:
        components: what is summed; weights need not sum to 1.
    """

    components: tuple[Component, ...] = Field(default=EVEN, min_length=1)


class Blend(BaseRecommender[BlendParams]):
    """Scores a product by Σ weight · (score − mean) / standard deviation, both over the customer's scores.

    Standardising per customer makes models comparable whose scores are buyers, rates or inner products.

    Args:
        params: which models with which weights.
        threads: of each model.
        models: one for each component, in order; `registry.create` makes them.
    """

    kind = "blend"
    params_class = BlendParams

    def __init__(
        self, params: BlendParams | None = None, threads: int = 1, models: Sequence[Recommender] = ()
    ) -> None:
        super().__init__(params, threads)
        self.models = tuple(models)

    @classmethod
    def of(cls, fitted: Mapping[str, Recommender], params: BlendParams) -> Self:
        """A blend of models that are fitted already, by the names of its components."""
        return cls(params, models=[fitted[component.model] for component in params.components])

    def fit(self, interactions: Interactions) -> Self:
        """Fit every component."""
        self.models = tuple(model.fit(interactions) for model in self.models)
        return self

    def score(self, customers: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[len(customers), products]."""
        weights = (component.weight for component in self.params.components)
        scores = (model.score(customers) for model in self.models)
        total: NDArray[np.float32] | None = None
        for weight, score in zip(weights, scores, strict=True):
            part = standardise(score)
            part *= np.float32(weight)
            total = part if total is None else np.add(total, part, out=total)
        assert total is not None  # noqa: S101  a blend has at least one component
        return total

    def save(self, folder: Path) -> None:
        """Write the parameters here and each component into a folder of its own."""
        super().save(folder)
        for place, model in enumerate(self.models):
            if isinstance(model, BaseRecommender):
                model.save(folder / str(place))

    def load(self, folder: Path) -> Self:
        """Take over what `save` wrote."""
        super().load(folder)
        for place, model in enumerate(self.models):
            if isinstance(model, BaseRecommender):
                model.load(folder / str(place))
        return self

    def _arrays(self) -> Arrays:
        return {}

    def _restore(self, arrays: Arrays) -> None:
        """A blend learns nothing of its own."""


def standardise(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy with mean 0 and standard deviation 1 in each row; a row of equal scores becomes zeros."""
    centred: NDArray[np.float32] = scores - scores.mean(axis=1, keepdims=True)
    deviation = centred.std(axis=1, keepdims=True)
    centred /= np.where(deviation > 0, deviation, 1)
    return centred
