"""Why a customer is in danger, in plain words of both languages."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.customer_value.churn_features import ChurnRows
from training.customer_value.churn_model import ChurnModel
from training.customer_value.summary import Floats

MOST_REASONS = 3
# Log-odds by which a feature must raise the risk before it counts as a reason.
SMALLEST_REASON = 0.1


@dataclass(frozen=True)
class Wording:
    """A sentence with the customer's {value} and the {typical} one; {percent} is the value in hundredths."""

    zh: str
    en: str


WORDINGS: Mapping[str, Wording] = {
    "days_since_last_order": Wording(
        "已 {value} 天没有购买(一般为 {typical} 天)", "no purchase for {value} days (typical: {typical})"
    ),
    "silence_in_gaps": Wording(
        "沉默已是平时间隔的 {value} 倍", "silent for {value} times the customer's own usual gap"
    ),
    "mean_gap_days": Wording(
        "平均每 {value} 天才买一次(一般为 {typical} 天)", "buys only every {value} days (typical: {typical})"
    ),
    "cadence_days": Wording(
        "通常间隔 {value} 天(一般为 {typical} 天)", "usual gap of {value} days (typical: {typical})"
    ),
    "due_score": Wording("补货期已过", "the usual time to buy again has passed"),
    "purchase_days_28d": Wording(
        "最近 4 周购买 {value} 天(一般为 {typical} 天)",
        "purchase days in the last 4 weeks: {value} (typical: {typical})",
    ),
    "purchase_days_84d": Wording(
        "最近 12 周购买 {value} 天(一般为 {typical} 天)",
        "purchase days in the last 12 weeks: {value} (typical: {typical})",
    ),
    "frequency": Wording(
        "只复购过 {value} 次(一般为 {typical} 次)", "repeat purchases so far: {value} (typical: {typical})"
    ),
    "purchase_days": Wording(
        "共有 {value} 个购买日(一般为 {typical} 个)", "purchase days so far: {value} (typical: {typical})"
    ),
    "orders": Wording(
        "共 {value} 笔订单(一般为 {typical} 笔)", "orders so far: {value} (typical: {typical})"
    ),
    "spend": Wording("累计消费 {value}(一般为 {typical})", "spent {value} so far (typical: {typical})"),
    "tier_spend": Wording(
        "近期消费 {value}(一般为 {typical})", "spent {value} recently (typical: {typical})"
    ),
    "order_value": Wording("客单价 {value}(一般为 {typical})", "orders of {value} (typical: {typical})"),
    "monetary_value": Wording(
        "每次复购消费 {value}(一般为 {typical})", "repeat purchases of {value} (typical: {typical})"
    ),
    "discount_share": Wording(
        "折扣占 {percent}%:可能只为折扣而来",
        "{percent} % of the price is discount: may come for that only",
    ),
    "return_share": Wording("退货金额占 {percent}%", "gave back {percent} % of what was bought"),
    "nps": Wording(
        "推荐意愿 {value} 分(一般为 {typical})", "would recommend: {value} of 10 (typical: {typical})"
    ),
    "csat": Wording("满意度 {value} 分(一般为 {typical})", "satisfaction {value} of 5 (typical: {typical})"),
    "sessions": Wording(
        "近期到访 {value} 次(一般为 {typical} 次)", "recent visits: {value} (typical: {typical})"
    ),
    "T": Wording(
        "首次购买在 {value} 天前(一般为 {typical} 天)", "first bought {value} days ago (typical: {typical})"
    ),
    "p_alive": Wording(
        "按购买规律,尚未离开的可能为 {percent}%",
        "by the purchases so far {percent} % likely to be still there",
    ),
    "expected_purchases": Wording(
        "预计期内购买 {value} 次(一般为 {typical} 次)", "purchases expected: {value} (typical: {typical})"
    ),
}
UNSPECIFIC = Wording("{name} 为 {value}(一般为 {typical})", "{name} is {value} (typical: {typical})")
NOT_KNOWN = Wording("没有 {name} 的记录", "nothing is known of {name}")


def reasons(model: ChurnModel, rows: ChurnRows) -> tuple[list[str], list[str]]:
    """What raises each customer's risk most above the average customer's, in Chinese and in English.

    Args:
        model: the regression whose terms are told.
        rows: the customers.

    Returns:
        One text a customer and language, strongest reason first; empty where nothing stands out.
    """
    parts = model.contributions(rows)
    if not parts:
        return [""] * len(rows), [""] * len(rows)
    names = [name for name, _ in parts]
    added = np.stack([values for _, values in parts])
    order = np.argsort(-added, axis=0, kind="stable")[:MOST_REASONS]
    typical = {name: _typical(rows.features.get(name)) for name in names}
    chinese, english = [], []
    for customer in range(len(rows)):
        strongest = [names[i] for i in order[:, customer] if added[i, customer] >= SMALLEST_REASON]
        told = [_sentence(name, rows.features, typical[name], customer) for name in strongest]
        chinese.append(";".join(zh for zh, _ in told))
        english.append("; ".join(en for _, en in told))
    return chinese, english


def _sentence(name: str, features: Mapping[str, Floats], typical: float, customer: int) -> tuple[str, str]:
    value = features[name][customer] if name in features else np.nan
    wording = WORDINGS.get(name, UNSPECIFIC) if np.isfinite(value) else NOT_KNOWN
    words = {
        "name": name,
        "value": _figure(value),
        "typical": _figure(typical),
        "percent": f"{100 * value:.0f}",
    }
    return wording.zh.format(**words), wording.en.format(**words)


def _typical(values: Floats | None) -> float:
    return float(np.nanmedian(values)) if values is not None and np.isfinite(values).any() else np.nan


def _figure(value: float) -> str:
    return "–" if not np.isfinite(value) else f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"
