"""Sufficient statistics: the only thing that the statistics ever see of a table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

# What floating-point sums leave of a variance that is zero, as a share of the sum of squares.
ROUNDING = 1e-12

VALUE, DENOMINATOR, COVARIATE = "value", "denominator", "covariate"
Pair = tuple[str, str]


def pairs_of(roles: Iterable[str]) -> list[Pair]:
    """Every pair of roles whose product is summed, squares included; sorted within and among."""
    return list(combinations_with_replacement(sorted(roles), 2))


@dataclass(frozen=True)
class Aggregate:
    """n, Σ, Σ² and Σxy of the customers in one arm. Aggregates of disjoint customers add up.

    Attributes:
        n: customers.
        sums: Σ of each role (`value`, and `denominator` or `covariate` where the metric has one).
        products: Σ of the products of each pair of roles, the pair in alphabetical order.
    """

    n: int
    sums: Mapping[str, float]
    products: Mapping[Pair, float]

    @classmethod
    def empty(cls, roles: Iterable[str] = (VALUE,)) -> Self:
        """No customers."""
        roles = list(roles)
        return cls(0, dict.fromkeys(roles, 0.0), dict.fromkeys(pairs_of(roles), 0.0))

    @classmethod
    def of(cls, **columns: ArrayLike) -> Self:
        """From one float[n] array a role: `Aggregate.of(value=[…], covariate=[…])`."""
        arrays = {role: np.asarray(column, dtype=np.float64) for role, column in columns.items()}
        return cls(
            len(next(iter(arrays.values()))),
            {role: float(array.sum()) for role, array in arrays.items()},
            {(a, b): float(arrays[a] @ arrays[b]) for a, b in pairs_of(arrays)},
        )

    def __add__(self, other: Self) -> Self:
        if self.sums.keys() != other.sums.keys():
            raise ValueError(f"roles {sorted(self.sums)} and {sorted(other.sums)} do not add up")
        return type(self)(
            self.n + other.n,
            {role: self.sums[role] + other.sums[role] for role in self.sums},
            {pair: self.products[pair] + other.products[pair] for pair in self.products},
        )

    def mean(self, role: str = VALUE) -> float:
        """Mean of a role; needs n ≥ 1."""
        return self.sums[role] / self.n

    def mean_square(self, role: str) -> float:
        """Mean of a role's squares: the size against which rounding is judged."""
        return self.products[role, role] / self.n

    def covariance(self, a: str, b: str) -> float:
        """Sample covariance (divisor n − 1) of two roles; needs n ≥ 2."""
        first, second = min(a, b), max(a, b)
        centred = self.products[first, second] - self.sums[a] * self.sums[b] / self.n
        scale = (self.products[a, a] * self.products[b, b]) ** 0.5
        return above_rounding(centred, scale) / (self.n - 1)

    def variance(self, role: str = VALUE) -> float:
        """Sample variance (divisor n − 1) of a role; needs n ≥ 2; exactly 0 where all values agree."""
        return max(0.0, self.covariance(role, role))


def above_rounding(number: float, scale: float) -> float:
    """The number, or 0 where it is no more than what rounding leaves of terms of this scale."""
    return number if abs(number) > ROUNDING * scale else 0.0
