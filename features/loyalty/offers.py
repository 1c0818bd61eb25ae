"""Offers: read a catalogue, and choose a customer's offers from it by a pure rule."""

import tomllib
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from features.columns import TIERS
from features.errors import DataError
from features.loyalty.offer_catalogue import NO_OFFERS, Condition, Gift, Offer, OfferCatalogue, fill
from features.loyalty.tiers import TIER_NAMES

__all__ = [
    "ChosenOffer",
    "CustomerFacts",
    "OfferCatalogue",
    "choose_offers",
    "is_eligible",
    "load_offers",
    "meets",
]


class CustomerFacts(BaseModel):
    """What the choice looks at; None where the customer is not known well enough."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: Literal[TIERS]  # type: ignore[valid-type]
    segment: str | None
    lifecycle: str
    days_since_last_order: int | None


class ChosenOffer(BaseModel):
    """An offer for one customer at one moment, in one language."""

    model_config = ConfigDict(frozen=True)

    offer_id: str
    name: str
    benefit: dict[str, Any]
    reason: dict[str, str]
    expires_at: datetime


def load_offers(path: Path) -> OfferCatalogue:
    """Read an offer catalogue.

    Raises:
        DataError: the file is missing or not TOML, or an offer breaks a rule; the message names the file, the
            offer and the field.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"The offer catalogue {path} does not exist.", "Check release.offers in huitou.toml."
        ) from None
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"The offer catalogue {path} cannot be read: {error}.", "Write valid TOML.") from None
    try:
        return OfferCatalogue.model_validate(data)
    except ValidationError as error:
        raise _explain(path, data, error) from None


def choose_offers(
    catalogue: OfferCatalogue,
    facts: CustomerFacts,
    now: datetime,
    locale: str,
    *,
    limit: int = 3,
    policy: str | None = None,
    withheld: Collection[str] = (),
) -> list[ChosenOffer]:
    """The offers of a customer, highest priority first, equal priorities by id.

    Args:
        catalogue: the offers.
        facts: who the customer is.
        now: the moment in the shop's time zone; its local day decides validity.
        locale: language of names and reasons.
        limit: how many at most.
        policy: the offer policy an experiment gives the customer; None: no experiment does.
        withheld: ids of offers that must not be shown.
    """
    open_offers = [
        offer
        for offer in catalogue.offers
        if offer.id not in withheld and is_eligible(offer, facts, now, policy)
    ]
    open_offers.sort(key=lambda offer: (-offer.priority, offer.id))
    return [_present(offer, facts, now, locale) for offer in open_offers[:limit]]


def is_eligible(offer: Offer, facts: CustomerFacts, now: datetime, policy: str | None = None) -> bool:
    """Whether a customer may have an offer at a moment of the shop's time zone, under an offer policy."""
    if policy == NO_OFFERS or (offer.policies and policy not in offer.policies):
        return False
    return _is_open(offer, now.date()) and meets(offer.when, facts)


def meets(condition: Condition, facts: CustomerFacts) -> bool:
    """Whether a customer may have an offer with this condition."""
    if condition.asks_for_days:
        days = facts.days_since_last_order
        if days is None:
            return False
        if days < (condition.days_since_last_order_min or 0):
            return False
        if condition.days_since_last_order_max is not None and days > condition.days_since_last_order_max:
            return False
    return (
        (not condition.tiers or facts.tier in condition.tiers)
        and (not condition.segments or facts.segment in condition.segments)
        and (not condition.lifecycles or facts.lifecycle in condition.lifecycles)
    )


def _is_open(offer: Offer, today: date) -> bool:
    begun = offer.valid_from is None or offer.valid_from <= today
    return begun and (offer.until is None or today <= offer.until)


def _present(offer: Offer, facts: CustomerFacts, now: datetime, locale: str) -> ChosenOffer:
    benefit = offer.benefit.model_dump()
    if isinstance(offer.benefit, Gift):
        benefit["gift"] = offer.benefit.gift.in_language(locale)
    language = "zh" if locale.lower().startswith("zh") else "en"
    values = {"tier": TIER_NAMES[facts.tier][language], "days_since_last_order": facts.days_since_last_order}
    text = fill(offer.reason.in_language(locale), values)
    return ChosenOffer(
        offer_id=offer.id,
        name=offer.name.in_language(locale),
        benefit=benefit,
        reason={"code": offer.when.code, "text": text},
        expires_at=_expires_at(offer, now),
    )


def _expires_at(offer: Offer, now: datetime) -> datetime:
    """The last second of the last day, so that answers within one day agree."""
    ends = [] if offer.until is None else [offer.until]
    if offer.valid_for_days is not None:
        ends.append(now.date() + timedelta(days=offer.valid_for_days))
    return datetime.combine(min(ends), time(23, 59, 59), tzinfo=now.tzinfo)


def _explain(path: Path, data: dict[str, Any], error: ValidationError) -> DataError:
    first = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    subject = f"The offer catalogue {path}"
    if len(where) > 1 and where[0] == "offers":
        raw = data["offers"][int(where[1])] if isinstance(data.get("offers"), list) else {}
        name = raw.get("id") if isinstance(raw, dict) else None
        subject += f", offer {name!r}" if name else f", offer number {int(where[1]) + 1}"
        where = where[2:]
    if where:
        subject += f", field {'.'.join(where)}"
    reason = first["msg"].removeprefix("Value error, ")
    remedy = {
        "extra_forbidden": "Remove the key or correct its spelling.",
        "missing": "Add the field.",
    }.get(first["type"], "Correct the field; examples/offers/grocery.toml shows every kind of offer.")
    return DataError(f"{subject}: {reason}.", remedy)
