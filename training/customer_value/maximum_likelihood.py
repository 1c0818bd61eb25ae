"""Maximum likelihood with a diagnosis: several starts, Newton's method to the top, standard errors.

The search runs over logarithms of the parameters, which are all positive. Standard errors come from the
observed information there, by the delta method: se(θ) = θ · se(ln θ).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from training.customer_value.purchase_model import Likelihood
from training.customer_value.summary import Floats, PurchaseRows

# Of the mean log-likelihood of a customer, by the logarithm of a parameter.
GRADIENT_MAX = 1e-7
STEP = 1e-4
NEWTON_STEPS = 20
# Starting points are compared on so many of the rows: which hill to climb shows in a part of the data.
ROWS_TO_COMPARE = 4_096


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
    point = search.climb(search.best_start())
    point, slope, hessian = search.newton(point)
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
        converged=is_maximum and bool(free.all()) and steepest <= GRADIENT_MAX,
        gradient=steepest,
        at_bound=tuple(name for name, bound in zip(names, at_bound, strict=True) if bound),
        seconds=time.perf_counter() - started,
    )


class _Search:
    """The mean negative log-likelihood over logarithms of the parameters, and ways down it."""

    def __init__(self, model: Likelihood, rows: PurchaseRows) -> None:
        self._model, self._rows = model, rows
        self._low, self._high = np.log(np.array(model.bounds(rows))).T

    def __call__(self, point: Floats, rows: PurchaseRows) -> tuple[float, Floats]:
        parameters = np.exp(point)
        value, gradient = self._model.log_likelihood(parameters, rows)
        customers = rows.count.sum()
        return -value / customers, -gradient * parameters / customers

    def best_start(self) -> Floats:
        """The start from which a short climb on a part of the rows gets highest."""
        rows = self._rows
        if len(rows) > ROWS_TO_COMPARE:
            rows = rows.take(np.linspace(0, len(rows) - 1, ROWS_TO_COMPARE).astype(np.intp))
        starts = (np.clip(np.log(start), self._low, self._high) for start in self._model.starts(rows))
        tried = [self._descend(start, rows, 1e-9) for start in starts]
        return min(tried, key=lambda found: found[1])[0]

    def climb(self, start: Floats) -> Floats:
        """The top by L-BFGS-B, near enough for Newton's method."""
        return self._descend(start, self._rows, 1e-11)[0]

    def _descend(self, start: Floats, rows: PurchaseRows, tolerance: float) -> tuple[Floats, float]:
        found = minimize(
            self,
            start,
            args=(rows,),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(self._low, self._high, strict=True)),
            options={"maxiter": 500, "ftol": tolerance, "gtol": 1e-6},
        )
        return found.x, float(found.fun)

    def newton(self, point: Floats) -> tuple[Floats, Floats, Floats]:
        """Newton's method within the bounds; returns the point, the slope and the curvature there."""
        value, slope = self(point, self._rows)
        hessian = self._hessian(point)
        for _ in range(NEWTON_STEPS):
            free = ~self.at_bound(point)
            inner = hessian[np.ix_(free, free)]
            if not free.any() or np.abs(slope[free]).max() <= GRADIENT_MAX / 100:
                break
            if np.linalg.eigvalsh(inner).min() <= 0:
                break
            step = np.zeros(len(point))
            step[free] = -np.linalg.solve(inner, slope[free])
            better = np.clip(point + step, self._low, self._high)
            better_value, better_slope = self(better, self._rows)
            # Near the top the value no longer tells two points apart, but the slope does.
            if better_value > value and np.abs(better_slope[free]).max() >= np.abs(slope[free]).max():
                break
            point, value, slope = better, better_value, better_slope
            hessian = self._hessian(point)
        return point, slope, hessian

    def at_bound(self, point: Floats) -> Any:
        """bool[k]: which parameters stand at the end of their range."""
        return (point <= self._low + 1e-6) | (point >= self._high - 1e-6)

    def _hessian(self, point: Floats) -> Floats:
        """Central differences of the exact gradient."""
        size = len(point)
        columns = [
            (self(point + shift, self._rows)[1] - self(point - shift, self._rows)[1]) / (2 * STEP)
            for shift in np.eye(size) * STEP
        ]
        hessian = np.stack(columns)
        return (hessian + hessian.T) / 2
