"""Lists that are the same for everyone."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from features.release.read import Release
from serving.answers import SimilarAnswer, TrendingAnswer
from serving.candidate_sources import from_trending, walk
from serving.filters import allowed
from serving.problems import unknown
from serving.responses import public
from serving.schemas import Id, ProductFilter, SimilarQuery, TrendingQuery
from serving.security import require
from serving.services import ServicesOfApp

router = APIRouter(prefix="/v1", tags=["products"], dependencies=[Depends(require("storefront"))])


@router.get(
    "/products/{product_id}/similar", responses={200: {"model": SimilarAnswer}}, response_class=Response
)
async def similar(
    request: Request,
    product_id: Annotated[Id, Path()],
    query: Annotated[SimilarQuery, Query()],
    services: ServicesOfApp,
) -> Response:
    """Products that the same customers buy, nearest first; as many as the release holds, up to `limit`."""
    release = services.release()
    product = release.products.index(product_id)
    if product is None:
        raise unknown("product", product_id)
    neighbours, scores = release.similar(product)
    keep = release.products.valid[neighbours]
    found = zip(neighbours[keep].tolist(), scores[keep].tolist(), strict=True)
    products = [
        {**_listed(release, neighbour, rank), "score": round(score, 4)}
        for rank, (neighbour, score) in enumerate(list(found)[: query.limit], start=1)
    ]
    answer = {"product_id": product_id, "products": products, "release_id": release.id}
    return public(request, answer, services.settings.serving.public_max_age_seconds)


@router.head("/trending", include_in_schema=False)
@router.get("/trending", responses={200: {"model": TrendingAnswer}}, response_class=Response)
async def trending(
    request: Request, query: Annotated[TrendingQuery, Query()], services: ServicesOfApp
) -> Response:
    """What sells best now, everywhere or in one category."""
    release = services.release()
    conditions = ProductFilter(category=[query.category]) if query.category else None
    chosen = walk([from_trending(release, allowed(release.products, conditions))], query.limit)
    products = [_listed(release, each.product, rank) for rank, each in enumerate(chosen, start=1)]
    answer = {"products": products, "release_id": release.id}
    return public(request, answer, services.settings.serving.public_max_age_seconds)


def _listed(release: Release, product: int, rank: int) -> dict[str, Any]:
    table = release.products
    return {
        "product_id": table.id(product),
        "name": table.name(product),
        "category": table.category(product),
        "rank": rank,
    }
