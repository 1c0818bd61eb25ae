"""Split by time: learn from the days before a cut, be judged on the days from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from features.id_map import IdMap
from features.interactions import Interactions
from features.ranking.top_n import Seen
from training.purchases import PurchaseLog, day_number, positions

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Window:
    """One judged window.

    Attributes:
        cut: the first local day of the window; only earlier days are learned from.
        end: the first local day after it.
        past: interactions before the cut. Rows: every customer who bought before the cut, then those with a
            target who did not (they get what a model knows about nobody: the best sellers, and they count).
            Columns: the candidates, products with enough buyers before the cut, best seller first.
        targets: bool CSR, rows and columns as `past`: what was bought in the window.
    """

    cut: date
    end: date
    past: Interactions
    targets: csr_matrix

    def seen(self, customers: np.ndarray) -> Seen:
        """What these customers bought before the cut."""
        rows = self.past.matrix[customers]
        return Seen(rows.indptr, rows.indices)


def split(log: PurchaseLog, cut: date, horizon_days: int, minimum_buyers: int) -> Window:
    """The window of `horizon_days` local days from `cut`.

    Purchases of products that are no candidates (too few buyers before the cut) are not targets.

    Raises:
        NotReadyError: nobody bought anything before the cut.
    """
    from scipy.sparse import csr_matrix

    past = log.before(cut, minimum_buyers, recent_days=horizon_days)
    since = log.day - day_number(cut)
    inside = (since >= 0) & (since < horizon_days)
    to_product = positions(log.products.indices(past.products.ids), len(log.products))
    column = to_product[log.product[inside]]
    buyer = log.customer[inside][column >= 0]
    known = log.customers.indices(past.customers.ids)
    newcomers = np.setdiff1d(buyer, known)
    to_customer = positions(np.concatenate([known, newcomers]), len(log.customers))
    past = _with_customers(past, [log.customers.ids[i] for i in newcomers])
    entries = (np.ones(len(buyer), np.float32), (to_customer[buyer], column[column >= 0]))
    targets = csr_matrix(entries, shape=past.shape)
    targets.sum_duplicates()
    return Window(cut, cut + timedelta(days=horizon_days), past, targets.astype(bool))


def earlier_cuts(cut: date, horizon_days: int, windows: int, first_day: date) -> list[date]:
    """Cuts of the windows that end where the next one begins, latest first, each with a horizon of history.

    Args:
        cut: the last window's cut; it is not among the result.
        windows: how many to return at most; fewer where the history is too short.
        first_day: the first local day with a purchase.
    """
    cuts = [cut - timedelta(days=horizon_days * n) for n in range(1, windows + 1)]
    return [c for c in cuts if (c - first_day).days >= horizon_days]


def _with_customers(past: Interactions, ids: list[str]) -> Interactions:
    from dataclasses import replace

    return replace(past, customers=IdMap([*past.customers.ids, *ids]))
