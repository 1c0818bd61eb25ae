"""From a question to an answer: assign → sources → filter → offers → log.

Whatever fails on the way, a question gets `limit` products as long as a release is open: the personal part is
left out, and `degraded` says so.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from features.release.read import Release
from serving.candidate_sources import Candidate
from serving.filters import known_indices
from serving.offer_selection import select_offers
from serving.problems import ProblemError
from serving.product_selection import Known, choose_products
from serving.reasons import ReasonWriter
from serving.schemas import RecommendationRequest
from serving.services import Services
from serving.signals import Signals, Visitor, gather_signals, recognise, row_of_release
from serving.treatment import (
    Participant,
    Plan,
    keep_exposures,
    participant,
    plan_control,
    plan_treatment,
)

logger = logging.getLogger("huitou.serving")
NOBODY: Mapping[str, Any] = {}


async def recommend(question: RecommendationRequest, services: Services) -> dict[str, Any]:
    """Answer a question.

    Raises:
        ProblemError: no release is open (503), or a context product is unknown (422).
    """
    live = services.release()
    _check_context(live, question.context_product_ids)
    now = services.clock()
    fallen_back = False
    try:
        visitor = recognise(live, question)
        if visitor.customer is None:
            signals = await gather_signals(services, live, question.placement, visitor)
            known = _know(question, Plan(live, None), signals, NOBODY)
            answer = _answer(services, known, now)
        else:
            who = participant(services, live, question.customer_id or "", visitor.customer, now)
            known, answer = await _answer_customer(services, question, visitor, who, now)
    except Exception as error:
        # A defect in a personal stage must cost the personal part, not the page of the shop.
        logger.error("unexpected %s: answering with trending products", type(error).__name__)
        fallen_back = True
        known = _know(question, Plan(live, None), Signals(), NOBODY)
        answer = _answer(services, known, now)
    degraded = _degraded(
        known.signals, services.watcher.serves_previous and known.release is live, fallen_back
    )
    _log(services, known, degraded, fallen_back)
    return {**answer, "degraded": degraded}


async def _answer_customer(
    services: Services,
    question: RecommendationRequest,
    visitor: Visitor,
    who: Participant,
    now: datetime,
) -> tuple[Known, dict[str, Any]]:
    """Under the customer's experiments, or under their controls where no exposure can be kept."""
    plan = plan_treatment(services, who)
    visitor = Visitor(plan.customer, visitor.subject)
    signals = await gather_signals(services, plan.release, question.placement, visitor)
    known = _know(question, plan, signals, plan.profile_of(who))
    answer = _answer(services, known, now)
    if not plan.served:
        return known, answer
    id_ = answer["recommendation_id"]
    if "database" not in signals.missing and keep_exposures(
        services, who, plan, now, placement=question.placement, recommendation_id=id_
    ):
        return known, answer
    plan = plan_control(services, who)
    row = row_of_release(plan.release, question.placement, plan.customer)
    signals = Signals(row, signals.recent, signals.missing | {"database"})
    known = _know(question, plan, signals, plan.profile_of(who))
    return known, _answer(services, known, now)


def _know(question: RecommendationRequest, plan: Plan, signals: Signals, profile: Mapping[str, Any]) -> Known:
    context = known_indices(plan.release.products, question.context_product_ids)
    return Known(question, plan, signals, profile, context)


def _answer(services: Services, known: Known, now: datetime) -> dict[str, Any]:
    """Everything but `degraded`."""
    shop, question, plan = services.settings.shop, known.question, known.plan
    locale = question.locale or shop.locale
    offers = []
    if plan.customer is not None:
        offers = select_offers(
            plan.release,
            known.profile,
            now.astimezone(shop.zone),
            locale,
            policy=plan.offer_policy,
            with_capped="database" not in known.signals.missing,
            exhausted=services.claims.exhausted,
        )
    return {
        "recommendation_id": uuid.uuid4().hex,
        "customer_id": question.customer_id,
        "placement": question.placement,
        "products": _present(choose_products(known), known, locale),
        "offers": offers,
        "experiments": plan.experiments(),
        "release_id": plan.release.id,
        "generated_at": now,
    }


def _present(chosen: Sequence[Candidate], known: Known, locale: str) -> list[dict[str, Any]]:
    reasons = ReasonWriter(known.release, known.plan.customer, known.profile, locale)
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


def _log(services: Services, known: Known, degraded: str | None, fallen_back: bool) -> None:
    missing = known.signals.missing
    services.metrics.recommendation(known.question.placement, degraded)
    services.metrics.exposures("refused" if "database" in missing else "left_out", known.plan.left_out)
    for each in missing:
        services.metrics.fallback(each)
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


def _check_context(release: Release, product_ids: Sequence[str]) -> None:
    """See that the products being looked at exist.

    Raises:
        ProblemError: the release does not know one of them (422, naming it).
    """
    for place, product_id in enumerate(product_ids):
        if release.products.index(product_id) is None:
            detail = f"The live release knows no product {product_id!r}. Leave it out."
            error = {"field": f"context_product_ids.{place}", "detail": detail}
            raise ProblemError(422, "unknown_product", f"context_product_ids: {detail}", [error])
