"""What a measure is: a name in both languages, a numerator, a denominator, a window."""

from dataclasses import dataclass
from typing import Literal

# proportion, retention: 0 or 1 a customer; ratio: Σ numerator / Σ denominator; return: gain per money spent.
Kind = Literal["mean", "proportion", "ratio", "retention", "return"]
Unit = Literal["share", "money", "count", "ratio"]


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
