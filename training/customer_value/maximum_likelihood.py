"""Maximum likelihood with a diagnosis: several starts, Newton's method to the top, standard errors.

The search runs over logarithms of the parameters, which are all positive. Standard errors come from the
observed information there, by the delta method: se(θ) = θ · se(ln θ).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from training.customer_value.purchase_model import Likelihood
from training.customer_value.summary import Floats, PurchaseRows

# Of the mean log-likelihood of a customer, by the logarithm of a parameter.
GRADIENT_MAX = 1e-7
STEP = 1e-4
NEWTON_STEPS = 30
# Which hill to climb, and its curvature, show in a part of the customers.
SAMPLE_CUSTOMERS = 10_000
SAMPLE_ITERATIONS = 15


@dataclass(frozen=True)
class Fit:
    """Parameters with what is known of how well they were found.

    Attributes:
        model: its name.
        params: name → estimate.
        standard_errors: name → standard error; None for a parameter at a bound, or without a maximum.
        log_likelihood: at the estimate, of all customers.
        customers: how many the estimate rests on.
        rows: how many distinct purchase histories they have.
        converged: the gradient is zero, the curvature is that of a maximum, and no parameter is at a bound.
        gradient: largest slope of a customer's mean log-likelihood by the logarithm of a parameter.
        at_bound: parameters that wanted to leave the range that was searched.
        seconds: of the whole search.
    """

    model: str
    params: Mapping[str, float]
    standard_errors: Mapping[str, float | None]
    log_likelihood: float
    customers: int
    rows: int
    converged: bool
    gradient: float
    at_bound: tuple[str, ...]
    seconds: float

    @property
    def vector(self) -> Floats:
        """The parameters in the model's order."""
        return np.array(list(self.params.values()))

    def to_dict(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "model": self.model,
            "params": dict(self.params),
            "standard_errors": dict(self.standard_errors),
            "log_likelihood": self.log_likelihood,
            "customers": self.customers,
            "distinct_histories": self.rows,
            "converged": self.converged,
            "gradient": self.gradient,
            "at_bound": list(self.at_bound),
            "seconds": round(self.seconds, 3),
        }


def fit(model: Likelihood, rows: PurchaseRows) -> Fit:
    """Find the parameters under which the purchases of all customers are most likely.

    Args:
        model: what to fit.
        rows: distinct purchase histories with their counts.
    """
    started = time.perf_counter()
    search = _Search(model, rows)
    point, slope = search.newton(search.best_start())
    if not search.at_top(point, slope):
        point, slope = search.newton(search.climb(point))
    hessian = search.hessian(point, rows)
    at_bound = search.at_bound(point)
    free = ~at_bound
    errors: list[float | None] = [None] * len(point)
    inner = hessian[np.ix_(free, free)]
    is_maximum = bool(free.any() and np.linalg.eigvalsh(inner).min() > 0)
    if is_maximum:
        spread = np.sqrt(np.diag(np.linalg.inv(inner)) / rows.count.sum())
        for place, error in zip(np.flatnonzero(free), spread, strict=True):
            errors[place] = float(np.exp(point[place]) * error)
    steepest = float(np.abs(slope[free]).max(initial=0.0))
    estimate, names = np.exp(point), model.parameter_names
    return Fit(
        model=model.name,
        params=dict(zip(names, estimate.tolist(), strict=True)),
        standard_errors=dict(zip(names, errors, strict=True)),
        log_likelihood=model.log_likelihood(estimate, rows)[0],
        customers=rows.customers,
        rows=len(rows),
        converged=is_maximum and bool(free.all()) and search.at_top(point, slope),
        gradient=steepest,
        at_bound=tuple(name for name, bound in zip(names, at_bound, strict=True) if bound),
        seconds=time.perf_counter() - started,
    )


