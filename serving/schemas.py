"""What requests may say. Every wrong field is named together with what it should be."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from features.columns import EVENT_TYPES, PERSONAL_PLACEMENTS
from features.database.records import Event

PLACEMENTS = (*PERSONAL_PLACEMENTS, "trending")
MAX_LIMIT = 100
MAX_EVENTS = 1000
_STARTS_WITH_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
_PLAIN_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def _within_limit(value: int) -> int:
    if not 1 <= value <= MAX_LIMIT:
        raise ValueError(f"limit must be a whole number from 1 to {MAX_LIMIT}, not {value}")
    return value


def _json_integer(value: Any) -> Any:
    # A boolean is an integer to Python, but not to JSON.
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"limit must be a whole number from 1 to {MAX_LIMIT}, sent as a JSON number")
    return value


def _known_placement(value: Any) -> Any:
    # Only text is shown: the representation of deeply nested lists is an error of its own.
    if not isinstance(value, str) or value not in PLACEMENTS:
        shown = repr(value[:100]) if isinstance(value, str) else "another type"
        raise ValueError(f"placement must be one of {', '.join(PLACEMENTS)}, not {shown}")
    return value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _instant_text(value: Any) -> Any:
    # Numbers would be read as seconds or milliseconds, whichever looks more likely; so would digits in text.
    if not isinstance(value, str) or not _STARTS_WITH_DATE.match(value):
        raise ValueError("occurred_at must be text such as 2026-03-01T12:00:00Z")
    return value


def _decimal(value: Any) -> Any:
    if isinstance(value, str):
        plain = _PLAIN_DECIMAL.fullmatch(value) is not None
    else:
        plain = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if not plain:
        raise ValueError("must be a JSON number, or text such as 12.50 (digits 0 to 9 and a point)")
    return value


def _storable(value: datetime) -> datetime:
    # Beyond these years a change of zone overflows, and no shop has such an event.
    if not 1970 <= value.year <= 2999:
        raise ValueError("occurred_at must lie between the years 1970 and 2999")
    return value


# No control characters: no shop has them in ids, and PostgreSQL cannot store a zero byte.
Id = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
IdempotencyKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$"),
    Field(
        description="Chosen by the caller for one claim, and sent again whenever that claim is sent again."
    ),
]
Limit = Annotated[
    int,
    AfterValidator(_within_limit),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}),
]
# In a body, types are JSON's: `"20"`, `20.0` and `true` are no numbers there. A query only has text.
JsonLimit = Annotated[Limit, BeforeValidator(_json_integer)]
JsonBool = Annotated[bool, Field(strict=True)]
Placement = Annotated[
    str, BeforeValidator(_known_placement), WithJsonSchema({"type": "string", "enum": list(PLACEMENTS)})
]
Names = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=200)]],
    BeforeValidator(_as_list),
    Field(max_length=50),
]
Locale = Literal["zh", "en"]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
JsonPrice = Annotated[Price, Field(strict=True)]
Exact = Annotated[
    Decimal, BeforeValidator(_decimal), Field(max_digits=18, decimal_places=4, allow_inf_nan=False)
]
Seconds = Annotated[float, BeforeValidator(_decimal), Field(ge=0, le=1e9, allow_inf_nan=False)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PriceRange(_Request):
    """Ends included, in shop currency; products without a price are outside every range."""

    min: JsonPrice | None = None
    max: JsonPrice | None = None

    @model_validator(mode="after")
    def _ends_in_order(self) -> Self:
        if self.min is not None and self.max is not None and self.max < self.min:
            raise ValueError("max lies below min")
        return self


class ProductFilter(_Request):
    """Which products may be recommended; every stated condition must hold."""

    category: Names | None = None
    brand: Names | None = None
    price: PriceRange | None = None
    in_stock: JsonBool | None = None


class RecommendationRequest(_Request):
    """A question for recommendations."""

    customer_id: Id | None = Field(default=None, description="Who is asking; beats session_id.")
    session_id: Id | None = Field(default=None, description="An anonymous visit.")
    placement: Placement = "home"
    limit: JsonLimit = 20
    context_product_ids: Annotated[list[Id], Field(max_length=100)] = Field(
        default=[], description="What the customer is looking at; similar products come near the top."
    )
    exclude_product_ids: Annotated[list[Id], Field(max_length=1000)] = Field(
        default=[], description="Never recommended in this answer; unknown ids are ignored."
    )
    filter: ProductFilter | None = None
    strict: JsonBool = Field(
        default=False, description="Only the placement's own products, even if fewer than limit."
    )
    locale: Locale | None = Field(default=None, description="Language of names and reasons.")

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.customer_id is None and self.session_id is None:
            raise ValueError("send customer_id or session_id")
        return self


class RecommendationQuery(_Request):
    """The same question as query parameters; the customer is in the path."""

    placement: Placement = "home"
    limit: Limit = 20
    context_product_ids: Annotated[list[Id], Field(max_length=100)] = []
    exclude_product_ids: Annotated[list[Id], Field(max_length=1000)] = []
    category: Names | None = None
    brand: Names | None = None
    price_min: Price | None = None
    price_max: Price | None = None
    in_stock: bool | None = None
    strict: bool = False
    locale: Locale | None = None

    @model_validator(mode="after")
    def _prices_in_order(self) -> Self:
        if self.price_min is not None and self.price_max is not None and self.price_max < self.price_min:
            raise ValueError("price_max lies below price_min")
        return self

    def for_customer(self, customer_id: str) -> RecommendationRequest:
        """The question of the POST call."""
        price = PriceRange(min=self.price_min, max=self.price_max)
        conditions = ProductFilter(
            category=self.category, brand=self.brand, price=price, in_stock=self.in_stock
        )
        return RecommendationRequest(
            customer_id=customer_id,
            placement=self.placement,
            limit=self.limit,
            context_product_ids=self.context_product_ids,
            exclude_product_ids=self.exclude_product_ids,
            filter=conditions,
            strict=self.strict,
            locale=self.locale,
        )


class SimilarQuery(_Request):
    """Query parameters of similar products."""

    limit: Limit = 20


class TrendingQuery(_Request):
    """Query parameters of trending products."""

    limit: Limit = 20
    category: Annotated[str, StringConstraints(max_length=200)] | None = None


class OffersQuery(_Request):
    """Query parameters of a customer's offers."""

    locale: Locale | None = None


