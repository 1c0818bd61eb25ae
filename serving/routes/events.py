"""What happened in the shop: checked one by one, stored, and then acknowledged."""

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import ValidationError
from starlette.responses import Response

from features.database.records import Event
from serving.answers import EventsAnswer
from serving.json_body import JsonRoute
from serving.problems import field_errors
from serving.responses import personal
from serving.schemas import EventBatch, EventIn
from serving.security import require
from serving.services import ServicesOfApp

router = APIRouter(
    prefix="/v1",
    tags=["events"],
    dependencies=[Depends(require("storefront"))],
    route_class=JsonRoute,
)


@router.post("/events", responses={200: {"model": EventsAnswer}}, response_class=Response)
async def events(batch: EventBatch, services: ServicesOfApp) -> Response:
    """Store up to 1,000 events. `stored` and `duplicate` are in the database; `invalid` ones are not."""
    results: list[dict[str, Any]] = []
    valid: list[tuple[dict[str, Any], Event]] = []
    for raw in batch.events:
        result, event = _check(raw)
        results.append(result)
        if event is not None:
            valid.append((result, event))
    if valid:
        statuses = await services.writer.write([event for _, event in valid])
        for (result, _), status in zip(valid, statuses, strict=True):
            result["status"] = status
        # Before the acknowledgement: the next answer must already know of these events.
        await services.recent.forget({subject for _, event in valid for subject in event.subjects})
    for result in results:
        services.metrics.event(result["status"])
    return personal({"results": results})


def _check(raw: Any) -> tuple[dict[str, Any], Event | None]:
    try:
        event = EventIn.model_validate(raw).to_event()
    except ValidationError as error:
        identity = raw.get("event_id") if isinstance(raw, dict) else None
        problems = field_errors(error.errors(include_url=False, include_input=False))
        detail = "; ".join(f"{item['field']}: {item['detail']}" for item in problems).replace(
            "body:", "event:"
        )
        known = identity if isinstance(identity, str) else None
        return {"event_id": known, "status": "invalid", "detail": detail}, None
    return {"event_id": event.event_id, "status": "stored", "detail": None}, event
