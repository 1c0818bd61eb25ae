"""Purchase histories written out, and customers simulated from a known purchase process."""

from typing import Any

import numpy as np
import pyarrow as pa

from training.customer_value.summary import CustomerSummary, PurchaseRows


def history(x: Any, recency: Any, age: Any, monetary_value: Any = None) -> PurchaseRows:
    """Rows of the given frequencies, recencies and T, one customer each."""
    columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, dtype=float)) for v in (x, recency, age)))
    value = None if monetary_value is None else np.atleast_1d(np.asarray(monetary_value, dtype=float))
    return PurchaseRows(*(column.copy() for column in columns), np.ones(len(columns[0])), value)


def simulate(
    rng: np.random.Generator,
    customers: int,
    parameters: tuple[float, float, float, float],
    age: tuple[float, float],
    *,
    leaves: str,
    value: tuple[float, float, float] | None = None,
    horizon: float = 0.0,
) -> tuple[CustomerSummary, np.ndarray, np.ndarray]:
    """Customers of a BG/NBD ("after repeats"), MBG/NBD ("after any") or Pareto/NBD ("in silence") shop.

    Returns:
        Their summary in days, whether each is alive at T, and how often each buys in `horizon` days after T.
    """
    r, alpha, a, b = parameters
    rates = rng.gamma(r, 1 / alpha, customers)
    ages = rng.uniform(*age, customers)
    frequency, recency, alive = np.zeros(customers), np.zeros(customers), np.ones(customers, bool)
    later = np.zeros(customers)
    chance = rng.beta(a, b, customers) if leaves != "in silence" else np.zeros(customers)
    end = np.full(customers, np.inf)
    if leaves == "in silence":
        end = rng.exponential(1 / rng.gamma(a, 1 / b, customers))
    elif leaves == "after any":
        end[rng.random(customers) < chance] = 0.0
    now, active = np.zeros(customers), np.flatnonzero(end > 0)
    while len(active):
        now[active] += rng.exponential(1 / rates[active])
        active = active[now[active] <= np.minimum(end, ages + horizon)[active]]
        seen = active[now[active] <= ages[active]]
        frequency[seen] += 1
        recency[seen] = now[seen]
        later[np.setdiff1d(active, seen)] += 1
        if leaves != "in silence":
            lost = active[rng.random(len(active)) < chance[active]]
            end[lost] = now[lost]
            active = np.setdiff1d(active, lost)
    alive = end > ages
    money = None
    if value is not None:
        p, q, v = value
        scale = rng.gamma(q, 1 / v, customers)
        shape = np.maximum(frequency, 1) * p
        money = np.where(frequency > 0, rng.gamma(shape, 1 / scale) / np.maximum(frequency, 1), np.nan)
    ids = pa.array([f"c{i}" for i in range(customers)])
    return CustomerSummary(ids, frequency, recency, ages, money, "day"), alive, later
