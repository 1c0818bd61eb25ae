"""What an analysis found, metric by metric: plain data that becomes JSON."""

from dataclasses import dataclass
from typing import Any

from experiments.analysis.arms import Estimate, Interval, Withheld
from experiments.design import Metric


@dataclass(frozen=True, slots=True)
class Text:
    """A statement in both languages, with a code for programs."""

    code: str
    en: str
    zh: str

    def to_dict(self) -> dict[str, str]:
        """`{code, text_en, text_zh}`."""
        return {"code": self.code, "text_en": self.en, "text_zh": self.zh}


@dataclass(frozen=True, slots=True)
class VariantResult:
    """One variant against the control: an estimate, or why there is none.

    Attributes:
        variant: its key.
        n: customers that count (matured ones, where the metric has a window).
        mean: its plain mean; None without customers.
        estimate: the lift; None where withheld.
        withheld: why there is no estimate.
        significant: after Holm's correction over the variants (in segments: variants × segments).
    """

    variant: str
    n: int
    mean: float | None
    estimate: Estimate | None
    withheld: Withheld | None
    significant: bool = False

    def gains(self, lower_is_better: bool = False) -> bool:
        """Whether there is a significant change to the better."""
        lift = self.estimate.lift_abs if self.estimate is not None else 0.0
        return self.significant and (lift < 0 if lower_is_better else lift > 0)

    def to_dict(self) -> dict[str, Any]:
        """Numbers are None where the estimate is withheld; `withheld` then says why."""
        found = self.estimate
        return {
            "variant": self.variant,
            "n": self.n,
            "mean": self.mean,
            "lift_abs": found and found.lift_abs,
            "lift_rel": found and found.lift_rel,
            "ci_abs": _list(found.ci_abs if found else None),
            "ci_rel": _list(found.ci_rel if found else None),
            "p_value": found and found.p_value,
            "significant": self.significant,
            "withheld": self.withheld and self.withheld.value,
        }


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric: the control and every other variant against it.

    Attributes:
        metric: what is measured.
        control, control_n, control_mean: the control, its customers that count, and their plain mean.
        method: `welch` or `confidence_sequence`.
        alpha: the error the intervals spend, which is also what `significant` is held against.
        variants: the others, in the design's order.
    """

    metric: Metric
    control: str
    control_n: int
    control_mean: float | None
    method: str
    alpha: float
    variants: tuple[VariantResult, ...]

    @property
    def customers(self) -> int:
        """Customers that count, all variants together."""
        return self.control_n + sum(variant.n for variant in self.variants)

    def to_dict(self) -> dict[str, Any]:
        """As issue and API show it; `level` is what the intervals cover."""
        return {
            "metric": self.metric.key,
            "kind": self.metric.kind,
            "method": self.method,
            "level": round(1 - self.alpha, 10),
            "control": {"variant": self.control, "n": self.control_n, "mean": self.control_mean},
            "variants": [variant.to_dict() for variant in self.variants],
        }


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """Every metric within one segment; None is customers whose segment is not known."""

    by: str
    value: str | None
    metrics: tuple[MetricResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """`{by, value, metrics}`."""
        return {"by": self.by, "value": self.value, "metrics": [metric.to_dict() for metric in self.metrics]}


def _list(interval: Interval | None) -> list[float] | None:
    return None if interval is None else list(interval)
