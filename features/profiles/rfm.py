"""RFM: quintiles of recency, frequency and monetary value, and the segment they name.

Quintile: 1 + floor(5 (m − ½) / n), where m is the customer's mean rank, worst first, among the n customers
with a purchase day. Customers with equal values share their mean rank, so **ties are never split**; without
ties each score holds a fifth of the customers. 5 is best. Null: the customer has no purchase day.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.columns import SEGMENTS


@dataclass(frozen=True)
class SegmentRule:
    """A named part of the RFM plane, ends included.

    Attributes:
        segment: one of `columns.SEGMENTS`.
        zh: its name in Chinese.
        en: its name in English.
        recency: lowest and highest recency score, 1..5.
        strength: lowest and highest frequency score + monetary score, 2..10.
    """

    segment: str
    zh: str
    en: str
    recency: tuple[int, int]
    strength: tuple[int, int]


# Every pair of recency and strength meets a rule; the first that fits wins.
SEGMENT_RULES = (
    SegmentRule("champions", "冠军顾客", "Champions", (4, 5), (9, 10)),
    SegmentRule("loyal", "忠诚顾客", "Loyal", (3, 5), (7, 10)),
    SegmentRule("potential_loyal", "潜在忠诚", "Potential loyal", (4, 5), (4, 6)),
    SegmentRule("newcomers", "新面孔", "Newcomers", (4, 5), (2, 3)),
    SegmentRule("needs_attention", "需要关注", "Needs attention", (3, 3), (5, 6)),
    SegmentRule("promising", "有潜力", "Promising", (3, 3), (2, 4)),
    SegmentRule("cannot_lose", "不能失去", "Cannot lose", (1, 2), (8, 10)),
    SegmentRule("at_risk", "流失风险", "At risk", (1, 2), (5, 7)),
    SegmentRule("hibernating", "沉睡", "Hibernating", (1, 2), (2, 4)),
)
SEGMENT_NAMES = {rule.segment: {"zh": rule.zh, "en": rule.en} for rule in SEGMENT_RULES}


def quintiles(values: NDArray[np.float64]) -> NDArray[np.int8]:
    """Scores 1..5, the highest values 5; 0 where a value is NaN.

    Args:
        values: float64[n], larger is better.
    """
    scores = np.zeros(len(values), dtype=np.int8)
    known = ~np.isnan(values)
    _, place, ties = np.unique(values[known], return_inverse=True, return_counts=True)
    last_rank = np.cumsum(ties)
    mean_rank = last_rank - (ties - 1) / 2
    scores[known] = (1 + np.floor(5 * (mean_rank - 0.5) / known.sum()))[place]
    return scores


def segments(
    recency: NDArray[np.int8], frequency: NDArray[np.int8], monetary: NDArray[np.int8]
) -> NDArray[np.int8]:
    """Position in `columns.SEGMENTS` for each customer, int8[n]; -1 where the scores are 0."""
    found: NDArray[np.int8] = _SEGMENT_OF_SCORES[recency, frequency.astype(np.intp) + monetary]
    return found


def _segment_table() -> NDArray[np.int8]:
    """int8[6, 11]: recency score × strength → position of the segment; the first rule that fits wins."""
    table = np.full((6, 11), -1, dtype=np.int8)
    for rule in reversed(SEGMENT_RULES):
        area = np.s_[rule.recency[0] : rule.recency[1] + 1, rule.strength[0] : rule.strength[1] + 1]
        table[area] = SEGMENTS.index(rule.segment)
    return table


_SEGMENT_OF_SCORES = _segment_table()
