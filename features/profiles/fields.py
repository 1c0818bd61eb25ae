"""Every field of a profile: type, unit, formula and what null means; `huitou profiles describe` prints it.

A *purchase day* is a local day on which the customer bought some product, that is, paid a net amount above
zero for it. A return undoes its sale (the order it names, else the last one of the product), so what was
given back was never bought; goods at no charge make no purchase day. All fields see the local days before the
as-of day only, and count days to the last of them (0 = that day).
"""

from dataclasses import dataclass

import pyarrow as pa

from features.profiles.affinity import affinity_type

NO_PURCHASE = "no purchase day"
# Which column of the products each list of affinities is about.
AFFINITY_FIELDS = {
    "affinities": "category",
    "brand_affinities": "brand",
    "price_band_affinities": "price_band",
}
TICKETS_TYPE = pa.list_(pa.struct([("category", pa.string()), ("open", pa.int32()), ("recent", pa.int32())]))


@dataclass(frozen=True)
class Field:
    """One column of the customers' table.

    Attributes:
        name: its name.
        type: its Arrow type.
        unit: what its values count.
        formula: how it is computed.
        null: what null means; empty when it is never null.
    """

    name: str
    type: pa.DataType
    unit: str
    formula: str
    null: str = ""


_DAY, _MONEY, _COUNT, _SHARE = "days", "shop currency", "count", "0..1"
_AFFINITY = "by Σ ½^(days before the last purchase day / profiles.affinity_half_life_days) over purchase days"
_RECENT = "in the last profiles.behaviour_days days"
_NOT_TOLD = "the shop does not tell"
_NO_SESSION = "no session " + _RECENT
CUSTOMER_FIELDS = (
    Field("customer_id", pa.string(), "id", "every customer with an order line or a row in customers"),
    # identity and consent
    Field("signed_up_on", pa.date32(), "date", "local day of signed_up_at", _NOT_TOLD),
    Field(
        "tenure_days",
        pa.int32(),
        _DAY,
        "as-of day − 1 − earlier of sign-up, first purchase day",
        "neither known",
    ),
    Field("age", pa.int16(), "years", "whole years since birth_date", _NOT_TOLD),
    Field("days_to_birthday", pa.int16(), _DAY, "to the next birthday, 0 on the as-of day", _NOT_TOLD),
    Field("gender", pa.string(), "name", "as the shop states it", _NOT_TOLD),
    Field("region", pa.string(), "name", "as the shop states it", _NOT_TOLD),
    Field(
        "consent_personalization", pa.bool_(), "yes or no", "true if the shop never asks; no answer is a no"
    ),
    Field("consent_marketing", pa.bool_(), "yes or no", "true if the shop never asks; no answer is a no"),
    # recency, frequency, monetary value
    Field("first_ordered_on", pa.date32(), "date", "first purchase day", NO_PURCHASE),
    Field("last_ordered_on", pa.date32(), "date", "last purchase day", NO_PURCHASE),
    Field("recency", pa.int32(), _DAY, "last purchase day − first (Fader & Hardie)", NO_PURCHASE),
    Field("frequency", pa.int32(), _COUNT, "purchase days after the first (Fader & Hardie)", NO_PURCHASE),
    Field("T", pa.int32(), _DAY, "as-of day − 1 − first purchase day (Fader & Hardie)", NO_PURCHASE),
    Field("days_since_last_order", pa.int32(), _DAY, "T − recency", NO_PURCHASE),
    Field(
        "monetary_value",
        pa.float64(),
        _MONEY,
        "mean net amount of the purchase days after the first (Fader & Hardie)",
        "no purchase day after the first",
    ),
    Field("orders", pa.int64(), _COUNT, "orders of which something paid was kept"),
    Field("purchase_days", pa.int64(), _COUNT, "purchase days"),
    Field("spend", pa.float64(), _MONEY, "net amount of all lines, returns subtracted"),
    Field("order_value", pa.float64(), _MONEY, "spend / orders", "no order"),
    Field("returned_amount", pa.float64(), _MONEY, "amount of all returns, as a positive number"),
    Field("return_share", pa.float64(), _SHARE, "returned_amount / amount sold", "nothing was sold"),
    Field("rfm_recency", pa.int8(), "1..5", "quintile of −days_since_last_order, 5 best", NO_PURCHASE),
    Field("rfm_frequency", pa.int8(), "1..5", "quintile of frequency, 5 best", NO_PURCHASE),
    Field("rfm_monetary", pa.int8(), "1..5", "quintile of spend, 5 best", NO_PURCHASE),
    Field("segment", pa.string(), "name", "by rfm_recency and rfm_frequency + rfm_monetary", NO_PURCHASE),
    Field(
        "tier", pa.string(), "name", "highest line tier_spend reached; a step down at reviews, after grace"
    ),
    Field("tier_spend", pa.float64(), _MONEY, "net amount of the last tiers.window_days days"),
    # taste and habits
    Field(
        "discount_share",
        pa.float64(),
        _SHARE,
        "discount / (amount + discount) over lines that are not returns",
        "no line states a discount, or nothing was sold",
    ),
    Field(
        "discounted_order_share",
        pa.float64(),
        _SHARE,
        "orders with a discount above 0 / orders",
        "no line states a discount, or no order",
    ),
    Field("affinities", affinity_type("category"), "list", "five strongest categories " + _AFFINITY),
    Field("brand_affinities", affinity_type("brand"), "list", "five strongest brands " + _AFFINITY),
    Field(
        "price_band_affinities",
        affinity_type("price_band"),
        "list",
        "low, middle or high third of the prices of a product's category, " + _AFFINITY,
    ),
    Field("preferred_weekday", pa.int8(), "1 Monday .. 7", "most purchase days, then latest", NO_PURCHASE),
    Field("preferred_hour", pa.int8(), "0..23", "local hour of most orders, then latest", "no order"),
    Field("preferred_channel", pa.string(), "name", "most orders, then latest", "no order states a channel"),
    # rhythm
    Field(
        "cadence_days",
        pa.float64(),
        _DAY,
        "median gap between purchase days",
        "fewer than profiles.due_minimum_orders purchase days",
    ),
    Field(
        "due_score",
        pa.float64(),
        _SHARE,
        "(n − 1) / (n + 1) · u·e^(1−u); n purchase days, u = (days since + 1) / cadence_days",
        "cadence_days is null",
    ),
    Field("lifecycle", pa.string(), "name", "that of the two below which profiles.lifecycle_rule names"),
    Field("lifecycle_rule", pa.string(), "name", "which of the two definitions `lifecycle` follows"),
    Field(
        "lifecycle_fixed_days",
        pa.string(),
        "name",
        "by profiles.churned_after_days, new_within_days, lapsing_after_days, in this order",
    ),
    Field(
        "lifecycle_own_rhythm",
        pa.string(),
        "name",
        "likewise, by percentiles of the customer's own gaps once there are enough",
    ),
    # behaviour in the shop
    Field("sessions", pa.int32(), _COUNT, "sessions " + _RECENT),
    Field("views", pa.int32(), _COUNT, "views in those sessions"),
    Field(
        "dwell_seconds", pa.float64(), "seconds", "stated dwell time / sessions", _NO_SESSION + " states one"
    ),
    Field("cart_rate", pa.float64(), _SHARE, "sessions with a cart_add / sessions", _NO_SESSION),
    Field("conversion_rate", pa.float64(), _SHARE, "sessions with a purchase / sessions", _NO_SESSION),
    Field("bounce_rate", pa.float64(), _SHARE, "sessions of one event / sessions", _NO_SESSION),
    Field("check_ins", pa.int32(), _COUNT, "sign_in events, ever"),
    Field("referrals", pa.int32(), _COUNT, "referral events, ever"),
    # satisfaction and complaints
    Field("nps", pa.int8(), "0..10", "last answer to “would you recommend us”", "never answered"),
    Field("csat", pa.float64(), "1..5", "mean satisfaction score", "never answered"),
    Field("review_score", pa.float64(), "1..5", "mean stars of reviews", "no review with a score"),
    Field(
        "tickets",
        TICKETS_TYPE,
        "list",
        "by category: open = not resolved by the as-of day, recent = opened " + _RECENT,
    ),
)
CUSTOMER_SCHEMA = pa.schema(
    [pa.field(field.name, field.type, nullable=bool(field.null)) for field in CUSTOMER_FIELDS]
)
DUE_SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("product_id", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("purchase_days", pa.int32(), nullable=False),
        pa.field("last_ordered_on", pa.date32(), nullable=False),
        pa.field("days_since", pa.int32(), nullable=False),
        pa.field("gap_days", pa.float64()),
        pa.field("due_score", pa.float64(), nullable=False),
    ]
)
