"""How good a ranked list is, for each customer. Averages and intervals are made elsewhere.

With h hits among the first k products and n targets of a customer:

    recall@k         h / n
    recall_capped@k  h / min(k, n)            reaches 1 also for who buys more than k products
    ndcg@k           Σ hit_i / log2(i + 1)    over the same sum for min(k, n) hits at the top
                     (Järvelin & Kekäläinen 2002, binary gains)
"""

import numpy as np
from numpy.typing import NDArray

METRICS = ("recall", "recall_capped", "ndcg")


def metric_names(k: int) -> tuple[str, ...]:
    """The names in tables and JSON, such as `ndcg@20`."""
    return tuple(f"{name}@{k}" for name in METRICS)


def ranking_metrics(hits: NDArray[np.bool_], targets: NDArray[np.integer]) -> NDArray[np.float64]:
    """Every metric of every customer.

    Args:
        hits: bool[m, k], whether the i-th recommended product was bought.
        targets: int[m], how many products were bought at all; at least 1 each.

    Returns:
        float64[m, 3], columns in the order of METRICS.
    """
    k = hits.shape[1]
    found = hits.sum(axis=1)
    reachable = np.minimum(k, targets)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    best = np.cumsum(discount)[reachable - 1]
    return np.stack([found / targets, found / reachable, (hits @ discount) / best], axis=1)
