"""The application: everything is built here, and nothing at import."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.responses import RedirectResponse

from experiments.assignment import Assigner
from features.cache.redis_cache import Cache, NullCache, RedisCache
from features.settings import Settings
from serving.claim_writer import ClaimWriter
from serving.console import routes as console
from serving.database_access import DatabaseAccess
from serving.event_writer import EventWriter
from serving.exposure_log import ExposureLog
from serving.problems import PROBLEM_TYPE, ProblemDocument, install_problem_handlers
from serving.recent_activity import RecentActivity
from serving.refills import Refills
from serving.release_watcher import ReleaseWatcher
from serving.request_frame import RequestFrame
from serving.routes import customers, events, experiments, health, offers, products, recommendations
from serving.service_metrics import ServiceMetrics
from serving.services import Services

DESCRIPTION = "Recommendations and offers that bring customers back. Errors are RFC 9457 problem documents."
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemDocument, "description": "A problem document"} for status in (401, 403, 422, 503)
}


def create_app(
    settings: Settings, clock: Callable[[], datetime], assigner: Assigner | None = None
) -> FastAPI:
    """Build the API.

    Args:
        settings: an empty `cache.redis_url` means no cache; `huitou serve` fills in the embedded server.
        clock: the present, with a zone; nothing else tells the time to a request.
        assigner: the experiments of a customer; None: those that run according to the database.
    """
    metrics = ServiceMetrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = _build_services(settings, clock, metrics, assigner)
        app.state.services = services
        await services.cache.start()
        for writer in (services.writer, services.exposures, services.claims):
            writer.start()
        await services.watcher.start()
        yield
        await _shut_down(services)

    # The usual page of /docs loads its script from a CDN; this one brings it along.
    app: FastAPI = FastAPIOffline(
        docs_url="/docs",
        redoc_url=None,
        redirect_slashes=False,
        static_url="/docs/assets",
        title="Huitou",
        version="1",
        description=DESCRIPTION,
        responses=PROBLEMS,
        lifespan=lifespan,
    )
    app.add_middleware(RequestFrame, settings=settings.serving, metrics=metrics)
    install_problem_handlers(app)
    for routes in (recommendations, customers, products, events, offers, experiments, health):
        app.include_router(routes.router)

    app.include_router(console.router)

    _document_problems(app)

    @app.get("/", include_in_schema=False)
    async def home() -> RedirectResponse:
        return RedirectResponse("/docs")

    return app


def _document_problems(app: FastAPI) -> None:
    """Say in the API's document that errors are problem documents; the framework would say plain JSON."""
    plain = app.openapi

    def documented() -> dict[str, Any]:
        document = plain()
        calls = [call for path in document["paths"].values() for call in path.values()]
        for status, answer in [item for call in calls for item in call["responses"].items()]:
            if int(status) >= 400 and "application/json" in answer.get("content", {}):
                answer["content"] = {PROBLEM_TYPE: answer["content"]["application/json"]}
        return document

    app.openapi = documented  # type: ignore[method-assign]


def _build_services(
    settings: Settings, clock: Callable[[], datetime], metrics: ServiceMetrics, assigner: Assigner | None
) -> Services:
    serving = settings.serving
    url = settings.cache.redis_url
    cache: Cache = RedisCache(url, settings.cache) if url else NullCache()
    database = DatabaseAccess(settings)
    recent = RecentActivity(cache, database, clock, serving)
    return Services(
        settings=settings,
        clock=clock,
        metrics=metrics,
        cache=cache,
        database=database,
        recent=recent,
        refills=Refills(),
        writer=EventWriter(database, clock, serving.event_queue, serving.event_timeout_ms),
        exposures=ExposureLog(database, metrics, serving.exposure_queue),
        claims=ClaimWriter(database, serving.claim_queue, serving.event_timeout_ms),
        watcher=ReleaseWatcher(settings, database, recent),
        given_assigner=assigner,
    )


async def _shut_down(services: Services) -> None:
    """The server takes no more requests by now; what it acknowledged is committed already."""
    writers = (services.writer, services.exposures, services.claims)
    await asyncio.gather(*(asyncio.to_thread(writer.stop) for writer in writers))
    await services.watcher.stop()
    await services.refills.finish()
    await services.cache.close()
    services.database.close()
