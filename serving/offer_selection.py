"""A customer's offers: the facts of the profile, the catalogue of the release, the clock of the app."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from features.loyalty.offers import CustomerFacts, choose_offers
from features.release.read import Release


def facts_of(profile: Mapping[str, Any]) -> CustomerFacts:
    """What the choice of offers looks at; a customer without orders has neither segment nor days."""
    return CustomerFacts(
        tier=profile["tier"],
        segment=profile.get("segment"),
        lifecycle=profile.get("lifecycle", "new"),
        days_since_last_order=profile.get("days_since_last_order"),
    )


def select_offers(
    release: Release,
    profile: Mapping[str, Any],
    now: datetime,
    locale: str,
    *,
    policy: str | None = None,
    with_capped: bool = True,
    exhausted: Collection[tuple[str, int | None]] = (),
) -> list[dict[str, Any]]:
    """Offers of a known customer as the API answers them.

    Args:
        release: holds the catalogue.
        profile: of the customer; without consent to marketing there are no offers.
        now: in the shop's time zone, whose local day decides.
        locale: language of names and reasons.
        policy: the offer policy that an experiment gives the customer.
        with_capped: whether the database can tell who may still claim an offer with a maximum of claims.
        exhausted: offers that are known to have reached it, by id and `claims_max`.
    """
    offers = release.offers.offers
    if not offers or profile.get("consent_marketing") is False:
        return []
    withheld = [
        offer.id
        for offer in offers
        if offer.capped and (not with_capped or (offer.id, offer.claims_max) in exhausted)
    ]
    chosen = choose_offers(release.offers, facts_of(profile), now, locale, policy=policy, withheld=withheld)
    return [offer.model_dump() for offer in chosen]
