"""Did customers split as planned? Asked before anything else, because nothing else means anything if not."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import chdtrc

# Small, because it is asked at every look and a true mismatch in real traffic is far below it.
ALARM_BELOW = 0.001


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Pearson's χ² of the customers in each variant against the weights."""

    chi_square: float
    p_value: float

    @property
    def ok(self) -> bool:
        """Whether the split can be chance."""
        return self.p_value >= ALARM_BELOW


def sample_ratio(customers: Sequence[int], weights: Sequence[float]) -> SampleRatio:
    """Compare customers seen (at least one) with the planned weights (positive, in the same order)."""
    total, whole = sum(customers), sum(weights)
    expected = [total * weight / whole for weight in weights]
    statistic = sum((seen - due) ** 2 / due for seen, due in zip(customers, expected, strict=True))
    return SampleRatio(statistic, float(chdtrc(len(expected) - 1, statistic)))
