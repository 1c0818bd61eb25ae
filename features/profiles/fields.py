"""Every field of a profile: type, unit, formula and what null means.

A *purchase day* is a local day on which the customer bought some product, that is, paid a net amount above
zero for it. Returns and goods at no charge make no purchase day; returns subtract from spend. All fields see
the local days before the as-of day only, and count days to the last of them (0 = that day).
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


_DAY, _MONEY, _COUNT = "days", "shop currency", "count"
_AFFINITY = "features/profiles/affinity.py"
CUSTOMER_FIELDS = (
    Field("customer_id", pa.string(), "id", "every customer with an order line or a row in customers"),
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
    Field("orders", pa.int64(), _COUNT, "orders with a line of amount above 0"),
    Field("purchase_days", pa.int64(), _COUNT, "purchase days"),
    Field("spend", pa.float64(), _MONEY, "net amount of all lines, returns subtracted"),
    Field("order_value", pa.float64(), _MONEY, "spend / orders", "no order"),
    Field(
        "discount_share",
        pa.float64(),
        "0..1",
        "discount / (amount + discount) over lines that are not returns",
        "no line states a discount, or nothing was sold",
    ),
    Field(
        "cadence_days",
        pa.float64(),
        _DAY,
        "median gap between purchase days",
        "fewer than profiles.due_minimum_orders purchase days",
    ),
    Field("due_score", pa.float64(), "0..1", "see features/profiles/cadence.py", "cadence_days is null"),
    Field("preferred_weekday", pa.int8(), "1 Monday .. 7", "most purchase days, then latest", NO_PURCHASE),
    Field("preferred_hour", pa.int8(), "0..23", "local hour of most orders, then latest", "no order"),
    Field("lifecycle", pa.string(), "name", "see features/profiles/lifecycle.py"),
    Field("rfm_recency", pa.int8(), "1..5", "quintile of −days_since_last_order, 5 best", NO_PURCHASE),
    Field("rfm_frequency", pa.int8(), "1..5", "quintile of frequency, 5 best", NO_PURCHASE),
    Field("rfm_monetary", pa.int8(), "1..5", "quintile of spend, 5 best", NO_PURCHASE),
    Field("segment", pa.string(), "name", "rules over the RFM scores, features/profiles/rfm.py", NO_PURCHASE),
    Field("tier", pa.string(), "name", "rule of features/loyalty/tiers.py; bronze without spend"),
    Field("tier_spend", pa.float64(), _MONEY, "net amount of the last tiers.window_days days"),
    Field("affinities", affinity_type("category"), "list", "five strongest categories, " + _AFFINITY),
    Field("brand_affinities", affinity_type("brand"), "list", "five strongest brands, " + _AFFINITY),
    Field(
        "price_band_affinities",
        affinity_type("price_band"),
        "list",
        "low, middle, high third of the prices of a product's category, " + _AFFINITY,
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
