"""Claims: a customer takes an offer, once however often the call is repeated."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path
from starlette.responses import Response

from features.database.records import OfferClaim
from features.errors import DatabaseUnavailableError
from features.loyalty.offer_catalogue import Offer
from features.loyalty.offers import is_eligible
from serving.answers import ClaimAnswer
from serving.claim_writer import CappedClaim
from serving.json_body import JsonRoute
from serving.offer_selection import facts_of
from serving.problems import ProblemDocument, ProblemError, database_unavailable, unknown
from serving.responses import personal
from serving.schemas import ClaimRequest, Id, IdempotencyKey
from serving.security import require
from serving.services import Services, ServicesOfApp
from serving.treatment import participant, plan_treatment

router = APIRouter(
    prefix="/v1/offers",
    tags=["offers"],
    dependencies=[Depends(require("storefront"))],
    route_class=JsonRoute,
)
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": ClaimAnswer, "description": "Claimed before with this key"},
    201: {"model": ClaimAnswer, "description": "Claimed"},
    404: {"model": ProblemDocument, "description": "The customer or the offer is unknown"},
    409: {"model": ProblemDocument, "description": "The claim is refused; `code` says why"},
}
CONFLICT = (
    "idempotency_conflict",
    "This Idempotency-Key made a claim of another offer or customer. Send a new key with a new claim.",
)
NOT_ELIGIBLE = ("offer_not_eligible", "The offer is not open to this customer now. Show another one.")
REFUSALS = {
    "conflict": CONFLICT,
    "exhausted": ("offer_exhausted", "The offer has been claimed as often as it may be. Show another one."),
    "customer_exhausted": (
        "customer_limit",
        "This customer has claimed the offer as often as one may. Show another one.",
    ),
}


@router.post("/{offer_id}/claims", responses=ANSWERS, response_class=Response, status_code=201)
async def claim(
    offer_id: Annotated[Id, Path()],
    body: ClaimRequest,
    idempotency_key: Annotated[IdempotencyKey, Header()],
    services: ServicesOfApp,
) -> Response:
    """Claim an offer for a customer. The answer comes once the claim is in the database.

    A call that is repeated with the same `Idempotency-Key` gets the first claim again (200), also after the
    offer has ended.
    """
    wish = OfferClaim(
        claim_id=uuid.uuid4().hex,
        idempotency_key=idempotency_key,
        offer_id=offer_id,
        customer_id=body.customer_id,
        claimed_at=services.clock(),
        recommendation_id=body.recommendation_id,
    )
    try:
        first = await services.database.read(lambda database: database.claims.find(idempotency_key))
    except DatabaseUnavailableError:
        raise database_unavailable("Send the same claim again.") from None
    if first is not None:
        if (first.offer_id, first.customer_id) != (offer_id, body.customer_id):
            raise _refusal(services, *CONFLICT)
        return _answer(services, first, repeated=True)
    offer = _claimable(services, wish)
    capped = CappedClaim(wish, offer.claims_max, offer.claims_per_customer_max)
    ((status, kept),) = await services.claims.write([capped])
    if kept is None:
        raise _refusal(services, *REFUSALS[status])
    return _answer(services, kept, repeated=status == "repeated")


def _claimable(services: Services, wish: OfferClaim) -> Offer:
    """The offer, if the release and the offer policy that serve the customer now give it to the customer.

    Raises:
        ProblemError: 404 for an unknown customer or offer, 409 if the customer may not have it.
    """
    live = services.release()
    customer = live.customer_index(wish.customer_id)
    if customer is None:
        raise unknown("customer", wish.customer_id)
    if not live.personalization_allowed(customer):
        raise _refusal(services, *NOT_ELIGIBLE)
    who = participant(services, live, wish.customer_id, customer, wish.claimed_at)
    plan = plan_treatment(services, who)
    offer = plan.release.offers.offer(wish.offer_id)
    if offer is None:
        raise unknown("offer", wish.offer_id)
    profile = plan.profile_of(who)
    now = wish.claimed_at.astimezone(services.settings.shop.zone)
    agreed = profile.get("consent_marketing") is not False
    if not (agreed and is_eligible(offer, facts_of(profile), now, plan.offer_policy)):
        raise _refusal(services, *NOT_ELIGIBLE)
    return offer


def _answer(services: Services, kept: OfferClaim, repeated: bool) -> Response:
    services.metrics.claim("repeated" if repeated else "claimed")
    answer = personal(
        {
            "claim_id": kept.claim_id,
            "offer_id": kept.offer_id,
            "customer_id": kept.customer_id,
            "claimed_at": kept.claimed_at,
            "repeated": repeated,
        }
    )
    answer.status_code = 200 if repeated else 201
    return answer


def _refusal(services: Services, code: str, detail: str) -> ProblemError:
    services.metrics.claim(code)
    return ProblemError(409, code, detail)
