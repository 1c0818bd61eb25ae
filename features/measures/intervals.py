"""95 % intervals of shares and means, from sums alone."""

from math import sqrt
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927); it never leaves 0..1.

    Args:
        successes: how many.
        trials: of how many, above 0.
    """
    share, weight = successes / trials, Z**2 / trials
    centre = (share + weight / 2) / (1 + weight)
    half = Z * sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    # Exactly 0 and 1 where nobody or everybody is counted, which rounding would miss.
    low = centre - half if successes else 0.0
    high = centre + half if successes < trials else 1.0
    return low, high


def normal(total: float, total_of_squares: float, n: float) -> tuple[float, float]:
    """The normal interval of a mean.

    For the net promoter score, whose values are 100, 0 and -100, the variance is that of its three shares,
    100² × (p + d - (p - d)²).

    Args:
        total: sum of the values.
        total_of_squares: sum of their squares.
        n: how many values, above 0.
    """
    mean = total / n
    half = Z * sqrt(max(0.0, total_of_squares / n - mean**2) / n)
    return mean - half, mean + half
