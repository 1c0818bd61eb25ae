"""What customers do after exposure: the measures of experiments.

The numbers they are made of, each summed over a customer's window:
`orders` (with something paid), `amount` (net of returns), `margin` (amount × the product's margin), `units`
(of paid lines), `sold` and `returned` (amounts above and below zero), `recommendation_clicks`,
`recommendation_conversions`, `claims`, `offer_cost` (redemptions).
"""

from features.measures.measure import Kind, Measure, Unit, Words

WINDOW_DAYS = 30
# A few very large baskets must not decide: values above the pooled 99th percentile count as that percentile.
WINSORISE_AT = 0.99
BOUGHT_BEFORE, SPENT_BEFORE = "pre_orders", "pre_amount"


def _outcome(
    key: str,
    name: tuple[str, str],
    description: tuple[str, str],
    unit: Unit,
    kind: Kind,
    numerator: str,
    denominator: str | None = None,
    *,
    lower_is_better: bool = False,
    covariate: str | None = None,
    winsorise_at: float | None = None,
) -> Measure:
    return Measure(
        key,
        Words(*name),
        Words(*description),
        unit,
        kind,
        numerator,
        denominator,
        WINDOW_DAYS,
        lower_is_better,
        covariate,
        winsorise_at,
    )


OUTCOME_MEASURES = (
    _outcome(
        "repeat_purchase",
        ("Repeat purchase", "复购率"),
        ("Share of customers with an order in the window", "窗口期内有订单的顾客占比"),
        "share",
        "retention",
        "orders",
        covariate=BOUGHT_BEFORE,
    ),
    _outcome(
        "orders",
        ("Orders per customer", "人均订单数"),
        ("Orders in which something was paid, per customer", "每位顾客的付款订单数"),
        "count",
        "mean",
        "orders",
        covariate=BOUGHT_BEFORE,
    ),
    _outcome(
        "revenue",
        ("Revenue per customer", "人均销售额"),
        (
            "Amount net of returns per customer, winsorised at the pooled 99th percentile",
            "每位顾客扣除退货后的金额，在全体第 99 百分位处截尾",
        ),
        "money",
        "mean",
        "amount",
        covariate=SPENT_BEFORE,
        winsorise_at=WINSORISE_AT,
    ),
    _outcome(
        "margin",
        ("Margin per customer", "人均毛利"),
        (
            "Amount × the product's margin per customer, winsorised at the pooled 99th percentile; a product "
            "without a margin counts as 0 and is stated",
            "每位顾客的金额 × 商品毛利率，在全体第 99 百分位处截尾；没有毛利率的商品按 0 计并予说明",
        ),
        "money",
        "mean",
        "margin",
        covariate=SPENT_BEFORE,
        winsorise_at=WINSORISE_AT,
    ),
    _outcome(
        "order_value",
        ("Order value", "客单价"),
        ("Amount net of returns / orders", "扣除退货后的金额 ÷ 订单数"),
        "money",
        "ratio",
        "amount",
        "orders",
    ),
    _outcome(
        "units_per_order",
        ("Units per order", "每单件数"),
        ("Units of paid lines / orders", "付款行的件数 ÷ 订单数"),
        "ratio",
        "ratio",
        "units",
        "orders",
    ),
    _outcome(
        "return_share",
        ("Return share", "退货占比"),
        ("Amount returned in the window / amount sold in it", "窗口期内退货金额 ÷ 销售金额"),
        "share",
        "ratio",
        "returned",
        "sold",
        lower_is_better=True,
    ),
    _outcome(
        "recommendation_clicks",
        ("Recommendation clicks per customer", "人均推荐点击数"),
        (
            "Clicks that carry a recommendation_id, a product of a recommendation once; the day of exposure counts",
            "带有 recommendation_id 的点击，同一推荐的同一商品只计一次；曝光当天计入",
        ),
        "count",
        "mean",
        "recommendation_clicks",
    ),
    _outcome(
        "recommendation_conversion",
        ("Recommendation conversion", "推荐转化率"),
        (
            "Of these clicks, those whose product the customer bought within 7 days after",
            "上述点击中，顾客在随后 7 天内购买了该商品的占比",
        ),
        "share",
        "ratio",
        "recommendation_conversions",
        "recommendation_clicks",
    ),
    _outcome(
        "offer_claims",
        ("Offer claims per customer", "人均优惠领取数"),
        ("Offers taken; the day of exposure counts", "领取的优惠数；曝光当天计入"),
        "count",
        "mean",
        "claims",
    ),
    _outcome(
        "offer_claim_share",
        ("Offer claim share", "优惠领取率"),
        (
            "Share of customers who took an offer; the day of exposure counts",
            "领取过优惠的顾客占比；曝光当天计入",
        ),
        "share",
        "proportion",
        "claims",
    ),
    _outcome(
        "offer_cost",
        ("Offer cost per customer", "人均优惠成本"),
        ("Amount of the customer's redemptions", "顾客核销优惠的金额"),
        "money",
        "mean",
        "offer_cost",
        lower_is_better=True,
    ),
    _outcome(
        "offer_return",
        ("Incremental offer return", "优惠增量回报"),
        (
            "(Δmargin − Δoffer cost) / Δoffer cost against the control",
            "（毛利增量 − 优惠成本增量）÷ 优惠成本增量，相对对照组",
        ),
        "ratio",
        "return",
        "margin",
        "offer_cost",
    ),
)
