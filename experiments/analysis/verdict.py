"""The verdict as a reader gets it: the sentence, the reasons, and what to do where there is no answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.analysis.arms import Withheld
from experiments.analysis.decision import Code, Decision, Held, Reason
from experiments.analysis.guardrails import GuardrailResult
from experiments.analysis.progress import Progress
from experiments.analysis.results import MetricResult, Text
from experiments.analysis.sample_ratio import SampleRatio
from experiments.analysis.wording import WITHHELD_WORDS, Words, called, lift_words, sentence
from experiments.design import Design

HELD_WORDS: dict[Held, Words] = {
    Held.HOLDS: ("stays within its margin", "未跌破底线"),
    Held.UNCLEAR: ("is not yet shown to stay within its margin", "尚不能确认是否守住底线"),
    Held.BREACHED: ("breaks its margin", "已触破底线"),
}
REMEDIES: dict[Reason | Withheld, Words] = {
    Reason.SAMPLE_RATIO: (
        "Compare exposures with assignments by day, release and placement; correct the cause and start a new "
        "experiment with a new key.",
        "请按日期、发布版本和展示位置比对曝光与分组，修正原因后以新的 key 重新开始实验。",
    ),
    Reason.NO_DIFFERENCE: (
        "Plan more customers, or decide by cost: a difference this small may not be worth finding.",
        "可增加计划顾客数，或按成本决定：这么小的差异可能不值得继续寻找。",
    ),
    Reason.GUARDRAIL_UNCLEAR: (
        "Let more customers mature, or decide whether the worst case of the interval is tolerable.",
        "请等待更多顾客走完观察期，或判断区间最差情形是否可以接受。",
    ),
    Withheld.NO_CUSTOMERS: (
        "Load newer orders and wait until the window of the first customers has closed; check that every "
        "variant is being served.",
        "请载入更新的订单并等待首批顾客的观察期结束；同时确认每个组都在投放。",
    ),
    Withheld.ONE_CUSTOMER: (
        "Wait for more customers; raise the coverage if few are exposed.",
        "请等待更多顾客；若曝光太少可提高覆盖率。",
    ),
    Withheld.NO_VARIATION: (
        "Check that outcomes were loaded for these customers, or choose a measure that differs among them.",
        "请确认这些顾客的结果数据已载入，或改用顾客之间有差异的指标。",
    ),
    Withheld.NO_DENOMINATOR: (
        "Check that the denominator was loaded, or choose a measure per customer.",
        "请确认分母数据已载入，或改用按顾客计算的指标。",
    ),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do.

    Attributes:
        code: ship, roll_back, keep_running or review.
        reason: why, as a code.
        en, zh: the sentence.
        reasons: the facts behind it, one statement each.
        remedy: what to do where there is no answer; None where there is one.
    """

    code: Code
    reason: Reason
    en: str
    zh: str
    reasons: tuple[Text, ...]
    remedy: Text | None

    def to_dict(self) -> dict[str, Any]:
        """`{code, reason, text_en, text_zh, reasons, remedy}`."""
        return {
            "code": self.code.value,
            "reason": self.reason.value,
            "text_en": self.en,
            "text_zh": self.zh,
            "reasons": [reason.to_dict() for reason in self.reasons],
            "remedy": self.remedy and self.remedy.to_dict(),
        }


def explain(
    decision: Decision,
    design: Design,
    primary: MetricResult,
    *,
    guardrails: Sequence[GuardrailResult],
    ratio: SampleRatio,
    progress: Progress,
) -> Verdict:
    """The sentence of a decision, its reasons and its remedy."""
    said = sentence(decision, design, primary, ratio, progress)
    withheld = decision.variant.withheld if decision.variant and decision.reason is Reason.WITHHELD else None
    cause = withheld or decision.reason
    return Verdict(
        code=decision.code,
        reason=decision.reason,
        en=said.en,
        zh=said.zh,
        reasons=(
            _of_ratio(ratio),
            _of_progress(progress),
            *_of_primary(primary),
            *_of_guardrails(guardrails),
        ),
        remedy=Text(cause.value, *REMEDIES[cause]) if cause in REMEDIES else None,
    )


def _of_ratio(ratio: SampleRatio) -> Text:
    en, zh = ("split", "相符") if ratio.ok else ("did not split", "不符")
    return Text(
        "sample_ratio",
        f"Customers {en} as planned (p = {ratio.p_value:.2g}).",
        f"分组比例与计划{zh}（p = {ratio.p_value:.2g}）。",
    )


def _of_progress(progress: Progress) -> Text:
    planned, days = progress.planned, progress.days
    of = ("", "") if planned is None else (f" of {planned:,} planned", f"，计划 {planned:,} 位")
    after = ("", "") if days is None else (f", after {days:,} days", f"，已进行 {days:,} 天")
    return Text(
        "progress",
        f"{progress.customers:,}{of[0]} customers count{after[0]}.",
        f"已计入 {progress.customers:,} 位顾客{of[1]}{after[1]}。",
    )


def _of_primary(primary: MetricResult) -> Iterator[Text]:
    for variant in primary.variants:
        key = variant.variant
        if variant.withheld is not None:
            en, zh = WITHHELD_WORDS[variant.withheld]
            yield Text("withheld", f"{key}: no result, because {en}.", f"{key}：没有结果，因为{zh}。")
            continue
        en, zh = lift_words(primary, variant)
        shown = ("significant", "显著") if variant.significant else ("not significant", "不显著")
        yield Text("effect", f"{key}: {en}, {shown[0]}.", f"{key}：{zh}，{shown[1]}。")


def _of_guardrails(guardrails: Sequence[GuardrailResult]) -> Iterator[Text]:
    for rail in guardrails:
        en, zh = called(rail.measure)
        margin = f"{rail.margin_relative:+.1%}"
        for variant in rail.variants:
            held = HELD_WORDS[variant.state]
            seen = ("", "")
            if variant.ci_rel is not None:
                low, high = (f"{end:+.1%}" for end in variant.ci_rel)
                seen = (f", interval {low} to {high}", f"，区间 {low} 至 {high}")
            yield Text(
                f"guardrail_{variant.state.value}",
                f"{variant.variant}: {en} {held[0]} (margin {margin}{seen[0]}).",
                f"{variant.variant}：{zh} {held[1]}（底线 {margin}{seen[1]}）。",
            )
