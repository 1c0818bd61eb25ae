"""The words and numbers of the shop's report in both languages."""

from typing import Literal

from features.loyalty.tiers import TIER_NAMES
from features.measures.measure import Measure, Unit
from features.measures.shop_report import NOTHING_TO_DIVIDE_BY, TOO_FEW, Value
from features.measures.traits import AGE_BANDS, NO_SEGMENT, UNKNOWN
from features.profiles.rfm import SEGMENT_NAMES

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

WORDS: dict[str, dict[Language, str]] = {
    "title": {"en": "Loyalty measures", "zh": "忠诚度指标"},
    "window": {
        "en": "As of {as_of}: the {days} local days before it, unless a measure says otherwise. Newest "
        "order: {newest}. A month counts once it is complete. Groups are those of the customers on the "
        "report's day, so a customer may be in a tier or segment because of the orders counted here.",
        "zh": "截至 {as_of}：统计此前 {days} 个当地日（指标另有说明者除外）。最新订单：{newest}。"
        "只统计完整月份。分组取自报告日的顾客画像，因此顾客可能正是因为这里统计的订单而处于某一等级或分群。",
    },
    "overall": {"en": "The whole shop", "zh": "全店"},
    "measure": {"en": "Measure", "zh": "指标"},
    "value": {"en": "Value", "zh": "数值"},
    "interval": {"en": "95 % interval", "zh": "95% 区间"},
    "parts": {"en": "Numerator / denominator", "zh": "分子 / 分母"},
    "definition": {"en": "Definition", "zh": "定义"},
    "withheld": {"en": "withheld", "zh": "不显示"},
    "withheld_about": {
        "en": "Cells about fewer than 5 customers are withheld, and where they could be found by subtraction "
        "one more group is. “—” means that there is nothing to divide by.",
        "zh": "涉及不足 5 位顾客的单元格不显示；若可由差额推出，则再隐去一组。“—”表示分母为零。",
    },
    TOO_FEW: {
        "en": "fewer than 5 customers, or needed to protect such a cell",
        "zh": "不足 5 位顾客，或用于保护此类单元格",
    },
    NOTHING_TO_DIVIDE_BY: {"en": "the denominator is 0", "zh": "分母为零"},
    "by": {"en": "By {dimension}", "zh": "按{dimension}"},
    "segment": {"en": "segment", "zh": "分群"},
    "tier": {"en": "tier", "zh": "会员等级"},
    "region": {"en": "region", "zh": "地区"},
    "age": {"en": "age", "zh": "年龄"},
    "gender": {"en": "gender", "zh": "性别"},
    "channel": {"en": "channel", "zh": "渠道"},
    "month": {"en": "month", "zh": "月份"},
    "cohorts": {"en": "Cohorts", "zh": "同期群留存"},
    "cohorts_about": {
        "en": "Customers by the month of their first order, and the share of them that ordered in each later "
        "complete month.",
        "zh": "按首单月份分组的顾客，及其在之后每个完整月份下单的占比。",
    },
    "cohort": {"en": "first order", "zh": "首单月份"},
    "customers": {"en": "customers", "zh": "顾客数"},
    "months_since": {"en": "months since", "zh": "距首单月数"},
    "not_measured": {"en": "Not measured", "zh": "未统计"},
    "needs": {"en": "{what}: needs {need}", "zh": "{what}：需要 {need}"},
    "without": {"en": "Not measured without {need}: {what}", "zh": "缺少 {need}，未统计：{what}"},
    "sales_about": {"en": "Net sales of each complete month.", "zh": "每个完整月份的净销售额。"},
    "buyers": {"en": "New and returning customers", "zh": "新顾客与老顾客"},
    "buyers_about": {
        "en": "Customers with an order in each complete month, by whether it was their first month.",
        "zh": "每个完整月份有订单的顾客，按是否为首单月份区分。",
    },
    "new": {"en": "new", "zh": "新顾客"},
    "returning": {"en": "returning", "zh": "老顾客"},
    "retention_about": {
        "en": "The share of one month's customers who ordered in the next, with its 95 % interval.",
        "zh": "上月有订单的顾客中本月再次下单的占比，含 95% 区间。",
    },
    "split_about": {
        "en": "Each group with its 95 % interval; the dashed line is the whole shop.",
        "zh": "各组数值及其 95% 区间；虚线为全店。",
    },
    "share_axis": {"en": "share with 95 % interval", "zh": "占比，含 95% 区间"},
}  # fmt: skip
GROUPS: dict[str, dict[Language, str]] = {
    UNKNOWN: {"en": "unknown", "zh": "未知"},
    NO_SEGMENT: {"en": "nothing bought yet", "zh": "尚未购买"},
    AGE_BANDS[0]: {"en": AGE_BANDS[0], "zh": "18 岁以下"},
    AGE_BANDS[65]: {"en": AGE_BANDS[65], "zh": "65 岁及以上"},
}


class KpiWords:
    """The report's words in one language.

    Args:
        language: zh or en.
        currency: shown behind money.
    """

    def __init__(self, language: Language, currency: str) -> None:
        self.language = language
        self._currency = currency

    def say(self, word: str, **values: object) -> str:
        """A text of `WORDS` with its places filled."""
        return WORDS[word][self.language].format(**values)

    def name(self, measure: Measure) -> str:
        """What a measure is called."""
        return str(getattr(measure.name, self.language))

    def definition(self, measure: Measure) -> str:
        """What it counts."""
        return str(getattr(measure.description, self.language))

    def group(self, group: str) -> str:
        """What a group is called; the shop's own words as they are."""
        for names in (SEGMENT_NAMES, TIER_NAMES, GROUPS):
            if group in names:
                return str(names[group][self.language])
        return group

    def value(self, value: Value) -> str:
        """A value as text; why there is none where it is missing."""
        if value.withheld:
            return self.say("withheld")
        return "—" if value.value is None else self.number(value.value, value.measure.unit)

    def number(self, number: float, unit: Unit) -> str:
        """A number in the unit of its measure."""
        shown = {
            "share": f"{number:.1%}",
            "money": f"{number:,.2f} {self._currency}",
            "count": f"{number:,.0f}",
            "points": f"{number:+.1f}",
            "hours": f"{number:,.1f} h",
        }.get(unit, f"{number:,.2f}")
        return shown.replace("-", "\N{MINUS SIGN}")
