"""What is known about the one who asks: recognised in the release, read from cache, release and database."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.cache.keys import customer_subject, session_subject
from features.columns import PERSONAL_PLACEMENTS
from features.errors import CacheUnavailableError, DatabaseUnavailableError
from features.release.format import ROW_DTYPE, unpack_row
from features.release.read import Release
from serving.candidate_sources import unpack_trusted
from serving.recent_activity import Recent, unpack_recent
from serving.schemas import RecommendationRequest
from serving.services import Services

EMPTY_ROW = np.empty(0, dtype=ROW_DTYPE)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks.

    Attributes:
        customer: position in the release, if it knows the customer and has the consent to personalize.
        subject: whose recent events count; None if nobody's may.
    """

    customer: int | None
    subject: str | None


@dataclass(slots=True)
class Signals:
    """What the sources start from; `missing` holds `cache` and `database` if the answer had to do without."""

    row: NDArray[np.void] = field(default_factory=lambda: EMPTY_ROW)
    recent: Recent = field(default_factory=Recent)
    missing: set[str] = field(default_factory=set)


def recognise(release: Release, question: RecommendationRequest) -> Visitor:
    """Find out who asks; without consent a customer is treated like nobody in particular."""
    if question.customer_id is None:
        return Visitor(None, session_subject(question.session_id or ""))
    customer = release.customer_index(question.customer_id)
    if customer is not None and not release.personalization_allowed(customer):
        return Visitor(None, None)
    return Visitor(customer, customer_subject(question.customer_id))


async def gather_signals(services: Services, release: Release, placement: str, visitor: Visitor) -> Signals:
    """The packed row of the placement and the recent events: one read of the cache, and what that lacks.

    Never raises for a cache or database that is out: both have a budget, and `missing` tells.
    """
    signals = Signals()
    if not services.database.available:
        signals.missing.add("database")
    if placement not in PERSONAL_PLACEMENTS or visitor.subject is None:
        return signals
    row_of = placement if visitor.customer is not None else None
    row, recent = None, None
    try:
        row, recent = await services.cache.read(release.id, row_of, visitor.subject)
    except CacheUnavailableError:
        signals.missing.add("cache")
    if visitor.customer is not None:
        trusted = unpack_trusted(row, len(release.products))
        signals.row = row_of_release(release, placement, visitor.customer) if trusted is None else trusted
        if trusted is None and "cache" not in signals.missing:
            refill = services.cache.write_row(release.id, placement, visitor.subject, signals.row.tobytes())
            services.refills.start(refill)
    signals.recent = await _recent(services, visitor.subject, recent, signals)
    return signals


def row_of_release(release: Release, placement: str, customer: int | None) -> NDArray[np.void]:
    """The packed row of a placement, past the cache; empty where there is none."""
    if customer is None or placement not in PERSONAL_PLACEMENTS:
        return EMPTY_ROW
    return unpack_row(release.row(placement, customer))


async def _recent(services: Services, subject: str, cached: bytes | None, signals: Signals) -> Recent:
    known = unpack_recent(cached) if cached is not None else None
    if known is not None:
        return known
    try:
        recent = await services.recent.read(subject)
    except DatabaseUnavailableError:
        signals.missing.add("database")
        return Recent()
    if "cache" not in signals.missing:
        # Before the answer: an event sent in reply to it, maybe to another worker, must find this to drop.
        await services.refills.soon(services.recent.refill(subject, recent))
    return recent
