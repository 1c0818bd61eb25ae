"""Membership tiers by spend in a rolling window: up at once, down one step at a review after a grace.

The rule, for one customer:

* *Rolling spend* at the end of a day is the net spend (returns subtract) of that day and the days before
  it, `window_days` in all.
* **Up**: on the very day the rolling spend reaches a line, the customer has that line's tier, however many
  steps that is.
* **Down**: only at a review, by one step, and only if the rolling spend has been below the line of the
  current tier without a break for at least `grace_days`.
* **Reviews** happen on the mornings of the days whose number since 1970-01-01 is a multiple of
  `review_every_days`. The calendar is fixed, so data that arrive later can never move a review.

Hence more spend on any day never gives a lower tier, and nobody falls two steps at one review.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.columns import TIERS
from features.settings import TierSettings

TIER_NAMES: dict[str, dict[str, str]] = {
    "bronze": {"zh": "铜卡", "en": "bronze"},
    "silver": {"zh": "银卡", "en": "silver"},
    "gold": {"zh": "金卡", "en": "gold"},
    "platinum": {"zh": "白金", "en": "platinum"},
}

# Money is counted in the contract's smallest unit, DECIMAL(18,4): whole numbers in float64 add up exactly, so
# the order of the rows cannot change a tier.
UNITS_PER_CURRENCY = 10_000
_NOT_BELOW = np.iinfo(np.int32).max


@dataclass(frozen=True)
class TierRules:
    """The parameters of the rule.

    Attributes:
        lines: rolling spend that reaches silver, gold and platinum, in shop currency, rising.
        window_days: days of spend that count.
        review_every_days: days between two reviews.
        grace_days: days below the line before a step down.
    """

    lines: tuple[float, float, float]
    window_days: int
    review_every_days: int
    grace_days: int

    @classmethod
    def from_settings(cls, settings: TierSettings) -> "TierRules":
        """The rule as the settings state it."""
        return cls(
            lines=(settings.silver_spend_min, settings.gold_spend_min, settings.platinum_spend_min),
            window_days=settings.window_days,
            review_every_days=settings.review_every_days,
            grace_days=settings.grace_days,
        )


@dataclass(frozen=True)
class TierStanding:
    """Where each customer stands on the morning of the as-of day.

    Attributes:
        tier: int8[n_customers], position in `columns.TIERS`.
        spend: float64[n_customers], rolling spend in shop currency.
    """

    tier: NDArray[np.int8]
    spend: NDArray[np.float64]

    @property
    def names(self) -> NDArray[np.str_]:
        """str[n_customers], the tier of each customer."""
        return np.asarray(TIERS)[self.tier]


def tiers_as_of(
    customer: NDArray[np.int32],
    day: NDArray[np.int32],
    amount: NDArray[np.float64],
    *,
    customers: int,
    as_of_day: int,
    rules: TierRules,
) -> TierStanding:
    """Replay the programme from the first day of spend to the morning of the as-of day.

    Only customers whose window changes on a day are touched that day, so the cost is two passes over the rows
    plus one pass over the customers per review.

    Args:
        customer: int32[n], row of each day of spend.
        day: int32[n], local day as a number since 1970-01-01; days from `as_of_day` on are not read.
        amount: float64[n], net spend of that customer on that day in shop currency, at most four decimals.
        customers: how many customers there are.
        as_of_day: the as-of day as a number since 1970-01-01.
        rules: the rule.
    """
    units = np.rint(amount * UNITS_PER_CURRENCY)
    known = np.flatnonzero(day < as_of_day)
    in_time = known[np.argsort(day[known], kind="stable")]
    programme = _Programme(customers, rules)
    customer, day, units = customer[in_time], day[in_time], units[in_time]
    news = _days_with_news(day, as_of_day, rules)
    # Where the rows of each day begin and end, all at once: numpy would convert all rows at each question.
    enters = np.searchsorted(day, np.stack([news, news + 1]))
    leaves = np.searchsorted(day, np.stack([news, news + 1]) - rules.window_days)
    for today, first, last, first_out, last_out in zip(news.tolist(), *enters, *leaves, strict=True):
        entering, leaving = slice(first, last), slice(first_out, last_out)
        programme.add_spend(customer[entering], units[entering])
        programme.add_spend(customer[leaving], -units[leaving])
        programme.close_day(np.concatenate([customer[entering], customer[leaving]]), today)
        if (today + 1) % rules.review_every_days == 0:
            programme.review(today + 1)
    return TierStanding(programme.tier, programme.units / UNITS_PER_CURRENCY)


def _days_with_news(day: NDArray[np.int32], as_of_day: int, rules: TierRules) -> NDArray[np.int32]:
    """Days on which spend enters or leaves a window, and the eves of reviews, in order."""
    if not len(day):
        return np.zeros(0, dtype=np.int32)
    reviews = np.arange(-(-int(day[0]) // rules.review_every_days), as_of_day // rules.review_every_days + 1)
    eves = (reviews * rules.review_every_days - 1).astype(np.int32)
    days = np.unique(np.concatenate([day, day + np.int32(rules.window_days), eves]))
    return days[days < as_of_day]


class _Programme:
    """The state of every customer between two days."""

    def __init__(self, customers: int, rules: TierRules) -> None:
        self.grace_days = rules.grace_days
        self.lines = np.asarray(rules.lines) * UNITS_PER_CURRENCY
        self.units = np.zeros(customers)
        self.tier = np.zeros(customers, dtype=np.int8)
        # First morning of the present unbroken stretch below each line. It only matters to customers who have
        # reached the line before, and reaching it resets it, so the first value is never read.
        self.below_since = np.full((len(self.lines), customers), _NOT_BELOW, dtype=np.int32)

    def add_spend(self, customer: NDArray[np.int32], units: NDArray[np.float64]) -> None:
        np.add.at(self.units, customer, units)

    def close_day(self, touched: NDArray[np.int32], today: int) -> None:
        spend = self.units[touched]
        reached = np.searchsorted(self.lines, spend, side="right").astype(np.int8)
        self.tier[touched] = np.maximum(self.tier[touched], reached)
        for line, since in zip(self.lines, self.below_since, strict=True):
            since[touched] = np.where(spend < line, np.minimum(since[touched], today + 1), _NOT_BELOW)

    def review(self, morning: int) -> None:
        members = np.flatnonzero(self.tier > 0)
        since = self.below_since[self.tier[members] - 1, members]
        # A line that is met has `since` in the far future, so the difference is negative.
        days_below = morning - since.astype(np.int64)
        self.tier[members] -= (days_below >= self.grace_days).astype(np.int8)
