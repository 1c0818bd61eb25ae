"""Which products an answer holds: the sources of the placement, the filter, the rules of an experiment.

Pure functions of what is known when the answer is made.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.ranking.business_rules import apply_rules
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
from serving.schemas import RecommendationRequest
from serving.signals import Signals
from serving.treatment import Plan

# How many candidates the rules of an experiment choose from, unless the list itself is longer.
RERANKED_FROM = 200


@dataclass(frozen=True, slots=True)
class Known:
    """Everything the pure stages look at.

    Attributes:
        plan: the release that answers, the customer in it, and what experiments change.
        profile: as that release shows it; empty for nobody in particular.
        context: positions of the products being looked at.
    """

    question: RecommendationRequest
    plan: Plan
    signals: Signals
    profile: Mapping[str, Any]
    context: Sequence[int]

    @property
    def release(self) -> Release:
        """The release that answers."""
        return self.plan.release


def choose_products(known: Known) -> list[Candidate]:
    """The products of the answer, best first: `limit` of them, if the sources have so many."""
    limit, rerank = known.question.limit, known.plan.rerank
    if rerank is None:
        return walk(_sources(known), limit)
    candidates = walk(_sources(known), max(limit, RERANKED_FROM))
    order = apply_rules(
        [known.release.products.category(each.product) for each in candidates],
        limit,
        max_per_category=rerank.max_per_category,
        boost=rerank.boost_categories,
        bury=rerank.bury_categories,
    )
    return [candidates[place] for place in order]


def _sources(known: Known) -> Iterable[Iterable[Candidate]]:
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


def _row_of(known: Known, placement: str, mask: Mask) -> Iterator[Candidate]:
    """Another placement's row, read from the release only if the list is still short."""
    if known.plan.customer is not None:
        yield from from_row(unpack_row(known.release.row(placement, known.plan.customer)), mask)


def _new_to_customer(known: Known, mask: Mask) -> Mask:
    if known.plan.customer is None:
        return mask
    bought = known.release.history(known.plan.customer)["product"]

    def new(products: Products) -> NDArray[np.bool_]:
        return mask(products) & ~np.isin(products, bought)

    return new


def _excluded(known: Known) -> list[int]:
    """What the question excludes, what the customer is looking at, and what was just bought."""
    table = known.release.products
    bought = known.signals.recent.bought
    return [
        *known.context,
        *known_indices(table, known.question.exclude_product_ids),
        *known_indices(table, bought),
    ]