class AssignmentQuery(_Request):
    """Query parameters of an assignment."""

    customer_id: Id


class ClaimRequest(_Request):
    """A customer takes an offer."""

    customer_id: Id
    recommendation_id: Id | None = Field(
        default=None, description="Of the answer that showed the offer, if one did."
    )


class NoQuery(_Request):
    """A call without query parameters: any is a mistake worth naming."""


class EventIn(_Request):
    """One event of the data contract."""

    event_id: Id
    type: Literal[EVENT_TYPES]  # type: ignore[valid-type]
    occurred_at: Annotated[AwareDatetime, BeforeValidator(_instant_text), AfterValidator(_storable)] = Field(
        description="An instant with an offset, such as 2026-03-01T12:00:00Z."
    )
    customer_id: Id | None = None
    session_id: Id | None = None
    product_id: Id | None = None
    recommendation_id: Id | None = None
    quantity: Exact | None = None
    amount: Exact | None = None
    channel: Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00]*$")] | None = None
    dwell_seconds: Seconds | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.customer_id is None and self.session_id is None:
            raise ValueError("an event needs customer_id or session_id")
        return self

    def to_event(self) -> Event:
        """The event as it is stored."""
        values = self.model_dump()
        if self.dwell_seconds is not None:
            values["dwell_seconds"] = Decimal(str(round(self.dwell_seconds, 4)))
        return Event(**values)


class EventBatch(_Request):
    """Events to store; each is checked apart from the others."""

    events: Annotated[
        list[Annotated[Any, WithJsonSchema(EventIn.model_json_schema())]], Field(max_length=MAX_EVENTS)
    ]
