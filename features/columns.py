"""The column names and closed vocabularies used everywhere, so that one thing has one word."""

CUSTOMER_ID = "customer_id"
PRODUCT_ID = "product_id"
ORDER_ID = "order_id"
LINE_ID = "line_id"
EVENT_ID = "event_id"
ORDERED_AT = "ordered_at"
OCCURRED_AT = "occurred_at"
QUANTITY = "quantity"
AMOUNT = "amount"
DISCOUNT = "discount"

EVENT_TYPES = (
    "view",
    "click",
    "cart_add",
    "purchase",
    "return",
    "impression",
    "sign_in",
    "share",
    "review",
    "referral",
)
FEEDBACK_KINDS = ("nps", "csat", "review")
TICKET_CATEGORIES = ("product", "logistics", "service", "system")
TIERS = ("bronze", "silver", "gold", "platinum")
LIFECYCLES = ("new", "active", "lapsing", "churned")
SEGMENTS = (
    "champions",
    "loyal",
    "potential_loyal",
    "newcomers",
    "promising",
    "needs_attention",
    "at_risk",
    "cannot_lose",
    "hibernating",
)
# Placements that have packed rows in a release; `trending` needs no customer.
PERSONAL_PLACEMENTS = ("home", "buy_again", "discover")
TASKS = ("all", "repeat", "discover")
# Which judged task decides the champion of which placement.
TASK_OF_PLACEMENT = {"home": "all", "buy_again": "repeat", "discover": "discover"}
