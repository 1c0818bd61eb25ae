"""The data contract: which columns a shop brings, what they mean, and what makes a row unacceptable.

This module only declares; `features.tables.checks` turns the declarations into SQL.
"""

from dataclasses import dataclass
from enum import StrEnum

from features import columns

# Customer columns a shop may add freely, such as attr_income; they stay text.
ATTRIBUTE_PREFIX = "attr_"


class Kind(StrEnum):
    """What a column holds, and so how a source value is read."""

    ID = "id"
    TEXT = "text"
    DECIMAL = "decimal"
    INSTANT = "instant"
    DATE = "date"
    BOOLEAN = "boolean"
    CONSENT = "consent"
    JSON = "json"


# Types of the lake: instants are UTC without a zone, so that every engine reads the same stamps.
LAKE_TYPES = {
    Kind.ID: "VARCHAR",
    Kind.TEXT: "VARCHAR",
    Kind.DECIMAL: "DECIMAL(18,4)",
    Kind.INSTANT: "TIMESTAMP",
    Kind.DATE: "DATE",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.CONSENT: "BOOLEAN",
    Kind.JSON: "VARCHAR",
}


@dataclass(frozen=True)
class Column:
    """One column of the contract.

    Attributes:
        name: its name in the contract and in the lake.
        kind: how its values are read.
        required: a row without a value is rejected, a file without the column is an error.
        minimum: smallest accepted number, or None.
        maximum: largest accepted number, or None.
        vocabulary: accepted words, or None when any text is accepted.
        also: other columns of which one may stand in for this one (a row needs at least one of them).
        ranges_by: a column of words, and for each of its words the smallest and largest number accepted here.
        not_before: an instant or date that this one may equal or follow, never precede.
        past: whether it lies in the past by its meaning, as a birth date does; every instant does.
    """

    name: str
    kind: Kind
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    vocabulary: tuple[str, ...] | None = None
    also: tuple[str, ...] = ()
    ranges_by: tuple[str, tuple[tuple[str, float, float], ...]] | None = None
    not_before: str | None = None
    past: bool = False

    @property
    def lake_type(self) -> str:
        """SQL type in the lake."""
        return LAKE_TYPES[self.kind]


@dataclass(frozen=True)
class Contract:
    """One table of the contract.

    Attributes:
        table: its name.
        columns: contract columns in order.
        identity: the column by which a row is known again; where it is empty, a row is known by all its
            source columns.
        versioned: a later file may bring a newer row for the same identity (products, customers, tickets);
            otherwise a known identity with other content is a conflict (order lines, events and the like).
        local_of: the instant from which `local_at`, the shop's wall clock, is computed at ingest.
        order_by: how the lake sorts a part, so that it compresses and dates can skip row groups.
    """

    table: str
    columns: tuple[Column, ...]
    identity: str
    versioned: bool
    local_of: str | None = None
    order_by: tuple[str, ...] = ()

    def column(self, name: str) -> Column | None:
        """The column of that name; `attr_*` columns exist for customers only."""
        for column in self.columns:
            if column.name == name:
                return column
        if self.table == "customers" and name.startswith(ATTRIBUTE_PREFIX):
            return Column(name, Kind.TEXT)
        return None

    @property
    def lake_columns(self) -> tuple[tuple[str, str], ...]:
        """(name, SQL type) of the columns that every view of the table has."""
        declared = tuple((column.name, column.lake_type) for column in self.columns)
        return (*declared, ("local_at", "TIMESTAMP")) if self.local_of else declared


ORDERS = Contract(
    table="orders",
    columns=(
        Column(columns.ORDER_ID, Kind.ID, required=True),
        Column(columns.LINE_ID, Kind.ID),
        Column(columns.CUSTOMER_ID, Kind.ID, required=True),
        Column(columns.PRODUCT_ID, Kind.ID, required=True),
        Column(columns.ORDERED_AT, Kind.INSTANT, required=True),
        Column(columns.QUANTITY, Kind.DECIMAL, required=True),
        Column(columns.AMOUNT, Kind.DECIMAL, required=True),
        Column(columns.DISCOUNT, Kind.DECIMAL),
        Column("channel", Kind.TEXT),
        Column("outlet_id", Kind.ID),
        Column("return_of_order_id", Kind.ID),
    ),
    identity=columns.LINE_ID,
    versioned=False,
    local_of=columns.ORDERED_AT,
    order_by=(columns.ORDERED_AT, columns.ORDER_ID),
)

PRODUCTS = Contract(
    table="products",
    columns=(
        Column(columns.PRODUCT_ID, Kind.ID, required=True),
        Column("name", Kind.TEXT, required=True),
        Column("category", Kind.TEXT, required=True),
        Column("brand", Kind.TEXT),
        Column("price", Kind.DECIMAL, minimum=0),
        Column("margin", Kind.DECIMAL, maximum=1),  # a fraction of amount; 35 instead of .35 is a mistake
        Column("in_stock", Kind.BOOLEAN),
        Column("available_from", Kind.DATE),
        Column("attributes", Kind.JSON),
    ),
    identity=columns.PRODUCT_ID,
    versioned=True,
    order_by=(columns.PRODUCT_ID,),
)

CUSTOMERS = Contract(
    table="customers",
    columns=(
        Column(columns.CUSTOMER_ID, Kind.ID, required=True),
        Column("signed_up_at", Kind.INSTANT),
        Column("birth_date", Kind.DATE, past=True),
        Column("gender", Kind.TEXT),
        Column("region", Kind.TEXT),
        Column("consent_personalization", Kind.CONSENT),
        Column("consent_marketing", Kind.CONSENT),
    ),
    identity=columns.CUSTOMER_ID,
    versioned=True,
    order_by=(columns.CUSTOMER_ID,),
)

