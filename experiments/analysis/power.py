"""How much an experiment can see, how many customers it needs, and how long that takes.

For two arms and a two-sided test, by the normal approximation (Lehr; van Belle, *Statistical Rules of Thumb*,
chapter 2).
"""

from math import ceil, sqrt

from scipy.special import ndtri

POWER = 0.8


def minimum_detectable_effect(standard_error: float, alpha: float = 0.05, power: float = POWER) -> float:
    """The true difference that a test with this standard error finds with the given power."""
    return float(ndtri(1 - alpha / 2) + ndtri(power)) * standard_error


def customers_needed(
    effect: float,
    variance: float,
    weights: tuple[float, float] = (0.5, 0.5),
    alpha: float = 0.05,
    power: float = POWER,
) -> int:
    """Customers of both arms together that find a true difference with the given power.

    Args:
        effect: the difference, in the metric's unit; not zero.
        variance: of one customer (p (1 − p) for a proportion p).
        weights: the arms' shares of these customers, summing to 1.
        alpha: two-sided error.
        power: the chance to find it.
    """
    per_customer = sqrt(variance / weights[0] + variance / weights[1])
    return ceil((minimum_detectable_effect(per_customer, alpha, power) / effect) ** 2)


def days_needed(customers: int, customers_per_day: float, matures_after_days: int = 0) -> int:
    """Days until this many customers are enrolled and the last of them has matured."""
    return ceil(customers / customers_per_day) + matures_after_days
