"""Many comparisons at once: p-values adjusted so that each may be held against α by itself."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted for the chance of any false claim (Holm, Scand. J. Statistics 1979); same order."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted for the share of false claims among all claims (JRSS B 1995); same order."""
    order = sorted(range(len(p_values)), key=lambda i: -p_values[i])
    adjusted, smallest = [0.0] * len(p_values), 1.0
    for position, i in enumerate(order):
        smallest = min(smallest, p_values[i] * len(p_values) / (len(p_values) - position))
        adjusted[i] = smallest
    return adjusted
