"""How well scores tell two kinds of customers apart, with intervals that respect repeated customers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from training.customer_value.summary import Floats


@dataclass(frozen=True)
class Judged:
    """Scores of some customers at one date, and what became true.

    Attributes:
        customer: int64[n], which customer, the same number at every date.
        score: float64[n], higher = more likely.
        happened: bool[n].
    """

    customer: NDArray[np.int64]
    score: Floats
    happened: NDArray[np.bool_]


def auc(score: Floats, happened: NDArray[np.bool_]) -> float | None:
    """Probability that a customer to whom it happened scores above one to whom it did not, ties half.

    None where it happened to all or to none.
    """
    with_it = int(happened.sum())
    without = len(happened) - with_it
    if not with_it or not without:
        return None
    ranks = rankdata(score)
    return float((ranks[happened].sum() - with_it * (with_it + 1) / 2) / (with_it * without))


def correlation(first: Floats, second: Floats) -> float | None:
    """Pearson's r, None where one of the two is constant."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def auc_difference(
    ours: Sequence[Judged], baseline: Sequence[Judged], confidence: float = 0.95
) -> tuple[float, tuple[float, float]] | None:
    """Difference of two AUCs on the same customers, averaged over dates, and its interval.

    DeLong, DeLong & Clarke-Pearson (1988), with the components of a customer who is judged at several dates
    added up before they are squared, because they are not independent.

    Args:
        ours, baseline: one entry per date, the same customers in the same order.
        confidence: of the interval.

    Returns:
        The difference (ours − baseline) and the interval; None where it happened to all or to none at every
        date.
    """
    differences, customers, components = [], [], []
    for mine, theirs in zip(ours, baseline, strict=True):
        if mine.happened.all() or not mine.happened.any():
            continue
        (my_auc, my_parts), (their_auc, their_parts) = _delong(mine), _delong(theirs)
        differences.append(my_auc - their_auc)
        customers.append(mine.customer)
        components.append(my_parts - their_parts)
    if not differences:
        return None
    _, place = np.unique(np.concatenate(customers), return_inverse=True)
    per_customer = np.bincount(place, np.concatenate(components)) / len(differences)
    error = float(np.sqrt(np.sum(per_customer**2)))
    middle, reach = float(np.mean(differences)), float(norm.ppf((1 + confidence) / 2)) * error
    return middle, (middle - reach, middle + reach)


def _delong(judged: Judged) -> tuple[float, Floats]:
    """AUC, and each customer's influence on it (they add up to 0)."""
    happened, score = judged.happened, judged.score
    with_it = int(happened.sum())
    without = len(happened) - with_it
    ranks = rankdata(score)
    beaten = np.empty(len(score))
    # With it: which share of those without it a customer beats; without it: by which share of those with it
    # a customer is beaten.
    beaten[happened] = (ranks[happened] - rankdata(score[happened])) / without
    beaten[~happened] = 1 - (ranks[~happened] - rankdata(score[~happened])) / with_it
    area = float(beaten[happened].mean())
    return area, (beaten - area) / np.where(happened, with_it, without)
