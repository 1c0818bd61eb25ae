"""What a model of the purchase process answers, whatever its distributions are."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from training.customer_value.summary import Floats, PurchaseRows

Bounds = Sequence[tuple[float, float]]


class Likelihood(Protocol):
    """A model whose parameters, all positive, are found by maximum likelihood."""

    @property
    def name(self) -> str:
        """As on the command line."""

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """In the order of every parameter vector."""

    def starts(self, rows: PurchaseRows) -> list[Floats]:
        """Parameter vectors to start from."""

    def bounds(self, rows: PurchaseRows) -> Bounds:
        """Smallest and largest value tried of each parameter; an estimate at one of them is no estimate."""

    def log_likelihood(self, parameters: Floats, rows: PurchaseRows) -> tuple[float, Floats]:
        """Log-likelihood of all customers, and its gradient by the parameters."""


class PurchaseModel(Likelihood, Protocol):
    """A customer buys at a rate of their own until they silently leave for good."""

    def p_alive(self, parameters: Floats, rows: PurchaseRows) -> Floats:
        """float64[n] in [0, 1]: the probability that a customer has not left at the end of T."""

    def purchases_if_alive(self, parameters: Floats, rows: PurchaseRows, time: float) -> Floats:
        """float64[n]: expected purchases in the next `time` units of a customer who has not left at T."""


def weighted_sums(columns: Sequence[Floats], weights: Floats) -> Floats:
    """float64[k]: Σ weight · value of each column."""
    return np.array([float(np.dot(column, weights)) for column in columns])
