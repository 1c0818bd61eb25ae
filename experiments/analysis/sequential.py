"""Rules of stopping: one look at the end, a look at any time, or both with the error split between them.

The sequence is the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas,
"Time-uniform central limit theory and asymptotic confidence sequences" (Annals of Statistics 2024), with the
mixture parameter ρ that makes it tightest at a planned number of customers.
"""

from dataclasses import dataclass
from math import exp, log, log1p, sqrt

from scipy.special import stdtr, stdtrit

from experiments.analysis.arms import Rule

# The hybrid spends this share of α on looks while it runs, and the rest on the look at the end.
RUNNING_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class FixedRule:
    """Student's t at one pre-registered look."""

    alpha: float

    def critical_value(self, n: int, freedom: float) -> float:  # noqa: ARG002
        """The 1 − α/2 quantile of Student's t."""
        return float(stdtrit(freedom, 1 - self.alpha / 2))

    def p_value(self, statistic: float, n: int, freedom: float) -> float:  # noqa: ARG002
        """Two-sided p-value of Student's t."""
        return float(2 * stdtr(freedom, -abs(statistic)))


@dataclass(frozen=True, slots=True)
class SequenceRule:
    """An interval that holds at all looks together, however many.

    Attributes:
        alpha: the error over all looks.
        planned_customers: customers of the two compared arms at which the interval is tightest.
    """

    alpha: float
    planned_customers: float

    @property
    def rho_squared(self) -> float:
        """ρ² = (−2 ln α + ln(1 − 2 ln α)) / N*."""
        spent = -2 * log(self.alpha)
        return (spent + log1p(spent)) / self.planned_customers

    def critical_value(self, n: int, freedom: float) -> float:  # noqa: ARG002
        """√(2 (nρ² + 1) / (nρ²) · ln(√(nρ² + 1) / α))."""
        scaled = n * self.rho_squared
        return sqrt(2 * (scaled + 1) / scaled * log(sqrt(scaled + 1) / self.alpha))

    def p_value(self, statistic: float, n: int, freedom: float) -> float:  # noqa: ARG002
        """The smallest α at which the interval (with this ρ) leaves zero out: valid at any look."""
        scaled = n * self.rho_squared
        return min(1.0, sqrt(scaled + 1) * exp(-(statistic**2) * scaled / (2 * (scaled + 1))))


def hybrid_rule(alpha: float, customers: int, planned: float, pair_planned: float) -> Rule:
    """The sequence at α/5 until the planned number is reached, then the fixed interval at 4α/5.

    Args:
        alpha: the error of the whole experiment.
        customers: matured customers so far, all arms together.
        planned: those at which it ends, all arms together.
        pair_planned: the share of them that belongs to the two compared arms.
    """
    if customers >= planned:
        return FixedRule(alpha * (1 - RUNNING_SHARE))
    return SequenceRule(alpha * RUNNING_SHARE, pair_planned)
