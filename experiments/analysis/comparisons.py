"""Every variant against the control, by the design's rule, corrected for how many are asked at once."""

from collections.abc import Sequence
from dataclasses import replace

from experiments.analysis.aggregates import Aggregate
from experiments.analysis.arms import Rule, WithheldError
from experiments.analysis.corrections import holm
from experiments.analysis.estimates import estimate, plain_mean
from experiments.analysis.measure import Measured, Segment
from experiments.analysis.results import MetricResult, SegmentResult, VariantResult
from experiments.analysis.sequential import FixedRule, SequenceRule, hybrid_rule
from experiments.design import Design, Metric


def whole_results(
    design: Design, measured: Sequence[Measured], decided_early: bool = False
) -> tuple[MetricResult, ...]:
    """Every metric over everyone; significance is corrected over the variants of a metric.

    Args:
        design: gives variants, rule and α.
        measured: the sums of every metric.
        decided_early: a hybrid was decided before its planned number; its sequence then stays for good.
    """
    results: list[MetricResult] = []
    for metric in measured:
        arms = {variant.key: metric.whole_arm(variant.key) for variant in design.variants}
        results.extend(_corrected([_result(design, metric.metric, arms, 1.0, decided_early)]))
    return tuple(results)


def segment_results(
    design: Design,
    measured: Sequence[Measured],
    by: str,
    segments: Sequence[Segment],
    decided_early: bool = False,
) -> tuple[SegmentResult, ...]:
    """Every metric within every segment; significance is corrected over variants × segments of a metric."""
    columns = []
    for metric in measured:
        keys = [variant.key for variant in design.variants]
        everyone = sum(metric.whole_arm(key).n for key in keys)
        results = []
        for segment in segments:
            arms = {key: metric.arm(key, segment) for key in keys}
            share = sum(arm.n for arm in arms.values()) / max(1, everyone)
            results.append(_result(design, metric.metric, arms, share, decided_early))
        columns.append(_corrected(results))
    return tuple(
        SegmentResult(by, segment, results)
        for segment, results in zip(segments, zip(*columns, strict=True), strict=True)
    )


def rule_for(design: Design, customers: int, share: float, pair_weight: float) -> Rule:
    """The rule of one comparison.

    Args:
        design: names the rule and the planned number of customers, all variants together.
        customers: those of all variants that count so far, in the segment.
        share: the segment's share of all customers; 1 for everyone.
        pair_weight: the share of a segment's customers that the two compared variants get.
    """
    if design.rule == "fixed" or design.planned_matured_customers is None:
        return FixedRule(design.alpha)
    planned = design.planned_matured_customers * share
    if design.rule == "sequence":
        return SequenceRule(design.alpha, planned * pair_weight)
    return hybrid_rule(design.alpha, customers, planned, planned * pair_weight)


def pair_rule(
    design: Design, variant: str, customers: int, share: float = 1.0, decided_early: bool = False
) -> Rule:
    """The rule of a variant against the control; one decided early keeps the rule it was decided by."""
    pair_weight = design.weights[design.variants[0].key] + design.weights[variant]
    return rule_for(design, 0 if decided_early else customers, share, pair_weight)


def _result(
    design: Design, metric: Metric, arms: dict[str, Aggregate], share: float, decided_early: bool
) -> MetricResult:
    control, *others = arms
    customers = sum(arm.n for arm in arms.values())
    rules = {key: pair_rule(design, key, customers, share, decided_early) for key in others}
    first = rules[others[0]]
    return MetricResult(
        metric=metric,
        control=control,
        control_n=arms[control].n,
        control_mean=plain_mean(metric, arms[control]),
        # The rule's kind and error depend on all variants together, so the pairs agree on both.
        method="welch" if isinstance(first, FixedRule) else "confidence_sequence",
        alpha=first.alpha,
        variants=tuple(_variant(metric, key, arms[control], arms[key], rules[key]) for key in others),
    )


def _variant(metric: Metric, key: str, control: Aggregate, treatment: Aggregate, rule: Rule) -> VariantResult:
    mean = plain_mean(metric, treatment)
    try:
        found = estimate(metric, control, treatment, rule)
    except WithheldError as error:
        return VariantResult(key, treatment.n, mean, None, error.reason)
    return VariantResult(key, treatment.n, mean, found, None)


def _corrected(results: Sequence[MetricResult]) -> tuple[MetricResult, ...]:
    """Mark what stays significant after Holm's correction over all variants of all these results."""
    tested = [
        (i, v.variant, v.estimate) for i, result in enumerate(results) for v in result.variants if v.estimate
    ]
    adjusted = holm([found.p_value for _, _, found in tested])
    significant = {
        (i, key) for (i, key, _), p_value in zip(tested, adjusted, strict=True) if p_value <= results[i].alpha
    }
    return tuple(
        replace(
            result,
            variants=tuple(replace(v, significant=(i, v.variant) in significant) for v in result.variants),
        )
        for i, result in enumerate(results)
    )
