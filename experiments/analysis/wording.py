"""The sentence of a verdict, in English and Chinese."""

from experiments.analysis.arms import Withheld
from experiments.analysis.decision import Code, Decision, Reason
from experiments.analysis.measured_words import lower_is_better
from experiments.analysis.power import POWER, minimum_detectable_effect
from experiments.analysis.progress import Progress
from experiments.analysis.results import MetricResult, Text, VariantResult
from experiments.analysis.sample_ratio import SampleRatio
from experiments.design import Design, Metric
from features.measures.registry import shown_name

Words = tuple[str, str]

WITHHELD_WORDS: dict[Withheld, Words] = {
    Withheld.NO_CUSTOMERS: ("a variant has no customers that count yet", "有实验组尚无可计入的顾客"),
    Withheld.ONE_CUSTOMER: ("a variant has only one customer that counts", "有实验组只有一位可计入的顾客"),
    Withheld.NO_VARIATION: (
        "every customer of a variant has the same value, so chance cannot be judged",
        "各组内所有顾客的取值都相同，无法判断偶然性",
    ),
    Withheld.NO_DENOMINATOR: ("the denominators of a variant sum to zero", "有实验组的分母合计为零"),
    Withheld.NO_EXTRA_COST: (
        "its offers did not clearly cost more than the control's",
        "该组的优惠成本并未明显高于对照组",
    ),
    Withheld.WINDOW_OPEN: ("nobody has been watched to the end of the window yet", "尚无顾客走完整个观察期"),
}


def sentence(
    decision: Decision, design: Design, primary: MetricResult, ratio: SampleRatio, progress: Progress
) -> Text:
    """The decision in one sentence."""
    if decision.reason in (Reason.WINNER, Reason.HARM, Reason.NO_DIFFERENCE):
        en, zh = _effect_words(decision, primary)
    elif decision.guardrail is not None:
        en, zh = _guardrail_words(decision)
    else:
        en, zh = _waiting_words(decision, design, ratio, progress)
    return Text(decision.code.value, en, zh)


def _effect_words(decision: Decision, primary: MetricResult) -> Words:
    variant, (called_en, called_zh) = decision.variant, called(primary.metric.key)
    if variant is None or variant.estimate is None:
        raise ValueError(f"{decision.reason} is about a variant with an estimate")
    en, zh = lift_words(primary, variant)
    name = variant.variant
    if decision.reason is Reason.WINNER:
        falling = lower_is_better(primary.metric.key)
        also = [v.variant for v in primary.variants if v.variant != name and v.gains(falling)]
        more = (f" {_and(also)} also gained.", f"{'、'.join(also)} 同样有提升。") if also else ("", "")
        return f"Ship {name}: {en}.{more[0]}", f"建议上线 {name}：{zh}。{more[1]}"
    if decision.reason is Reason.HARM and decision.code is Code.ROLL_BACK:
        return f"Roll back: {name} is worse than the control, {en}.", f"建议下线：{name} 不如对照组，{zh}。"
    if decision.reason is Reason.HARM:
        return (
            f"Review: {name} is worse than the control, {en}, and no other variant is shown to gain.",
            f"需要复核：{name} 不如对照组，{zh}，其他实验组也未见提升。",
        )
    smallest = minimum_detectable_effect(variant.estimate.standard_error, primary.alpha)
    size_en, size_zh = _size(primary.metric, smallest)
    return (
        f"Review: no variant is shown to differ from the control on {called_en}; the largest difference, "
        f"{name}: {en}. A true difference of {size_en} would have been found with {POWER:.0%} power.",
        f"需要复核：没有实验组在 {called_zh} 上显示出与对照组的差异；差异最大的 {name}：{zh}。"
        f"若真实差异达到 {size_zh}，本实验有 {POWER:.0%} 的把握发现它。",
    )


