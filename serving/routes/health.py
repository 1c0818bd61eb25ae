"""Is it alive, is it ready, how is it doing; none of these needs a key."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from features.release.read import Release
from serving.answers import ReadyAnswer
from serving.problems import NO_STORE
from serving.responses import personal
from serving.services import ServicesOfApp

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", response_class=Response)
async def alive() -> Response:
    """The process answers. No dependency is asked: a restart would not bring one back."""
    return personal({"alive": True})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", responses={200: {"model": ReadyAnswer}}, response_class=Response)
async def ready(services: ServicesOfApp) -> Response:
    """A release is open and keys are known, so questions can be answered; 503 before that.

    A cache or database that is out does not make the service unready: it answers without them.
    """
    release = services.watcher.release
    is_ready = release is not None and services.watcher.keys is not None
    answer: dict[str, Any] = {
        "ready": is_ready,
        "release_id": release.id if release else None,
        "cache_available": services.cache.available,
        "database_available": services.database.available,
    }
    response = personal(answer)
    response.status_code = 200 if is_ready else 503
    return response


@router.get("/metrics", response_class=Response)
async def metrics(services: ServicesOfApp) -> Response:
    """Counters and gauges of the worker that answers, for Prometheus."""
    gauges = services.metrics
    gauges.cache_available.set(services.cache.available)
    gauges.database_available.set(services.database.available)
    gauges.event_queue.set(services.writer.waiting)
    gauges.exposure_queue.set(services.exposures.waiting)
    gauges.claim_queue.set(services.claims.waiting)
    if services.watcher.release is not None:
        gauges.release_age_days.set(_age_days(services.watcher.release, services.clock()))
    return Response(gauges.text(), 200, NO_STORE, media_type="text/plain; version=0.0.4; charset=utf-8")


def _age_days(release: Release, now: datetime) -> int:
    return (now.date() - release.as_of).days
