"""Recommendations, asked for as a body or as query parameters."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from serving.answers import RecommendationAnswer
from serving.json_body import JsonRoute
from serving.pipeline import recommend
from serving.responses import personal
from serving.schemas import Id, RecommendationQuery, RecommendationRequest
from serving.security import require
from serving.services import ServicesOfApp

router = APIRouter(
    prefix="/v1",
    tags=["recommendations"],
    dependencies=[Depends(require("storefront"))],
    route_class=JsonRoute,
)
ANSWERS: dict[int | str, dict[str, Any]] = {200: {"model": RecommendationAnswer}}


@router.post("/recommendations", responses=ANSWERS, response_class=Response)
async def post_recommendations(question: RecommendationRequest, services: ServicesOfApp) -> Response:
    """Products and offers for a customer or session at a placement."""
    return personal(await recommend(question, services))


@router.get("/customers/{customer_id}/recommendations", responses=ANSWERS, response_class=Response)
async def get_recommendations(
    customer_id: Annotated[Id, Path()],
    query: Annotated[RecommendationQuery, Query()],
    services: ServicesOfApp,
) -> Response:
    """The same for a customer, as a GET."""
    return personal(await recommend(query.for_customer(customer_id), services))