def _guardrail_words(decision: Decision) -> Words:
    name = decision.variant and decision.variant.variant
    measure, measure_zh = called(decision.guardrail or "")
    if decision.reason is Reason.GUARDRAIL_UNCLEAR:
        return (
            f"Review: {name} gained, but {measure} is not yet shown to stay within its margin.",
            f"需要复核：{name} 有提升，但尚不能确认 {measure_zh} 没有跌破底线。",
        )
    act = ("Roll back", "建议下线") if decision.code is Code.ROLL_BACK else ("Review", "需要复核")
    return (
        f"{act[0]}: {name} breaks the guardrail on {measure}.",
        f"{act[1]}：{name} 触破了 {measure_zh} 的底线。",
    )


def _waiting_words(decision: Decision, design: Design, ratio: SampleRatio, progress: Progress) -> Words:
    planned = progress.planned or 0
    so_far = (
        f"{progress.customers:,} of {planned:,} planned customers count so far",
        f"已计入 {progress.customers:,} 位顾客，计划 {planned:,} 位",
    )
    left = progress.days_left
    wait = (f", about {left:,} more days", f"，约还需 {left:,} 天") if left else ("", "")
    if decision.reason is Reason.SAMPLE_RATIO:
        return (
            f"Review: customers did not split as planned (p = {ratio.p_value:.2g}), so no number here can be "
            "trusted; find what loses or adds customers in one variant, then run again.",
            f"需要复核：顾客分组比例与计划不符（p = {ratio.p_value:.2g}），所有结果都不可信；"
            "请先查明哪一组丢失或多出了顾客，再重新实验。",
        )
    if decision.reason is Reason.MINIMUM_DAYS:
        days = progress.days or 0
        return (
            f"Keep running: {days} of at least {design.minimum_days} days have passed.",
            f"继续运行：至少需要 {design.minimum_days} 天，目前 {days} 天。",
        )
    if decision.reason is Reason.TOO_EARLY:
        return (
            f"Keep running: {so_far[0]}{wait[0]}; the fixed rule looks once, at the end.",
            f"继续运行：{so_far[1]}{wait[1]}；固定规则只在结束时看一次结果。",
        )
    if decision.reason is Reason.WITHHELD:
        reason = decision.variant and decision.variant.withheld
        words = WITHHELD_WORDS[reason or Withheld.NO_CUSTOMERS]
        if decision.code is Code.REVIEW:
            return f"Review: no result, because {words[0]}.", f"需要复核：没有结果，因为{words[1]}。"
        return f"Keep running: no result yet, because {words[0]}.", f"继续运行：暂无结果，因为{words[1]}。"
    return (
        f"Keep running: nothing is decided yet; {so_far[0]}{wait[0]}.",
        f"继续运行：尚无定论；{so_far[1]}{wait[1]}。",
    )


def lift_words(result: MetricResult, variant: VariantResult) -> Words:
    """The lift of a variant that has an estimate, with its interval."""
    estimate = variant.estimate
    if estimate is None:
        raise ValueError(f"{variant.variant} has no estimate")
    low, high = (_number(result.metric, end) for end in estimate.ci_abs)
    percent = f"{100 * (1 - result.alpha):.4g}"
    lift_en, lift_zh = _size(result.metric, abs(estimate.lift_abs))
    base = _mean(result.metric, result.control_mean or 0.0)
    (name_en, name_zh), up = called(result.metric.key), estimate.lift_abs >= 0
    return (
        f"{name_en} {'up' if up else 'down'} {lift_en} from {base} ({percent} % interval {low} to {high})",
        f"{name_zh} 由 {base} {'上升' if up else '下降'} {lift_zh}（{percent}% 区间 {low} 至 {high}）",
    )


def _is_share(metric: Metric) -> bool:
    return metric.kind in ("proportion", "retention")


def _number(metric: Metric, value: float) -> str:
    return f"{100 * value:+.2f}" if _is_share(metric) else f"{value:+.4g}"


def _size(metric: Metric, value: float) -> Words:
    if _is_share(metric):
        return f"{100 * value:.2f} points", f"{100 * value:.2f} 个百分点"
    return f"{value:.4g}", f"{value:.4g}"


def _mean(metric: Metric, value: float) -> str:
    return f"{value:.2%}" if _is_share(metric) else f"{value:.4g}"


def called(key: str) -> Words:
    """What a sentence calls a metric: its name, or the key of a shop's own."""
    name = shown_name(key)
    return (name.en, name.zh) if name else (key, key)


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
