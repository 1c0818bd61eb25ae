"""Why a product is recommended: a code, words in two languages, and the products that are the evidence."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from features.release.read import Release
from serving.candidate_sources import Candidate

# Between these shares of its usual gap a product is due; later than that the customer has given it up.
DUE_FROM, DUE_UNTIL = 0.75, 3.0
EVIDENCE_PRODUCTS = 2

TEXTS = {
    "due_again": (
        "您大约每 {gap} 天买一次，上次是 {days} 天前",
        "You buy this about every {gap} days; last time was {days} days ago",
    ),
    "bought_before": ("您买过 {times} 次，上次是 {days} 天前", "Bought {times} times, last {days} days ago"),
    "bought_once": ("您在 {days} 天前买过", "You bought this {days} days ago"),
    "bought_long_ago": ("您以前买过", "You bought this before"),
    "because_you_bought": ("因为您买过{name}", "Because you bought {name}"),
    "recently_viewed": ("因为您刚看过{name}", "Because you just looked at {name}"),
    "category_favourite": ("您常买的类别：{name}", "From a category you often buy: {name}"),
    "similar_customers": ("与您喜好相近的顾客也在买", "Bought by customers who shop like you"),
    "trending": ("近期热销", "Popular right now"),
}


class ReasonWriter:
    """Writes the reasons of one answer.

    Args:
        release: the pinned release; days are counted to its as-of date.
        customer: position of the customer, or None for a stranger.
        profile: of the customer; empty for a stranger.
        locale: `zh` or `en`.
    """

    def __init__(
        self, release: Release, customer: int | None, profile: Mapping[str, Any], locale: str
    ) -> None:
        self._release = release
        self._customer = customer
        self._profile = profile
        self._language = 0 if locale == "zh" else 1

    def reason(self, candidate: Candidate) -> dict[str, Any]:
        """The strongest true reason for a candidate."""
        if candidate.source == "recent_activity":
            return self._because("recently_viewed", list(candidate.because))
        if candidate.source == "trending":
            return self._say("trending")
        if candidate.product in self._bought:
            return self._bought_before(*self._bought[candidate.product])
        if candidate.source == "buy_again":
            # The release keeps the products bought most; this one was bought, but it does not say when.
            return self._say("bought_before", words="bought_long_ago")
        return self._new_to_customer(candidate.product)

    def _new_to_customer(self, product: int) -> dict[str, Any]:
        evidence = self._evidence(product)
        if evidence:
            return self._because("because_you_bought", evidence)
        category = self._release.products.category(product)
        if category in self._favourites:
            return self._say("category_favourite", name=category)
        return self._say("similar_customers")

    @cached_property
    def _bought(self) -> dict[int, tuple[int, int, int]]:
        """Product to (purchase days, days since the last one, usual gap)."""
        if self._customer is None:
            return {}
        return {entry[0]: entry[1:4] for entry in self._release.history(self._customer).tolist()}

    @cached_property
    def _favourites(self) -> frozenset[str]:
        return frozenset(item["category"] for item in self._profile.get("affinities") or ())

    def _bought_before(self, times: int, days: int, gap: int) -> dict[str, Any]:
        if gap > 0 and DUE_FROM * gap <= days <= DUE_UNTIL * gap:
            return self._say("due_again", gap=gap, days=days)
        if times == 1:
            return self._say("bought_before", words="bought_once", days=days)
        return self._say("bought_before", times=times, days=days)

    def _evidence(self, product: int) -> list[int]:
        """What the customer bought among the products similar to this one, the nearest first."""
        if not self._bought:
            return []
        neighbours = self._release.similar(product)[0].tolist()
        return [neighbour for neighbour in neighbours if neighbour in self._bought][:EVIDENCE_PRODUCTS]

    def _because(self, code: str, evidence: list[int]) -> dict[str, Any]:
        table = self._release.products
        answer = self._say(code, name=table.name(evidence[0]))
        answer["because_product_ids"] = [table.id(product) for product in evidence]
        return answer

    def _say(self, code: str, words: str | None = None, **values: object) -> dict[str, Any]:
        text = TEXTS[words or code][self._language].format(**values)
        return {"code": code, "text": text, "because_product_ids": []}
