"""The words and numbers on charts, in both languages."""

from typing import Any, Literal

from features.columns import TIERS
from features.loyalty.tiers import TIER_NAMES

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

WORDS: dict[str, dict[Language, str]] = {
    "forest": {"en": "Change against the control", "zh": "相对对照组的变化"},
    "forest_about": {
        "en": "The relative change of every metric, with its {level} interval; a circle is significant.",
        "zh": "每个指标的相对变化及其 {level} 置信区间；圆点表示显著。",
    },
    "relative": {"en": "relative change with {level} interval", "zh": "相对变化，含 {level} 置信区间"},
    "cumulative": {"en": "Lift of {measure}", "zh": "{measure}的提升"},
    "cumulative_about": {
        "en": "The lift of {measure} as it stood each day, with its interval; on the last day {last}.",
        "zh": "{measure}截至每天的提升及其区间；最后一天：{last}。",
    },
    "retention": {"en": "Share that has come back", "zh": "累计回购比例"},
    "retention_about": {
        "en": "The share that ordered again by each day, with its interval; by day {day}: {last}.",
        "zh": "各组顾客截至每天再次下单的比例及其区间；第 {day} 天：{last}。",
    },
    "day": {"en": "days after exposure", "zh": "曝光后天数"},
    "guardrails": {"en": "Change and margin", "zh": "变化与底线"},
    "guardrails_about": {
        "en": "The relative change of every guardrail, with its interval; the tall mark is the margin.",
        "zh": "每个护栏指标的相对变化及其区间；长竖线为底线。",
    },
    "guardrails_axis": {"en": "relative change; tall mark: the margin", "zh": "相对变化；长竖线为底线"},
    "holds": {"en": "holds", "zh": "守住"},
    "unclear": {"en": "unclear", "zh": "尚不明确"},
    "breached": {"en": "breached", "zh": "已触破"},
    "tiers": {"en": "Lift of {measure}", "zh": "{measure}的提升"},
    "by_tier": {"en": "by tier", "zh": "按会员等级"},
    "tiers_about": {
        "en": "The lift of {measure} in each tier, with its interval; a circle is significant.",
        "zh": "{measure}在各会员等级中的提升及其区间；圆点表示显著。",
    },
    "unknown": {"en": "tier unknown", "zh": "等级未知"},
    "matured": {"en": "Customers so far", "zh": "目前的顾客数"},
    "matured_about": {
        "en": "{matured} of {exposed} exposed customers have matured.",
        "zh": "{exposed} 位已曝光顾客中，{matured} 位已成熟。",
    },
    "exposed_bar": {"en": "exposed", "zh": "已曝光"},
    "matured_bar": {"en": "matured (these count)", "zh": "已成熟（计入结果）"},
    "planned_bar": {"en": "planned", "zh": "计划"},
    "customers": {"en": "customers", "zh": "顾客数"},
    "truth": {"en": "planted truth {value}", "zh": "预设真值 {value}"},
    "share": {"en": "percentage points with {level} interval", "zh": "百分点，含 {level} 置信区间"},
    "share_band": {"en": "percentage points", "zh": "百分点"},
    "other_band": {"en": "difference", "zh": "差值"},
    "looks": {
        "en": "{unit}; the band holds on all days together",
        "zh": "{unit}；色带对每一天同时有效",
    },
    "one_look": {"en": "{unit}; the band holds for a single look", "zh": "{unit}；色带只对单次查看有效"},
    "other": {"en": "difference with {level} interval", "zh": "差值，含 {level} 置信区间"},
}


class Wording:
    """A report's names and numbers in one language.

    Args:
        report: the stored report.
        language: zh or en.
    """

    def __init__(self, report: dict[str, Any], language: Language) -> None:
        self._measures: dict[str, dict[str, Any]] = report["measures"]
        self._language = language
        self.level = f"{100 * report['metrics'][0]['level']:.4g}%"

    def say(self, word: str, **values: object) -> str:
        """A text of `WORDS` with its places filled."""
        return WORDS[word][self._language].format(level=self.level, **values)

    def measure(self, key: str) -> str:
        """A measure's name; its key, if the report does not describe it."""
        return str(self._measures.get(key, {}).get(f"name_{self._language}", key))

    def tier(self, value: str | None) -> str:
        """A tier's name."""
        if value is None:
            return self.say("unknown")
        return TIER_NAMES.get(value, {}).get(self._language, value)

    def tier_rank(self, value: str | None) -> int:
        """Where a tier stands, the lowest first; an unknown one last."""
        return TIERS.index(value) if value in TIERS else len(TIERS)

    def unit(self, key: str) -> Literal["share", "other"]:
        """The word for the unit of a measure's differences: those of shares are percentage points."""
        return "share" if self._measures.get(key, {}).get("unit") == "share" else "other"

    def scale(self, key: str) -> float:
        """What a difference is multiplied with to be shown."""
        return 100.0 if self.unit(key) == "share" else 1.0

    def lower_is_better(self, key: str) -> bool:
        """Whether a fall of the measure is the good news."""
        return bool(self._measures.get(key, {}).get("lower_is_better", False))

    def difference(self, key: str, value: float) -> str:
        """A lift in the measure's own unit, signed."""
        return _minus(f"{100 * value:+.2f}" if self.unit(key) == "share" else f"{value:+,.3g}")


def relative(value: float) -> str:
    """A relative change as a signed percentage."""
    return _minus(f"{value:+.1%}")


def _minus(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}")
