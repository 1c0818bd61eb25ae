"""What the shop spends on its customers (measure_costs). None of these says what the money caused.

A cost with a period counts by the share of its days that lie in the window.
"""

from features.measures.measure import BY_MONTH, Measure, Words
from features.measures.outcomes import WINDOW_DAYS

SPENDING_MEASURES = (
    Measure(
        key="acquisition_cost",
        name=Words("Customer acquisition cost", "获客成本"),
        description=Words(
            "Costs of kind acquisition in the window / new customers",
            "窗口期内 acquisition 类成本 ÷ 新顾客数",
        ),
        unit="money",
        kind="ratio",
        numerator="acquisition_cost",
        denominator="new_customers",
        window_days=WINDOW_DAYS,
        lower_is_better=True,
        people="new_customers",
        splits=BY_MONTH,
        needs=("orders", "costs of kind acquisition"),
    ),
    Measure(
        key="retention_cost",
        name=Words("Cost per retained customer", "单客留存成本"),
        description=Words(
            "Costs of kind retention in the window / customers retained from the window before (messages and "
            "redemptions are not added)",
            "窗口期内 retention 类成本 ÷ 从上一窗口期留存的顾客数（不另加消息与核销费用）",
        ),
        unit="money",
        kind="ratio",
        numerator="retention_cost",
        denominator="retained_customers",
        window_days=WINDOW_DAYS,
        lower_is_better=True,
        people="retained_customers",
        splits=BY_MONTH,
        needs=("orders", "costs of kind retention"),
    ),
    Measure(
        key="program_return",
        name=Words("Program return (descriptive)", "会员计划回报（描述性）"),
        description=Words(
            "(Margin of the orders on which an offer was redeemed − program spend) / program spend; spend = "
            "amounts redeemed + costs of kind program. Descriptive: part of these orders would have come "
            "anyway; an experiment's offer return says what was caused",
            "（核销过优惠的订单毛利 − 计划支出）÷ 计划支出；支出 = 核销金额 + program 类成本。仅为描述："
            "其中部分订单本来也会发生；因果效果见实验的优惠回报",
        ),
        unit="ratio",
        kind="ratio",
        numerator="program_gain",
        denominator="program_spend",
        window_days=WINDOW_DAYS,
        people="redeeming_customers",
        splits=BY_MONTH,
        needs=("orders", "redemptions", "products with a margin"),
    ),
)
