"""What customers do after exposure: the measures of experiments (two of them also of the shop).

The numbers they are made of, each summed over a customer's window:
`orders` (with something paid), `amount` (net of returns), `margin` (amount × the product's margin), `units`
(of paid lines), `sold` and `returned` (amounts above and below zero), `recommendation_clicks`,
`recommendation_conversions`, `claims`, `offer_cost` (redemptions).
"""

from features.measures.measure import BY_ALL, Measure, Words

WINDOW_DAYS = 30
# A few very large baskets must not decide: values above the pooled 99th percentile count as that percentile.
WINSORISE_AT = 0.99
BOUGHT_BEFORE, SPENT_BEFORE = "pre_orders", "pre_amount"


OUTCOME_MEASURES = (
    Measure(
        key="repeat_purchase",
        name=Words("Repeat purchase", "复购率"),
        description=Words("Share of customers with an order in the window", "窗口期内有订单的顾客占比"),
        unit="share",
        kind="retention",
        numerator="orders",
        window_days=WINDOW_DAYS,
        covariate=BOUGHT_BEFORE,
    ),
    Measure(
        key="orders",
        name=Words("Orders per customer", "人均订单数"),
        description=Words("Orders in which something was paid, per customer", "每位顾客的付款订单数"),
        unit="count",
        kind="mean",
        numerator="orders",
        window_days=WINDOW_DAYS,
        covariate=BOUGHT_BEFORE,
    ),
    Measure(
        key="revenue",
        name=Words("Revenue per customer", "人均销售额"),
        description=Words(
            "Amount net of returns per customer, winsorised at the pooled 99th percentile",
            "每位顾客扣除退货后的金额，在全体第 99 百分位处截尾",
        ),
        unit="money",
        kind="mean",
        numerator="amount",
        window_days=WINDOW_DAYS,
        covariate=SPENT_BEFORE,
        winsorise_at=WINSORISE_AT,
    ),
    Measure(
        key="margin",
        name=Words("Margin per customer", "人均毛利"),
        description=Words(
            "Amount × the product's margin per customer, winsorised at the pooled 99th percentile; "
            "a product without a margin counts as 0 and is stated",
            "每位顾客的金额 × 商品毛利率，在全体第 99 百分位处截尾；没有毛利率的商品按 0 计并予说明",
        ),
        unit="money",
        kind="mean",
        numerator="margin",
        window_days=WINDOW_DAYS,
        covariate=SPENT_BEFORE,
        winsorise_at=WINSORISE_AT,
    ),
    Measure(
        key="order_value",
        name=Words("Order value", "客单价"),
        description=Words("Amount net of returns / orders", "扣除退货后的金额 ÷ 订单数"),
        unit="money",
        kind="ratio",
        numerator="amount",
        denominator="orders",
        window_days=WINDOW_DAYS,
        people="buyers",
        splits=BY_ALL,
    ),
    Measure(
        key="units_per_order",
        name=Words("Units per order", "每单件数"),
        description=Words("Units of paid lines / orders", "付款行的件数 ÷ 订单数"),
        unit="ratio",
        kind="ratio",
        numerator="units",
        denominator="orders",
        window_days=WINDOW_DAYS,
    ),
    Measure(
        key="return_share",
        name=Words("Return share", "退货占比"),
        description=Words("Amount returned in the window / amount sold in it", "窗口期内退货金额 ÷ 销售金额"),
        unit="share",
        kind="ratio",
        numerator="returned",
        denominator="sold",
        window_days=WINDOW_DAYS,
        lower_is_better=True,
        people="paying_customers",
        splits=BY_ALL,
    ),
    Measure(
        key="recommendation_clicks",
        name=Words("Recommendation clicks per customer", "人均推荐点击数"),
        description=Words(
            "Clicks that carry a recommendation_id, each product of one once; the day of exposure counts",
            "带有 recommendation_id 的点击，同一推荐的同一商品只计一次；曝光当天计入",
        ),
        unit="count",
        kind="mean",
        numerator="recommendation_clicks",
        window_days=WINDOW_DAYS,
    ),
    Measure(
        key="recommendation_conversion",
        name=Words("Recommendation conversion", "推荐转化率"),
        description=Words(
            "Of these clicks, those whose product the customer bought within 7 days after",
            "上述点击中，顾客在随后 7 天内购买了该商品的占比",
        ),
        unit="share",
        kind="ratio",
        numerator="recommendation_conversions",
        denominator="recommendation_clicks",
        window_days=WINDOW_DAYS,
    ),
    Measure(
        key="offer_claims",
        name=Words("Offer claims per customer", "人均优惠领取数"),
        description=Words("Offers taken; the day of exposure counts", "领取的优惠数；曝光当天计入"),
        unit="count",
        kind="mean",
        numerator="claims",
        window_days=WINDOW_DAYS,
    ),
    Measure(
        key="offer_claim_share",
        name=Words("Offer claim share", "优惠领取率"),
        description=Words(
            "Share of customers who took an offer; the day of exposure counts",
            "领取过优惠的顾客占比；曝光当天计入",
        ),
        unit="share",
        kind="proportion",
        numerator="claims",
        window_days=WINDOW_DAYS,
    ),
    Measure(
        key="offer_cost",
        name=Words("Offer cost per customer", "人均优惠成本"),
        description=Words("Amount of the customer's redemptions", "顾客核销优惠的金额"),
        unit="money",
        kind="mean",
        numerator="offer_cost",
        window_days=WINDOW_DAYS,
        lower_is_better=True,
    ),
    Measure(
        key="offer_return",
        name=Words("Incremental offer return", "优惠增量回报"),
        description=Words(
            "(Δmargin − Δoffer cost) / Δoffer cost against the control",
            "（毛利增量 − 优惠成本增量）÷ 优惠成本增量，相对对照组",
        ),
        unit="ratio",
        kind="return",
        numerator="margin",
        denominator="offer_cost",
        window_days=WINDOW_DAYS,
    ),
)
