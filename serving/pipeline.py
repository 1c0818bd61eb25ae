"""From a question to an answer: assign → sources → filter → offers → log.

Whatever fails on the way, a question gets `limit` products as long as a release is open: the personal part is
left out, and `degraded` says so.
"""

import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.assignment import Assignment
from features.release.format import unpack_row
from features.release.read import Release
from serving.candidate_sources import (
    Candidate,
    from_recent_activity,
    from_row,
    from_trending,
    interleave,
    walk,
)
from serving.filters import Mask, Products, allowed, known_indices
from serving.offer_selection import select_offers
from serving.problems import ProblemError
from serving.reasons import ReasonWriter
from serving.schemas import RecommendationRequest
from serving.services import Services
from serving.signals import Signals, Visitor, gather_signals, recognise

logger = logging.getLogger("huitou.serving")
NOBODY: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything the pure stages look at."""

    release: Release
    question: RecommendationRequest
    context: Sequence[int]
    visitor: Visitor
    signals: Signals
    profile: Mapping[str, Any]


async def recommend(question: RecommendationRequest, services: Services) -> dict[str, Any]:
    """Answer a question.

    Raises:
        ProblemError: no release is open (503), or a context product is unknown (422).
    """
    release = services.release()
    context = _context(release, question.context_product_ids)
    try:
        visitor = recognise(release, question)
        signals = await gather_signals(services, release, question.placement, visitor)
        profile = NOBODY if visitor.customer is None else release.profile(visitor.customer)
        known = _Known(release, question, context, visitor, signals, profile)
        return _answer(services, known, fallen_back=False)
    except Exception as error:
        # A defect in a personal stage must cost the personal part, not the page of the shop.
        logger.error("unexpected %s: answering with trending products", type(error).__name__)
        known = _Known(release, question, context, Visitor(None, None), Signals(), NOBODY)
        return _answer(services, known, fallen_back=True)


def _answer(services: Services, known: _Known, fallen_back: bool) -> dict[str, Any]:
    question, release = known.question, known.release
    now = services.clock()
    locale = question.locale or services.settings.shop.locale
    assignments = _assign(services, known, now.astimezone(services.settings.shop.zone).date())
    chosen = walk(_sources(known), question.limit)
    offers = []
    if known.visitor.customer is not None:
        offers = select_offers(release, known.profile, now.astimezone(services.settings.shop.zone), locale)
    degraded = _degraded(known.signals, services.watcher.serves_previous, fallen_back)
    _log(services, question.placement, degraded, known.signals, fallen_back)
    return {
        "recommendation_id": uuid.uuid4().hex,
        "customer_id": question.customer_id,
        "placement": question.placement,
        "products": _present(chosen, known, locale),
        "offers": offers,
        "experiments": [{"key": each.key, "variant": each.variant} for each in assignments],
        "release_id": release.id,
        "degraded": degraded,
        "generated_at": now,
    }


def _assign(services: Services, known: _Known, day: date) -> Sequence[Assignment]:
    # Without the database an exposure could not be kept, so nobody may be treated.
    if known.visitor.customer is None or "database" in known.signals.missing:
        return ()
    return services.assigner(known.question.customer_id or "", known.profile, day)


def _sources(known: _Known) -> Iterable[Iterable[Candidate]]:
    """The named sources of the placement, in order; strict questions stop after the placement's own."""
    release, question = known.release, known.question
    mask = allowed(release.products, question.filter, _excluded(known))
    if question.placement == "trending":
        return [from_trending(release, mask)]
    seeds = [*known.context, *known_indices(release.products, known.signals.recent.seen)]
    if question.placement == "buy_again":
        own: Iterable[Candidate] = from_row(known.signals.row, mask)
        backfill = [_row_of(known, "discover", mask), from_trending(release, mask)]
    elif question.placement == "discover":
        new = _new_to_customer(known, mask)
        recent = from_recent_activity(release, seeds, new)
        own = interleave(from_row(known.signals.row, new), recent, question.limit)
        # A customer who bought nearly everything still gets a full list.
        backfill = [from_trending(release, new), from_trending(release, mask)]
    else:
        recent = from_recent_activity(release, seeds, mask)
        own = interleave(from_row(known.signals.row, mask), recent, question.limit)
        backfill = [from_trending(release, mask)]
    return [own] if question.strict else [own, *backfill]


def _row_of(known: _Known, placement: str, mask: Mask) -> Iterator[Candidate]:
    """Another placement's row, read from the release only if the list is still short."""
    if known.visitor.customer is not None:
        yield from from_row(unpack_row(known.release.row(placement, known.visitor.customer)), mask)


def _new_to_customer(known: _Known, mask: Mask) -> Mask:
    if known.visitor.customer is None:
        return mask
    bought = known.release.history(known.visitor.customer)["product"]

    def new(products: Products) -> NDArray[np.bool_]:
        return mask(products) & ~np.isin(products, bought)

    return new


def _excluded(known: _Known) -> list[int]:
    """What the question excludes, what the customer is looking at, and what was just bought."""
    table = known.release.products
    bought = known.signals.recent.bought
    return [
        *known.context,
        *known_indices(table, known.question.exclude_product_ids),
        *known_indices(table, bought),
    ]


def _present(chosen: Sequence[Candidate], known: _Known, locale: str) -> list[dict[str, Any]]:
    reasons = ReasonWriter(known.release, known.visitor.customer, known.profile, locale)
    table = known.release.products
    return [
        {
            "product_id": table.id(candidate.product),
            "rank": rank,
            "score": round(candidate.score, 4),
            "source": candidate.source,
            "reason": reasons.reason(candidate),
        }
        for rank, candidate in enumerate(chosen, start=1)
    ]


def _log(
    services: Services, placement: str, degraded: str | None, signals: Signals, fallen_back: bool
) -> None:
    services.metrics.recommendation(placement, degraded)
    for missing in signals.missing:
        services.metrics.fallback(missing)
    if fallen_back:
        services.metrics.fallback("personal")


def _degraded(signals: Signals, previous_release: bool, fallen_back: bool) -> str | None:
    """The worst of what happened: an answer has one `degraded`."""
    if fallen_back:
        return "trending"
    if previous_release:
        return "previous_release"
    if "database" in signals.missing:
        return "database_unavailable"
    return "cache_unavailable" if "cache" in signals.missing else None


def _context(release: Release, product_ids: Sequence[str]) -> list[int]:
    """Indices of the context products.

    Raises:
        ProblemError: the release does not know one of them (422, naming it).
    """
    indices = []
    for place, product_id in enumerate(product_ids):
        index = release.products.index(product_id)
        if index is None:
            detail = f"The live release knows no product {product_id!r}. Leave it out."
            error = {"field": f"context_product_ids.{place}", "detail": detail}
            raise ProblemError(422, "unknown_product", f"context_product_ids: {detail}", [error])
        indices.append(index)
    return indices
