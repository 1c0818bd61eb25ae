"""Two arms compared: every kind of metric comes down to a mean and the variance of one customer."""

from dataclasses import dataclass
from enum import StrEnum
from math import exp, isfinite, log, sqrt
from typing import Protocol

Interval = tuple[float, float]


class Withheld(StrEnum):
    """Why no interval can be given; reports put the reason where the numbers would stand."""

    NO_CUSTOMERS = "no_customers"
    ONE_CUSTOMER = "one_customer"
    NO_VARIATION = "no_variation"
    NO_DENOMINATOR = "no_denominator"
    NO_EXTRA_COST = "no_extra_cost"
    WINDOW_OPEN = "window_open"


class WithheldError(ValueError):
    """A comparison has no answer, for a stated reason."""

    def __init__(self, reason: Withheld) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of one metric.

    Attributes:
        n: customers.
        mean: what is compared.
        variance: of one customer, so that variance / n is the squared standard error of the mean.
    """

    n: int
    mean: float
    variance: float


class Rule(Protocol):
    """How wide an interval is and how small a p-value, given how often one may look."""

    @property
    def alpha(self) -> float:
        """The error this rule spends."""

    def critical_value(self, n: int, freedom: float) -> float:
        """Half the interval's width in standard errors, with n customers and these degrees of freedom."""

    def p_value(self, statistic: float, n: int, freedom: float) -> float:
        """The p-value of a difference of this many standard errors."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The lift of a treatment over the control; relative figures are None where a mean is not above zero."""

    lift_abs: float
    ci_abs: Interval
    p_value: float
    standard_error: float
    lift_rel: float | None
    ci_rel: Interval | None


def compare(control: Arm, treatment: Arm, rule: Rule) -> Estimate:
    """The difference of two means with Welch's degrees of freedom, absolute and relative.

    The relative interval comes from the delta method on the logarithm of the ratio of the means.

    Raises:
        WithheldError: there is no variation in either arm.
    """
    n = control.n + treatment.n
    of_control, of_treatment = control.variance / control.n, treatment.variance / treatment.n
    error = sqrt(of_control + of_treatment)
    if error == 0:
        raise WithheldError(Withheld.NO_VARIATION)
    lift = treatment.mean - control.mean
    freedom = welch_freedom(of_control, control.n, of_treatment, treatment.n)
    half = rule.critical_value(n, freedom) * error
    p_value = rule.p_value(lift / error, n, freedom)
    lift_rel, ci_rel = _relative(control, treatment, rule)
    return Estimate(lift, (lift - half, lift + half), p_value, error, lift_rel, ci_rel)


def welch_freedom(of_control: float, n_control: int, of_treatment: float, n_treatment: int) -> float:
    """Welch–Satterthwaite degrees of freedom from the squared standard errors of two means."""
    largest = max(of_control, of_treatment)
    # Shares of the larger one, because the squares of tiny variances would underflow to 0/0.
    a, b = of_control / largest, of_treatment / largest
    return (a + b) ** 2 / (a**2 / (n_control - 1) + b**2 / (n_treatment - 1))


def _relative(control: Arm, treatment: Arm, rule: Rule) -> tuple[float | None, Interval | None]:
    if control.mean <= 0:
        return None, None
    lift = treatment.mean / control.mean - 1
    if not isfinite(lift):
        return None, None
    if treatment.mean <= 0:
        return lift, None
    try:
        return lift, _ratio_interval(control, treatment, rule)
    except OverflowError:  # so few data that the upper end is beyond any number
        return lift, None


def _ratio_interval(control: Arm, treatment: Arm, rule: Rule) -> Interval:
    # Divided before squared, because the square of a tiny mean would underflow to zero.
    of_control = (sqrt(control.variance / control.n) / control.mean) ** 2
    of_treatment = (sqrt(treatment.variance / treatment.n) / treatment.mean) ** 2
    freedom = welch_freedom(of_control, control.n, of_treatment, treatment.n)
    half = rule.critical_value(control.n + treatment.n, freedom) * sqrt(of_control + of_treatment)
    middle = log(treatment.mean / control.mean)
    return exp(middle - half) - 1, exp(middle + half) - 1
