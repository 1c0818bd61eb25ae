"""What runs, who is in it, and what came of it."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from experiments.design import Design
from features.errors import DatabaseUnavailableError
from serving.answers import AssignmentAnswer, ExperimentsAnswer
from serving.problems import ProblemDocument, ProblemError, database_unavailable
from serving.responses import personal
from serving.schemas import AssignmentQuery, Id, NoQuery
from serving.security import require
from serving.services import Services, ServicesOfApp

router = APIRouter(prefix="/v1/experiments", tags=["experiments"])
Key = Annotated[Id, Path()]
UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": ProblemDocument, "description": "No such experiment"}
}


@router.get(
    "",
    responses={200: {"model": ExperimentsAnswer}},
    response_class=Response,
    dependencies=[Depends(require("storefront", "marketing"))],
)
async def running(_query: Annotated[NoQuery, Query()], services: ServicesOfApp) -> Response:
    """The experiments that run."""
    designs = services.watcher.running.designs.values()
    return personal({"experiments": [_listed(services, design) for design in designs]})


@router.get(
    "/{key}/assignment",
    responses={200: {"model": AssignmentAnswer}, **UNKNOWN},
    response_class=Response,
    dependencies=[Depends(require("storefront"))],
)
async def assignment(
    key: Key, query: Annotated[AssignmentQuery, Query()], services: ServicesOfApp
) -> Response:
    """The variant that a customer is in, or why there is none. Asking is no exposure."""
    running = services.watcher.running
    if key not in running.designs:
        detail = f"No experiment {key!r} is running. GET /v1/experiments lists those that are."
        raise ProblemError(404, "unknown_experiment", detail)
    live = services.release()
    customer = live.customer_index(query.customer_id)
    variant, reason = None, "unknown_customer" if customer is None else "no_consent"
    if customer is not None and live.personalization_allowed(customer):
        day = services.clock().astimezone(services.settings.shop.zone).date()
        found, reason = running.assigner.explain(key, query.customer_id, live.profile(customer), day)
        variant = found.variant if found else None
    answer = {"key": key, "customer_id": query.customer_id, "variant": variant, "reason": reason}
    return personal(answer)


@router.get(
    "/{key}/results",
    responses={200: {"model": dict[str, Any], "description": "The report"}, **UNKNOWN},
    response_class=Response,
    dependencies=[Depends(require("marketing"))],
)
async def results(key: Key, _query: Annotated[NoQuery, Query()], services: ServicesOfApp) -> Response:
    """The latest report that was made of an experiment, running or not, without its charts."""
    try:
        report = await services.database.read(lambda database: database.experiments.latest_report(key))
    except DatabaseUnavailableError:
        raise database_unavailable("Ask again.") from None
    if report is None:
        detail = f"There is no report of an experiment {key!r} yet. Run: huitou experiment report"
        raise ProblemError(404, "no_report", detail)
    body: dict[str, Any] = orjson.loads(report.body)
    return personal({name: value for name, value in body.items() if name != "charts"})


def _listed(services: Services, design: Design) -> dict[str, Any]:
    record = services.watcher.running.records.get(design.key)
    return {
        "key": design.key,
        "hypothesis": design.hypothesis,
        "state": "running",
        "variants": [{"key": each.key, "weight": each.weight} for each in design.variants],
        "primary": design.primary_key,
        "started_at": record.started_at if record else None,
    }
