"""Names of recommenders, and how each is made.

The default parameters (here and in each model's file) were chosen on Complete Journey windows that end
before 2017-12-04, never on the window that is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from features.errors import DataError
from training.models.base import BaseRecommender, Params, read_about
from training.models.blend import Blend
from training.models.implicit_als import ImplicitAls
from training.models.item_knn import ItemKnn
from training.models.personal_frequency import PersonalFrequency
from training.models.popularity import Popularity
from training.models.rp3beta import Rp3Beta

BASELINE = "popularity_28d"
# A name is a class with the parameters that differ from its defaults; cheap models first.
_REGISTRY: dict[str, tuple[type[BaseRecommender[Any]], dict[str, Any]]] = {
    "popularity": (Popularity, {"window_days": None}),
    BASELINE: (Popularity, {"window_days": 28}),
    "personal_frequency": (PersonalFrequency, {}),
    "implicit_als": (ImplicitAls, {}),
    "item_knn": (ItemKnn, {}),
    "rp3beta": (Rp3Beta, {}),
    "blend": (Blend, {}),
}
MODELS = tuple(_REGISTRY)


class ModelSpec(Params):
    """Which model with which parameters: all that is needed to fit it again.

    Attributes:
        model: a name of the registry.
        params: every parameter of the model.
    """

    model: str
    params: dict[str, Any]

    def create(self, threads: int = 1) -> BaseRecommender[Any]:
        """The unfitted model."""
        return create(self.model, self.params, threads)


def default_spec(name: str, seed: int) -> ModelSpec:
    """A model with the registry's defaults, and the given seed where it has one.

    Raises:
        DataError: the name is unknown.
    """
    model = create(name)
    seeded = {"seed": seed} if "seed" in model.params_class.model_fields else {}
    return ModelSpec(model=name, params={**model.params.model_dump(mode="json"), **seeded})


def create(name: str, params: Mapping[str, Any] | None = None, threads: int = 1) -> BaseRecommender[Any]:
    """An unfitted model.

    Args:
        name: one of MODELS.
        params: parameters that differ from the registry's defaults.
        threads: how many threads it may use.

    Raises:
        DataError: the name is unknown, or a parameter is unknown or out of range.
    """
    if name not in _REGISTRY:
        raise DataError(f"There is no model named {name!r}.", f"Known models: {', '.join(MODELS)}.")
    model_class, defaults = _REGISTRY[name]
    try:
        return _make(model_class, {**defaults, **(params or {})}, threads)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        known = ", ".join(model_class.params_class.model_fields)
        raise DataError(
            f"The parameter {where} of {name} is wrong: {first['msg']}.", f"Known: {known}."
        ) from None


def load(folder: Path, threads: int = 1) -> BaseRecommender[Any]:
    """A model that `save` wrote.

    Raises:
        DataError: the folder holds no saved model.
    """
    about = read_about(folder)
    for model_class, _ in _REGISTRY.values():
        if model_class.kind == about.get("kind"):
            return _make(model_class, about["params"], threads).load(folder)
    raise DataError(f"{folder} holds an unknown kind of model: {about.get('kind')}.", "Check the path.")


def _make(
    model_class: type[BaseRecommender[Any]], params: Mapping[str, Any], threads: int
) -> BaseRecommender[Any]:
    made = model_class(model_class.params_class(**params), threads)
    if isinstance(made, Blend):
        # A blend does not know the registry, so the registry hands it its parts.
        made.models = tuple(create(c.model, c.params, threads) for c in made.params.components)
    return made
