"""What an experiment on a metric would take, from the shop's own history: customers, days, smallest lift."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from experiments.analysis.history import ENROLMENT_DAYS, History
from experiments.analysis.live import adjusted
from experiments.analysis.measured_words import describe
from experiments.analysis.power import HALVES, POWER, Question
from experiments.design import Design, Metric, Rule, order_log_metric
from features.errors import DataError
from features.settings import ExperimentSettings

LIFT_RELATIVE = 0.05
RULES: tuple[Rule, ...] = ("fixed", "hybrid")


@dataclass(frozen=True)
class Aim:
    """What is asked: a lift to find, or what a number of customers or of days can find.

    Attributes:
        lift_relative, lift_absolute: the lift to find.
        customers: of all variants together.
        days: from the start until the decision, the last customer's window included.

    Raises:
        DataError: not exactly one of them is set, or the lift is 0 or infinite.
    """

    lift_relative: float | None = None
    lift_absolute: float | None = None
    customers: int | None = None
    days: int | None = None

    def __post_init__(self) -> None:
        asked = (self.lift_relative, self.lift_absolute, self.customers, self.days)
        given = [value for value in asked if value is not None]
        if len(given) != 1:
            raise DataError(
                "A lift to find and a number of customers or days to have are different questions.",
                "Give one of --lift-relative, --lift-abs, --customers and --days.",
            )
        if given[0] == 0 or not isfinite(given[0]):
            raise DataError(f"A lift of {given[0]:g} cannot be planned for.", "State a finite one, not 0.")


@dataclass(frozen=True)
class Shape:
    """What a design says about its size, or the defaults: two halves, α .05, everybody.

    Attributes:
        metric: what decides, with its covariate.
        weights: of the control and of the smallest other variant.
        comparisons: variants against the control.
        alpha, power: the error allowed, and the chance to find the lift.
        rule: of stopping.
        coverage: the share of the targeted customers that joins.
        targeting: profile field → values.
    """

    metric: Metric
    weights: tuple[float, float] = HALVES
    comparisons: int = 1
    alpha: float = 0.05
    power: float = POWER
    rule: Rule = "fixed"
    coverage: float = 1.0
    targeting: Mapping[str, tuple[str, ...]] | None = None


def shape_of(
    design: Design | None,
    experiments: ExperimentSettings,
    *,
    metric: str | None,
    alpha: float | None,
    power: float,
    targeting: Mapping[str, tuple[str, ...]],
) -> Shape:
    """The design's size, with what the options say in its place.

    Raises:
        DataError: there is no such measure.
    """
    own = {m.key: m for m in design.described_metrics()} if design else {}
    key = metric or (design.primary_key if design else "repeat_purchase_d30")
    found = own.get(key) or order_log_metric(key)
    if found is None:
        raise DataError(
            f"{key!r} is no measure that orders answer.",
            "Choose one such as repeat_purchase_d30, orders_d30, revenue_d30 or order_value_d30.",
        )
    written = design is not None and key in {m.key for m in design.metrics}
    shape = Shape(
        found if written else adjusted(found),
        alpha=alpha or 0.05,
        power=power,
        coverage=1 - experiments.holdout_share,
        targeting=targeting,
    )
    if design is None:
        return shape
    control, *others = design.weights.values()
    start, end = design.layer.range if design.layer else (0.0, 1.0)
    return replace(
        shape,
        weights=(control, min(others)),
        comparisons=len(others),
        alpha=alpha or design.alpha,
        rule=design.rule,
        coverage=shape.coverage * design.coverage * (end - start),
        targeting=targeting or design.targeting,
    )


@dataclass(frozen=True)
class Size:
    """Under one rule.

    Attributes:
        rule: of stopping.
        customers: needed, all variants together.
        without_cuped: the same if what customers bought before is not used.
        days: from the start until the last of them has matured; None if so many never come.
    """

    rule: Rule
    customers: int
    without_cuped: int
    days: int | None

    def to_dict(self) -> dict[str, Any]:
        """By the names of the JSON."""
        return {
            "customers_needed": self.customers,
            "customers_needed_without_cuped": self.without_cuped,
            "days_needed": self.days,
        }


@dataclass(frozen=True)
class Plan:
    """The answer.

    Attributes:
        history: what it rests on.
        shape: what was asked of.
        lift: absolute, in the metric's unit.
        sizes: by rule; the shape's own is among them.
        customers, days: what the smallest lift is stated for.
        smallest: the lift that they find.
    """

    history: History
    shape: Shape
    lift: float
    sizes: Mapping[Rule, Size]
    customers: int
    days: int | None
    smallest: float

    @property
    def size(self) -> Size:
        """Under the rule of the design, or the fixed one."""
        return self.sizes[self.shape.rule]

    def relative(self, lift: float) -> float | None:
        """A lift as a share of the mean; None where the mean is not above zero."""
        return lift / self.history.mean if self.history.mean > 0 else None

    def to_dict(self) -> dict[str, Any]:
        """One JSON object."""
        history, arrivals = self.history, self.history.arrivals
        return {
            "metric": history.metric.key,
            **describe(history.metric),
            "window_days": history.metric.window_days,
            "baseline": {
                "mean": history.mean,
                "variance": history.variance,
                "rho_squared": history.rho_squared,
                "customers": history.customers,
                "from": history.launch.isoformat(),
                "seen_by": history.seen_by,
            },
            "alpha": self.shape.alpha,
            "power": self.shape.power,
            "rule": self.shape.rule,
            "coverage": self.shape.coverage,
            "lift_abs": self.lift,
            "lift_rel": self.relative(self.lift),
            **self.size.to_dict(),
            "customers_per_day": arrivals.customers_after(ENROLMENT_DAYS) / ENROLMENT_DAYS,
            "rules": {rule: size.to_dict() for rule, size in self.sizes.items()},
            "minimum_detectable": {
                "customers": self.customers,
                "days": self.days,
                "lift_abs": self.smallest,
                "lift_rel": self.relative(self.smallest),
            },
        }


def plan(history: History, shape: Shape, aim: Aim) -> Plan:
    """Answer the question.

    Raises:
        DataError: the lift cannot be, or the days end before any customer has matured.
    """
    rules = dict.fromkeys((*RULES, shape.rule))
    questions = {rule: _question(history, shape, rule) for rule in rules}
    asked, arrivals = questions[shape.rule], history.arrivals
    # A window of N days closes on the day after its last one.
    window = history.metric.window_days + 1
    if aim.customers is not None:
        customers, days = aim.customers, _days(arrivals.days_for(aim.customers), window)
    else:
        days = aim.days or ENROLMENT_DAYS + window
        customers = arrivals.customers_after(days - window)
    if customers < 1:
        raise DataError(
            f"Within {days} days no customer matures: the window of {history.metric.key} takes {window}.",
            "Give more --days, more coverage, or a measure with a shorter window.",
        )
    smallest = asked.effect_for(customers)
    lift = _lift(history, aim, smallest)
    sizes = {}
    for rule, question in questions.items():
        needed = question.customers_for(lift)
        plain = replace(question, rho_squared=0.0).customers_for(lift)
        sizes[rule] = Size(rule, needed, plain, _days(arrivals.days_for(needed), window))
    return Plan(history, shape, lift, sizes, customers, days, smallest)


def _days(enrolment: int | None, window: int) -> int | None:
    return None if enrolment is None else enrolment + window


def _question(history: History, shape: Shape, rule: Rule) -> Question:
    return Question(
        mean=history.mean,
        variance=history.variance,
        is_share=history.metric.kind in ("proportion", "retention"),
        rho_squared=history.rho_squared or 0.0,
        weights=shape.weights,
        alpha=shape.alpha,
        power=shape.power,
        comparisons=shape.comparisons,
        rule=rule,
    )


def _lift(history: History, aim: Aim, smallest: float) -> float:
    if aim.lift_relative is None and aim.lift_absolute is None:
        return smallest
    if aim.lift_relative is not None and history.mean <= 0:
        raise DataError(
            f"{history.metric.key} is {history.mean:g} on average, and nothing is a share of that.",
            "Give --lift-abs.",
        )
    lift = aim.lift_absolute
    if lift is None:
        lift = history.mean * (aim.lift_relative or 0.0)
    is_share = history.metric.kind in ("proportion", "retention")
    if is_share and not 0 <= history.mean + lift <= 1:
        raise DataError(
            f"A lift of {lift:+.4g} would take {history.metric.key} from {history.mean:.4g} out of 0 to 1.",
            "State a smaller lift; --lift-abs 0.01 is one point.",
        )
    return lift
