"""The verdict: one of four codes, from the primary metric, the guardrails and how far the experiment is."""

from dataclasses import dataclass
from enum import StrEnum

from experiments.analysis.measured_words import lower_is_better
from experiments.analysis.progress import Progress
from experiments.analysis.results import MetricResult, VariantResult
from experiments.analysis.sample_ratio import SampleRatio
from experiments.design import Design


class Code(StrEnum):
    """What to do."""

    SHIP = "ship"
    ROLL_BACK = "roll_back"
    KEEP_RUNNING = "keep_running"
    REVIEW = "review"


class Reason(StrEnum):
    """Why; each has its sentence in both languages."""

    SAMPLE_RATIO = "sample_ratio"
    WITHHELD = "withheld"
    MINIMUM_DAYS = "minimum_days"
    TOO_EARLY = "too_early"
    UNDECIDED = "undecided"
    WINNER = "winner"
    GUARDRAIL_UNCLEAR = "guardrail_unclear"
    GUARDRAIL_BREACHED = "guardrail_breached"
    HARM = "harm"
    NO_DIFFERENCE = "no_difference"


class Held(StrEnum):
    """Whether a guardrail holds for a variant."""

    HOLDS = "holds"
    UNCLEAR = "unclear"
    BREACHED = "breached"


@dataclass(frozen=True, slots=True)
class Decision:
    """A code with its reason, and what the sentence speaks of.

    Attributes:
        code: what to do.
        reason: why.
        variant: the result the sentence is about, if about one.
        guardrail: key of the measure the sentence is about, if about one.
    """

    code: Code
    reason: Reason
    variant: VariantResult | None = None
    guardrail: str | None = None


def guardrail_state(result: VariantResult, margin: float) -> Held:
    """Non-inferiority: does the whole relative interval lie on the tolerable side of the margin?

    Args:
        result: a variant's result on the guardrail's measure.
        margin: relative; zero or less: the measure must not fall below it; else: must not rise above it.
    """
    if result.estimate is None or result.estimate.ci_rel is None:
        return Held.UNCLEAR
    low, high = result.estimate.ci_rel
    if margin > 0:
        low, high, margin = -high, -low, -margin
    if low >= margin:
        return Held.HOLDS
    return Held.BREACHED if high < margin else Held.UNCLEAR


def decide(
    design: Design, metrics: tuple[MetricResult, ...], ratio: SampleRatio, progress: Progress
) -> Decision:
    """What to do.

    The split of customers is judged first, because no number means anything if it is wrong. A fixed rule
    looks once, at its planned end; the others may decide at any look.
    """
    results = {result.metric.key: result for result in metrics}
    primary = results[design.primary_key]
    if not ratio.ok:
        return Decision(Code.REVIEW, Reason.SAMPLE_RATIO)
    if progress.days is not None and progress.days < design.minimum_days:
        return Decision(Code.KEEP_RUNNING, Reason.MINIMUM_DAYS)
    if design.rule == "fixed" and not progress.complete:
        return Decision(Code.KEEP_RUNNING, Reason.TOO_EARLY)
    if all(variant.estimate is None for variant in primary.variants):
        code = Code.KEEP_RUNNING if progress.waiting or not progress.complete else Code.REVIEW
        return Decision(code, Reason.WITHHELD, primary.variants[0])
    return _by_effects(design, results, progress)


def _by_effects(design: Design, results: dict[str, MetricResult], progress: Progress) -> Decision:
    variants = results[design.primary_key].variants
    falling = lower_is_better(design.primary_key)
    worst = {variant.variant: _worst_guardrail(design, results, variant.variant) for variant in variants}
    winners = sorted((v for v in variants if v.gains(falling)), key=lambda v: abs(_lift(v)), reverse=True)
    for winner in winners:
        if worst[winner.variant][0] is Held.HOLDS:
            return Decision(Code.SHIP, Reason.WINNER, winner)
    harmful = [v for v in variants if v.gains(not falling)]
    breached = [v for v in variants if worst[v.variant][0] is Held.BREACHED]
    if len({v.variant for v in (*breached, *harmful)}) == len(variants):
        code = Code.ROLL_BACK
    elif progress.complete:
        code = Code.REVIEW
    else:
        return Decision(Code.KEEP_RUNNING, Reason.UNDECIDED)
    # A winner comes first in the sentence: what holds it back is what there is to review.
    for variant in (*winners, *breached):
        held, guardrail = worst[variant.variant]
        if not harmful or variant in winners:
            breach = held is Held.BREACHED
            reason = Reason.GUARDRAIL_BREACHED if breach else Reason.GUARDRAIL_UNCLEAR
            return Decision(code, reason, variant, guardrail)
    if harmful:
        return Decision(code, Reason.HARM, harmful[0])
    known = [variant for variant in variants if variant.estimate is not None]
    return Decision(code, Reason.NO_DIFFERENCE, max(known, key=lambda v: abs(_lift(v))))


def _worst_guardrail(
    design: Design, results: dict[str, MetricResult], variant: str
) -> tuple[Held, str | None]:
    order = [Held.HOLDS, Held.UNCLEAR, Held.BREACHED]
    worst: tuple[Held, str | None] = (Held.HOLDS, None)
    for guardrail in design.guardrails:
        result = next(v for v in results[guardrail.measure].variants if v.variant == variant)
        held = guardrail_state(result, guardrail.margin_relative)
        if order.index(held) > order.index(worst[0]):
            worst = (held, guardrail.measure)
    return worst


def _lift(variant: VariantResult) -> float:
    return variant.estimate.lift_abs if variant.estimate is not None else 0.0
