"""The section of a report on what must not get worse: each guardrail with its state for each variant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments.analysis.arms import Interval
from experiments.analysis.decision import Held, guardrail_state
from experiments.analysis.results import MetricResult, VariantResult
from experiments.design import Design


@dataclass(frozen=True, slots=True)
class GuardrailState:
    """One variant on one guardrail: not inferior where the whole interval lies within the margin."""

    variant: str
    state: Held
    lift_rel: float | None
    ci_rel: Interval | None

    def to_dict(self) -> dict[str, Any]:
        """`{variant, state, lift_rel, ci_rel}`."""
        interval = None if self.ci_rel is None else list(self.ci_rel)
        return {
            "variant": self.variant,
            "state": self.state.value,
            "lift_rel": self.lift_rel,
            "ci_rel": interval,
        }


@dataclass(frozen=True, slots=True)
class GuardrailResult:
    """One guardrail of the design; a margin above zero is for measures that must not rise."""

    measure: str
    margin_relative: float
    variants: tuple[GuardrailState, ...]

    def to_dict(self) -> dict[str, Any]:
        """`{measure, margin_relative, variants}`."""
        variants = [variant.to_dict() for variant in self.variants]
        return {"measure": self.measure, "margin_relative": self.margin_relative, "variants": variants}


def guardrails(design: Design, metrics: Sequence[MetricResult]) -> tuple[GuardrailResult, ...]:
    """Every guardrail of the design, in its order."""
    results = {result.metric.key: result for result in metrics}
    return tuple(
        GuardrailResult(
            guardrail.measure,
            guardrail.margin_relative,
            tuple(
                _state(variant, guardrail.margin_relative) for variant in results[guardrail.measure].variants
            ),
        )
        for guardrail in design.guardrails
    )


def _state(variant: VariantResult, margin: float) -> GuardrailState:
    found = variant.estimate
    return GuardrailState(
        variant.variant,
        guardrail_state(variant, margin),
        found.lift_rel if found else None,
        found.ci_rel if found else None,
    )
