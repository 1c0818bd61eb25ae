"""A shop's own say in an order that models found: at most so many of a category, some first, some last.

Pure functions over a ranked list; standard library only, because serving runs this for one list at a time.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence


def apply_rules(
    categories: Sequence[str],
    limit: int,
    *,
    max_per_category: int | None = None,
    boost: Mapping[str, float] | None = None,
    bury: Collection[str] = (),
) -> list[int]:
    """Which products to show, in order.

    Places are compared, not scores, because the scores of different sources have different scales. The order
    is stable: products that the rules do not tell apart stay as they were. A product beyond its category's
    maximum is put off, not lost: it comes back when the list would be too short without it.

    Args:
        categories: the category of each product, best product first; empty where unknown, which no rule
            means.
        limit: length of the list.
        max_per_category: how many products of one category the list should hold at most; None: any number.
        boost: category to factor: a product at place 6 with factor 2 ranks as if at place 3; below 1 it ranks
            later.
        bury: categories that come after all others, whatever their factor.

    Returns:
        Distinct positions in `categories`; min(limit, number of products) of them.
    """
    factors = boost or {}

    def rank(place: int) -> tuple[bool, float, int]:
        category = categories[place]
        if not category:
            return False, place + 1, place
        return category in bury, (place + 1) / factors.get(category, 1.0), place

    shown: list[int] = []
    put_off: list[int] = []
    of_category: Counter[str] = Counter()
    for place in sorted(range(len(categories)), key=rank):
        category = categories[place]
        of_category[category] += 1
        full = max_per_category is not None and of_category[category] > max_per_category
        (put_off if full and category else shown).append(place)
    return (shown + put_off)[:limit]
