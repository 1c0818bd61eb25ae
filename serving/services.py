"""What the routes work with, built once by the composition root in app.py."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from experiments.assignment import Assigner
from features.cache.redis_cache import Cache
from features.release.read import Release
from features.settings import Settings
from serving.claim_writer import ClaimWriter
from serving.database_access import DatabaseAccess
from serving.event_writer import EventWriter
from serving.exposure_log import ExposureLog
from serving.problems import not_ready
from serving.recent_activity import RecentActivity
from serving.refills import Refills
from serving.release_watcher import ReleaseWatcher
from serving.service_metrics import ServiceMetrics


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a request may need.

    Attributes:
        given_assigner: decides instead of the running experiments, if there is one.
    """

    settings: Settings
    clock: Callable[[], datetime]
    metrics: ServiceMetrics
    cache: Cache
    database: DatabaseAccess
    recent: RecentActivity
    refills: Refills
    writer: EventWriter
    exposures: ExposureLog
    claims: ClaimWriter
    watcher: ReleaseWatcher
    given_assigner: Assigner | None = None

    @property
    def assigner(self) -> Assigner:
        """Says which experiments a customer is in."""
        return self.given_assigner or self.watcher.running.assigner

    def release(self) -> Release:
        """The release to serve; a request asks once and keeps it.

        Raises:
            ProblemError: none could be opened so far (503).
        """
        release = self.watcher.release
        if release is None:
            raise not_ready()
        return release


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesOfApp = Annotated[Services, Depends(_services)]
