"""A fitted model as a JSON file, so that predictions need no second fit."""

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from features.errors import DataError
from features.validation import first_problem
from training.customer_value.maximum_likelihood import Fit
from training.customer_value.registry import likelihood


class SavedFit(BaseModel):
    """What `huitou value fit --output` writes: the JSON of the fit with the time unit of its parameters."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str
    params: dict[str, float]
    standard_errors: dict[str, float | None]
    log_likelihood: float
    customers: int
    distinct_histories: int
    converged: bool
    gradient: float
    at_bound: tuple[str, ...]
    seconds: float
    time_unit: Literal["day", "week"]

    def fit(self) -> Fit:
        """The fit itself."""
        return Fit(
            model=self.model,
            params=self.params,
            standard_errors=self.standard_errors,
            log_likelihood=self.log_likelihood,
            customers=self.customers,
            rows=self.distinct_histories,
            converged=self.converged,
            gradient=self.gradient,
            at_bound=self.at_bound,
            seconds=self.seconds,
        )


def read_fit(path: Path) -> SavedFit:
    """Read a saved fit.

    Raises:
        DataError: the file is missing, is none, or its parameters are not those of its model.
    """
    try:
        saved = SavedFit.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"The fit {path} does not exist.", "Run: huitou value fit --output FILE") from None
    except ValidationError as error:
        raise DataError(
            f"The fit {path} cannot be read: {first_problem(error)}.", "Run: huitou value fit --output FILE"
        ) from None
    names = likelihood(saved.model).parameter_names
    if tuple(saved.params) != names or not all(value > 0 for value in saved.params.values()):
        raise DataError(
            f"The fit {path} is none of {saved.model}: that has {', '.join(names)}, all above 0.",
            "Run: huitou value fit --output FILE",
        )
    return saved


def write_fit(fit: Fit, time_unit: str, path: Path) -> None:
    """Write a fit with the time unit of its parameters."""
    path.write_text(json.dumps({**fit.to_dict(), "time_unit": time_unit}, indent=1) + "\n", encoding="utf-8")
