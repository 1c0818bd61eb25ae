"""What a shop may see of a customer: the profile and the offers."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from features.release.read import Release
from serving.answers import OffersAnswer, ProfileAnswer
from serving.offer_selection import select_offers
from serving.problems import unknown
from serving.responses import personal
from serving.schemas import Id, NoQuery, OffersQuery
from serving.security import require
from serving.services import ServicesOfApp
from serving.treatment import Plan, keep_exposures, participant, plan_control, plan_treatment

router = APIRouter(prefix="/v1/customers", tags=["customers"])
CustomerId = Annotated[Id, Path()]


@router.get(
    "/{customer_id}/profile",
    responses={200: {"model": ProfileAnswer}},
    response_class=Response,
    dependencies=[Depends(require("storefront", "marketing"))],
)
async def profile(
    customer_id: CustomerId, _query: Annotated[NoQuery, Query()], services: ServicesOfApp
) -> Response:
    """The customer as of the live release."""
    release = services.release()
    customer = _position(release, customer_id)
    answer: dict[str, Any] = {
        "customer_id": customer_id,
        "release_id": release.id,
        "as_of": release.as_of.isoformat(),
        "profile": release.profile(customer),
    }
    return personal(answer)


@router.get(
    "/{customer_id}/offers",
    responses={200: {"model": OffersAnswer}},
    response_class=Response,
    dependencies=[Depends(require("storefront", "marketing"))],
)
async def offers(
    customer_id: CustomerId, query: Annotated[OffersQuery, Query()], services: ServicesOfApp
) -> Response:
    """The customer's offers now; none without consent."""
    live = services.release()
    customer = _position(live, customer_id)
    shop = services.settings.shop
    now = services.clock()
    recorded = services.database.available
    plan, chosen = Plan(live, customer), []
    if live.personalization_allowed(customer):
        who = participant(services, live, customer_id, customer, now)
        plan = plan_treatment(services, who, products=False)
        recorded = recorded and keep_exposures(services, who, plan, now)
        if not recorded:
            plan = plan_control(services, who)
        services.metrics.exposures("left_out" if recorded else "refused", plan.left_out)
        chosen = select_offers(
            plan.release,
            plan.profile_of(who),
            now.astimezone(shop.zone),
            query.locale or shop.locale,
            policy=plan.offer_policy,
            with_capped=recorded,
            exhausted=services.claims.exhausted,
        )
    previous = services.watcher.serves_previous and plan.release is live
    answer: dict[str, Any] = {
        "customer_id": customer_id,
        "offers": chosen,
        "experiments": plan.experiments(),
        "release_id": plan.release.id,
        "degraded": "previous_release" if previous else None if recorded else "database_unavailable",
        "generated_at": now,
    }
    return personal(answer)


def _position(release: Release, customer_id: str) -> int:
    """Where the release has the customer.

    Raises:
        ProblemError: nowhere (404).
    """
    customer = release.customer_index(customer_id)
    if customer is None:
        raise unknown("customer", customer_id)
    return customer
