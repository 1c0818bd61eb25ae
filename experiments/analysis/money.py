"""The sections of a report on money: margin in a year, and what offers earned on their cost."""

from dataclasses import dataclass
from typing import Any

from experiments.analysis.arms import Interval, Withheld, WithheldError
from experiments.analysis.comparisons import pair_rule
from experiments.analysis.measure import Measured
from experiments.analysis.metrics.incremental_return import (
    IncrementalReturn,
    differences,
    incremental_return,
)
from experiments.analysis.results import MetricResult, Text
from experiments.design import Design

DAYS_OF_A_YEAR = 365


@dataclass(frozen=True, slots=True)
class VariantYear:
    """One variant's margin over the control in a year: per customer, and for everybody exposed."""

    variant: str
    per_customer: float
    value: float
    interval: Interval

    def to_dict(self) -> dict[str, Any]:
        """`{variant, per_customer, value, ci}`; the interval is of the value."""
        return {
            "variant": self.variant,
            "per_customer": self.per_customer,
            "value": self.value,
            "ci": list(self.interval),
        }


@dataclass(frozen=True, slots=True)
class AnnualMargin:
    """Incremental margin per year.

    Attributes:
        metric: the margin measure it comes from.
        customers: everybody exposed, who are thought to get the variant.
        variants: those that have an estimate.
        assumption: what must hold for it to be true.
    """

    metric: str
    customers: int
    variants: tuple[VariantYear, ...]
    assumption: Text

    def to_dict(self) -> dict[str, Any]:
        """`{metric, customers, variants, assumption}`."""
        return {
            "metric": self.metric,
            "customers": self.customers,
            "variants": [variant.to_dict() for variant in self.variants],
            "assumption": self.assumption.to_dict(),
        }


def annual_margin(margin: MetricResult, customers: int) -> AnnualMargin | None:
    """The lift in margin, scaled from its window to a year and from a customer to everybody exposed.

    Args:
        margin: the result of a margin measure.
        customers: everybody exposed.

    Returns:
        None if no variant has an estimate.
    """
    days = margin.metric.window_days
    windows = DAYS_OF_A_YEAR / days
    years = []
    for variant in margin.variants:
        if variant.estimate is not None:
            low, high = (end * windows * customers for end in variant.estimate.ci_abs)
            per_customer = variant.estimate.lift_abs * windows
            years.append(VariantYear(variant.variant, per_customer, per_customer * customers, (low, high)))
    if not years:
        return None
    assumption = Text(
        "annual_margin",
        f"If all {customers:,} exposed customers had the variant, and it moved every {days} days of the year "
        f"as it moved the first {days}; before the cost of offers.",
        f"假设全部 {customers:,} 位曝光顾客都获得该方案，且全年每 {days} 天的效果与前 {days} 天相同；"
        "未扣除优惠成本。",
    )
    return AnnualMargin(margin.metric.key, customers, tuple(years), assumption)


@dataclass(frozen=True, slots=True)
class OfferReturn:
    """What one variant's offers earned: differences are per matured customer, over the control.

    Attributes:
        variant: its key.
        margin_difference, cost_difference: Δmargin and Δcost; None without customers.
        found: the return with its interval; None where withheld.
        withheld: why there is none.
    """

    variant: str
    margin_difference: float | None
    cost_difference: float | None
    found: IncrementalReturn | None
    withheld: Withheld | None

    def to_dict(self) -> dict[str, Any]:
        """Numbers are None where withheld."""
        return {
            "variant": self.variant,
            "value": self.found and self.found.value,
            "ci": self.found and list(self.found.interval),
            "margin_difference": self.margin_difference,
            "cost_difference": self.cost_difference,
            "withheld": self.withheld and self.withheld.value,
        }


def offer_returns(design: Design, sums: Measured, decided_early: bool = False) -> tuple[OfferReturn, ...]:
    """The return of every variant's offers.

    Args:
        design: gives variants and rule.
        sums: of margin (as value) and offer cost (as denominator).
        decided_early: as `whole_results` takes it.
    """
    control, *others = (variant.key for variant in design.variants)
    arms = {key: sums.whole_arm(key) for key in (control, *others)}
    customers = sum(arm.n for arm in arms.values())
    found = []
    for key in others:
        known = arms[control].n and arms[key].n
        known = arms[control].n and arms[key].n
        margin, cost = differences(arms[control], arms[key]) if known else (None, None)
        rule = pair_rule(design, key, customers, decided_early=decided_early)
        try:
            value = incremental_return(arms[control], arms[key], rule)
            found.append(OfferReturn(key, margin, cost, value, None))
        except WithheldError as error:
            found.append(OfferReturn(key, margin, cost, None, error.reason))
    return tuple(found)
