"""The offer catalogue: what an offer may say, checked when it is read.

An offer says who may have it (`when`), what it gives (`benefit`), how long, and why, in Chinese and English:

    [[offers]]
    id = "gold-week"
    name = {zh = "金卡周", en = "Gold week"}
    priority = 60
    valid_for_days = 7
    when = {tiers = ["gold", "platinum"]}
    benefit = {type = "percent_off", percent = 10}
    reason = {zh = "因为您是{tier}会员", en = "Because you are a {tier} member"}
    claims_max = 500                  # optional: of all customers together
    claims_per_customer_max = 1       # optional
    policies = ["win_back"]           # optional: only for customers whom an experiment gives this policy
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from features.columns import LIFECYCLES, SEGMENTS, TIERS

PLACEHOLDERS = ("tier", "days_since_last_order")
# The policy of an experiment under which nobody gets an offer.
NO_OFFERS = "none"


def fill(text: str, values: Mapping[str, object]) -> str:
    """Put values into the placeholders of a reason.

    Plain replacement, because the fuller language of `str.format` could reach attributes or ask for a
    gigabyte of padding.
    """
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


class _Part(BaseModel):
    """A piece of the catalogue: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_by_name=True, serialize_by_alias=True, allow_inf_nan=False
    )


class LocalText(_Part):
    """The same words in Chinese and English."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def in_language(self, locale: str) -> str:
        """The words for a locale such as `zh`, `zh-CN` or `en`; English for any other."""
        return self.zh if locale.lower().startswith("zh") else self.en


class PercentOff(_Part):
    """A share of the basket."""

    type: Literal["percent_off"]
    percent: float = Field(gt=0, le=100)
    minimum_spend: float = Field(default=0.0, ge=0)


class AmountOff(_Part):
    """Money off the basket, in shop currency."""

    type: Literal["amount_off"]
    amount: float = Field(gt=0)
    minimum_spend: float = Field(default=0.0, ge=0)


class FreeShipping(_Part):
    """Delivery without charge."""

    type: Literal["free_shipping"]
    minimum_spend: float = Field(default=0.0, ge=0)


class PointsMultiplier(_Part):
    """More points for the same spend."""

    type: Literal["points_multiplier"]
    multiplier: float = Field(gt=1)


class Gift(_Part):
    """Something put into the parcel."""

    type: Literal["gift"]
    gift: LocalText


Benefit = Annotated[
    PercentOff | AmountOff | FreeShipping | PointsMultiplier | Gift, Field(discriminator="type")
]


class Condition(_Part):
    """Who may have the offer: every stated condition must hold; an empty one holds for everyone.

    The days are counted since the last order, ends included; customers without orders meet no such condition.
    """

    tiers: tuple[Literal[TIERS], ...] = ()  # type: ignore[valid-type]
    segments: tuple[Literal[SEGMENTS], ...] = ()  # type: ignore[valid-type]
    lifecycles: tuple[Literal[LIFECYCLES], ...] = ()  # type: ignore[valid-type]
    days_since_last_order_min: int | None = Field(default=None, ge=0)
    days_since_last_order_max: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _ends_in_order(self) -> Self:
        low, high = self.days_since_last_order_min, self.days_since_last_order_max
        if low is not None and high is not None and high < low:
            raise ValueError("days_since_last_order_max lies before days_since_last_order_min")
        return self

    @property
    def asks_for_days(self) -> bool:
        """Whether the condition can only hold for customers with an order."""
        return self.days_since_last_order_min is not None or self.days_since_last_order_max is not None

    @property
    def code(self) -> str:
        """The strongest stated condition, as the code of the reason."""
        if self.tiers:
            return "tier"
        if self.lifecycles:
            return "lifecycle"
        if self.segments:
            return "segment"
        return "days_since_last_order" if self.asks_for_days else "everyone"


def _policy(name: str) -> str:
    if not name or name != name.strip() or name == NO_OFFERS:
        raise ValueError(
            f"{name!r} is no policy of an offer: write a name such as 'win_back' ('none' means no offers)"
        )
    return name


class Offer(_Part):
    """One offer.

    Attributes:
        valid_from, until: local days of the shop, both included; `from` in the file.
        claims_max: how often it may be claimed by all customers together; None: without end.
        claims_per_customer_max: how often by one customer.
        policies: offer policies of experiments under which it exists; empty: it exists for everyone.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    name: LocalText
    priority: int = 0
    valid_from: date | None = Field(default=None, alias="from")
    until: date | None = None
    valid_for_days: int | None = Field(default=None, ge=0, le=3660)
    when: Condition = Condition()
    benefit: Benefit
    reason: LocalText
    claims_max: int | None = Field(default=None, ge=1)
    claims_per_customer_max: int | None = Field(default=None, ge=1)
    policies: tuple[Annotated[str, AfterValidator(_policy)], ...] = ()

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.until is None and self.valid_for_days is None:
            raise ValueError("the offer never ends: state until, valid_for_days or both")
        if self.valid_from is not None and self.until is not None and self.until < self.valid_from:
            raise ValueError(f"until {self.until} lies before from {self.valid_from}")
        return self

    @property
    def capped(self) -> bool:
        """Whether only the database can tell if it may still be claimed."""
        return self.claims_max is not None or self.claims_per_customer_max is not None

    @model_validator(mode="after")
    def _reason_can_be_filled(self) -> Self:
        for text in (self.reason.zh, self.reason.en):
            rest = fill(text, dict.fromkeys(PLACEHOLDERS, ""))
            if "{" in rest or "}" in rest:
                known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
                raise ValueError(f"reason {text!r} has a placeholder other than {known}")
            if "{days_since_last_order}" in text and not self.when.asks_for_days:
                raise ValueError("reason says {days_since_last_order}, but when has no condition on it")
        return self


class OfferCatalogue(_Part):
    """Every offer of the shop. `model_dump_json` and `model_validate_json` carry it inside a release."""

    offers: tuple[Offer, ...] = ()

    def offer(self, offer_id: str) -> Offer | None:
        """The offer of an id, or None."""
        return next((offer for offer in self.offers if offer.id == offer_id), None)

    @field_validator("offers")
    @classmethod
    def _ids_once(cls, offers: tuple[Offer, ...]) -> tuple[Offer, ...]:
        twice = [id_ for id_, times in Counter(offer.id for offer in offers).items() if times > 1]
        if twice:
            raise ValueError(f"the id {twice[0]!r} occurs more than once; give each offer its own id")
        return offers