class _Search:
    """The mean negative log-likelihood over logarithms of the parameters, and ways down it."""

    def __init__(self, model: Likelihood, rows: PurchaseRows) -> None:
        self._model, self._rows = model, rows
        self._sample = _sample(rows)
        self._low, self._high = np.log(np.array(model.bounds(rows))).T

    def __call__(self, point: Floats, rows: PurchaseRows) -> tuple[float, Floats]:
        parameters = np.exp(point)
        value, gradient = self._model.log_likelihood(parameters, rows)
        customers = rows.count.sum()
        return -value / customers, -gradient * parameters / customers

    def best_start(self) -> Floats:
        """The top of a sample of the customers, climbed from the start that gets highest soon."""
        starts = (np.clip(np.log(start), self._low, self._high) for start in self._model.starts(self._sample))
        tried = [self._descend(start, self._sample, SAMPLE_ITERATIONS) for start in starts]
        return self._descend(min(tried, key=lambda found: found[1])[0], self._sample)[0]

    def climb(self, start: Floats) -> Floats:
        """The top by L-BFGS-B over all customers: the long way, where Newton's method fails."""
        return self._descend(start, self._rows)[0]

    def _descend(self, start: Floats, rows: PurchaseRows, iterations: int = 500) -> tuple[Floats, float]:
        found = minimize(
            self,
            start,
            args=(rows,),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(self._low, self._high, strict=True)),
            options={"maxiter": iterations, "ftol": 1e-12, "gtol": 1e-7},
        )
        return found.x, float(found.fun)

    def newton(self, point: Floats) -> tuple[Floats, Floats]:
        """Newton's method within the bounds; returns the point and the slope there.

        The curvature of the sample is good enough to get closer by a fixed share with every step; where it is
        not, that of all customers takes its place.
        """
        _, slope = self(point, self._rows)
        curvature, exact = self.hessian(point, self._sample), self._sample is self._rows
        for _ in range(NEWTON_STEPS):
            free = ~self.at_bound(point)
            steepest = np.abs(slope[free]).max(initial=0.0)
            if steepest <= GRADIENT_MAX / 100:
                break
            inner, better = curvature[np.ix_(free, free)], point.copy()
            if np.linalg.eigvalsh(inner).min() > 0:
                better[free] -= np.linalg.solve(inner, slope[free])
                better = np.clip(better, self._low, self._high)
                _, better_slope = self(better, self._rows)
                if np.abs(better_slope[free]).max() <= steepest / 2:
                    point, slope = better, better_slope
                    continue
            if exact:
                break
            curvature, exact = self.hessian(point, self._rows), True
        return point, slope

    def at_top(self, point: Floats, slope: Floats) -> bool:
        """Whether the slope is zero in every direction that is not blocked by a bound."""
        return bool(np.abs(slope[~self.at_bound(point)]).max(initial=0.0) <= GRADIENT_MAX)

    def at_bound(self, point: Floats) -> NDArray[np.bool_]:
        """bool[k]: which parameters stand at the end of their range."""
        blocked: NDArray[np.bool_] = (point <= self._low + 1e-6) | (point >= self._high - 1e-6)
        return blocked

    def hessian(self, point: Floats, rows: PurchaseRows) -> Floats:
        """Curvature of a customer's mean: central differences of the exact gradient."""
        size = len(point)
        columns = [
            (self(point + shift, rows)[1] - self(point - shift, rows)[1]) / (2 * STEP)
            for shift in np.eye(size) * STEP
        ]
        hessian = np.stack(columns)
        return (hessian + hessian.T) / 2


def _sample(rows: PurchaseRows) -> PurchaseRows:
    """The rows themselves, or those of evenly spaced customers among many."""
    customers = rows.customers
    if customers <= SAMPLE_CUSTOMERS:
        return rows
    chosen = np.linspace(0.5, customers - 0.5, SAMPLE_CUSTOMERS)
    place, count = np.unique(np.searchsorted(np.cumsum(rows.count), chosen), return_counts=True)
    return replace(rows.take(place), count=count.astype(np.float64))
