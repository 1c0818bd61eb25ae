"""What a measure is: a name in both languages, a numerator, a denominator, a window."""

from dataclasses import dataclass
from typing import Literal

# proportion, retention: 0 or 1 a customer (or answer, or ticket); ratio: Σ numerator / Σ denominator, without
# a denominator the sum itself; return: gain per money spent.
Kind = Literal["mean", "proportion", "ratio", "retention", "return"]
Unit = Literal["share", "money", "count", "ratio", "hours", "points", "score"]

# How the report of the whole shop can be split. A trait is the customer's on the report's day; a channel is
# that of the order or visit itself; a month is a window of its own.
TRAITS = ("segment", "tier", "region", "age", "gender")
BY_TRAIT = (*TRAITS, "month")
BY_ALL = (*TRAITS, "channel", "month")
BY_MONTH = ("month",)


@dataclass(frozen=True, slots=True)
class Words:
    """The same text in both languages."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.

    Attributes:
        key: its name in designs, JSON and URLs; with a window it is written `KEY_dN`.
        name: what a page calls it.
        description: what exactly is counted.
        unit: how its values are shown.
        kind: how it is computed.
        numerator: the number of each customer that is summed.
        denominator: a ratio's second number.
        window_days: local days that count unless the key states others; None: no window.
        lower_is_better: whether a fall is a gain.
        covariate: what is known of a customer before the window and explains the numerator, for CUPED.
        winsorise_at: values above this quantile count as the quantile.
        people: the number of customers (or visitors) a value of the shop's report is about, which is withheld
            where they are few; None: not in that report, which is about experiments only.
        splits: by what the shop's report may split it.
        needs: what the lake must hold (`features.measures.needs`).
    """

    key: str
    name: Words
    description: Words
    unit: Unit
    kind: Kind
    numerator: str
    denominator: str | None = None
    window_days: int | None = None
    lower_is_better: bool = False
    covariate: str | None = None
    winsorise_at: float | None = None
    people: str | None = None
    splits: tuple[str, ...] = ()
    needs: tuple[str, ...] = ("orders",)