EVENTS = Contract(
    table="events",
    columns=(
        Column(columns.EVENT_ID, Kind.ID, required=True),
        Column("type", Kind.TEXT, required=True, vocabulary=columns.EVENT_TYPES),
        Column(columns.OCCURRED_AT, Kind.INSTANT, required=True),
        Column(columns.CUSTOMER_ID, Kind.ID, also=("session_id",)),
        Column("session_id", Kind.ID),
        Column(columns.PRODUCT_ID, Kind.ID),
        Column("recommendation_id", Kind.ID),
        Column(columns.QUANTITY, Kind.DECIMAL),
        Column(columns.AMOUNT, Kind.DECIMAL),
        Column("channel", Kind.TEXT),
        Column("dwell_seconds", Kind.DECIMAL, minimum=0),
    ),
    identity=columns.EVENT_ID,
    versioned=False,
    local_of=columns.OCCURRED_AT,
    order_by=(columns.OCCURRED_AT, columns.EVENT_ID),
)

FEEDBACK = Contract(
    table="feedback",
    columns=(
        Column("feedback_id", Kind.ID, required=True),
        Column(columns.CUSTOMER_ID, Kind.ID, required=True),
        Column("kind", Kind.TEXT, required=True, vocabulary=columns.FEEDBACK_KINDS),
        Column(columns.OCCURRED_AT, Kind.INSTANT, required=True),
        # Would you recommend us, 0 to 10; how satisfied, and how many stars, 1 to 5. A score on another scale
        # would shift every mean, so it is refused rather than rescaled by a guess.
        Column("score", Kind.DECIMAL, ranges_by=("kind", (("nps", 0, 10), ("csat", 1, 5), ("review", 1, 5)))),
        Column("text", Kind.TEXT),  # what the customer wrote
        Column(columns.PRODUCT_ID, Kind.ID),  # what it is about, if it is about one product
    ),
    identity="feedback_id",
    versioned=False,
    local_of=columns.OCCURRED_AT,
    order_by=(columns.OCCURRED_AT, "feedback_id"),
)

TICKETS = Contract(
    table="tickets",
    columns=(
        Column("ticket_id", Kind.ID, required=True),
        Column(columns.CUSTOMER_ID, Kind.ID, required=True),
        Column("category", Kind.TEXT, required=True, vocabulary=columns.TICKET_CATEGORIES),
        Column("opened_at", Kind.INSTANT, required=True),
        Column("first_response_at", Kind.INSTANT, not_before="opened_at"),  # empty: nobody has answered yet
        Column("resolved_at", Kind.INSTANT, not_before="opened_at"),  # empty: still open
        Column("satisfied", Kind.BOOLEAN),  # the customer's answer; empty: not asked or not answered
    ),
    identity="ticket_id",
    versioned=True,  # a ticket is answered and resolved after it was first exported
    local_of="opened_at",
    order_by=("opened_at", "ticket_id"),
)

CONTACTS = Contract(
    table="contacts",  # one row a message sent
    columns=(
        Column("contact_id", Kind.ID, required=True),
        Column(columns.CUSTOMER_ID, Kind.ID, required=True),
        Column("kind", Kind.TEXT, required=True),  # the way it went: email, sms, call, or the shop's own word
        Column("sent_at", Kind.INSTANT, required=True),
        Column(columns.AMOUNT, Kind.DECIMAL, minimum=0),  # what sending it cost
        Column("campaign", Kind.ID),
    ),
    identity="contact_id",
    versioned=False,
    local_of="sent_at",
    order_by=("sent_at", "contact_id"),
)

REDEMPTIONS = Contract(
    table="redemptions",  # one row an offer or coupon used
    columns=(
        Column("redemption_id", Kind.ID, required=True),
        Column(columns.CUSTOMER_ID, Kind.ID, required=True),
        Column("offer_id", Kind.ID, required=True),
        Column("redeemed_at", Kind.INSTANT, required=True),
        Column(columns.AMOUNT, Kind.DECIMAL, required=True, minimum=0),  # what the shop gave away
        Column(columns.ORDER_ID, Kind.ID),  # the order it was used on
        Column("campaign", Kind.ID),
    ),
    identity="redemption_id",
    versioned=False,
    local_of="redeemed_at",
    order_by=("redeemed_at", "redemption_id"),
)

COSTS = Contract(
    table="costs",  # one row a sum spent on customers as a whole
    columns=(
        Column("cost_id", Kind.ID, required=True),
        # Measures read acquisition (winning customers), retention (keeping them) and program (running the
        # loyalty program); a shop may keep other kinds beside them.
        Column("kind", Kind.TEXT, required=True),
        Column(columns.OCCURRED_AT, Kind.INSTANT, required=True),  # or where the period begins
        Column(columns.AMOUNT, Kind.DECIMAL, required=True),  # negative: a refund or correction
        Column("campaign", Kind.ID),
        # Last local day of the period, inclusive; empty: spent at once.
        Column("period_end", Kind.DATE, not_before=columns.OCCURRED_AT),
    ),
    identity="cost_id",
    versioned=False,
    local_of=columns.OCCURRED_AT,
    order_by=(columns.OCCURRED_AT, "cost_id"),
)

CONTRACTS = {
    contract.table: contract
    for contract in (
        ORDERS,
        PRODUCTS,
        CUSTOMERS,
        EVENTS,
        FEEDBACK,
        TICKETS,
        CONTACTS,
        REDEMPTIONS,
        COSTS,
    )
}
