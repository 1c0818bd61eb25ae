"""The judge: every model, every candidate, every customer with a target. Full ranking, never sampled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from features.columns import TASKS
from features.ranking.top_n import Keep, top_n
from training.judgement import Judgement, TaskValues
from training.models.base import Recommender
from training.ranking_metrics import METRICS, ranking_metrics
from training.split import Window

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

K = 20
# Candidates of a task, and therefore its targets: `repeat` is what the customer bought before the cut.
KEEP: dict[str, Keep] = {"all": "all", "repeat": "seen", "discover": "unseen"}
# Cells of the scores of one model and block: 8 MB of float32, for each model and thread.
BLOCK_CELLS = 2_000_000

Scores = dict[str, NDArray[np.float32]]
T = TypeVar("T")


@dataclass(frozen=True)
class Block:
    """Some customers of a window with the scores of every model.

    Attributes:
        customers: int32[m], rows of the window's matrices.
        scores: model name → float32[m, products].
    """

    customers: NDArray[np.int32]
    scores: Scores


def map_blocks(
    window: Window, models: Mapping[str, Recommender], threads: int, work: Callable[[Block], T]
) -> list[T]:
    """Run `work` on blocks of the customers with a target, in order, so that memory stays bounded."""
    customers = np.flatnonzero(np.diff(window.targets.indptr)).astype(np.int32)
    step = max(1, BLOCK_CELLS // max(1, window.past.shape[1]))

    def run(start: int) -> T:
        block = customers[start : start + step]
        return work(Block(block, {name: model.score(block) for name, model in models.items()}))

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(0, len(customers), step)))


def judge(
    window: Window, models: Mapping[str, Recommender], threads: int, tasks: Sequence[str] = TASKS
) -> Judgement:
    """Judge fitted models on a window.

    Returns:
        For each task the metrics at K of every customer with a target of it, by model.
    """
    targets = {task: task_targets(window, task) for task in tasks}
    blocks = map_blocks(
        window,
        models,
        threads,
        lambda block: {task: _judge_block(window, block, targets[task], task) for task in tasks},
    )
    return {task: _join(window, models, [block[task] for block in blocks]) for task in tasks}


def task_targets(window: Window, task: str) -> csr_matrix:
    """bool CSR of the window's shape: the targets that count for a task."""
    if task == "all":
        return window.targets
    repeats = window.targets.multiply(window.past.matrix.astype(bool)).tocsr()
    chosen = (
        repeats if task == "repeat" else (window.targets.astype(np.int8) - repeats.astype(np.int8)).tocsr()
    )
    chosen.eliminate_zeros()
    return chosen.astype(bool)


def find_hits(products: NDArray[np.int32], targets: csr_matrix) -> NDArray[np.bool_]:
    """bool[m, k]: whether each listed product is a target; -1 is none.

    Args:
        products: int32[m, k], recommended products.
        targets: CSR with m rows.
    """
    width = targets.shape[1]
    bought = np.repeat(np.arange(len(products)), np.diff(targets.indptr)) * width + targets.indices
    listed = np.arange(len(products))[:, None] * width + products
    return np.isin(listed, bought) & (products >= 0)


def _judge_block(
    window: Window, block: Block, targets: csr_matrix, task: str
) -> tuple[NDArray[np.int32], dict[str, NDArray[np.float64]]]:
    """The customers of the block with a target of the task, and each model's metrics of them."""
    wanted = targets[block.customers]
    counts = np.diff(wanted.indptr)
    has_target = counts > 0
    values = {}
    for name, scores in block.scores.items():
        listed = top_n(scores, K, seen=window.seen(block.customers), keep=KEEP[task]).product
        values[name] = ranking_metrics(find_hits(listed, wanted)[has_target], counts[has_target])
    return block.customers[has_target], values


def _join(
    window: Window,
    models: Mapping[str, Recommender],
    blocks: Sequence[tuple[NDArray[np.int32], dict[str, NDArray[np.float64]]]],
) -> TaskValues:
    ids = window.past.customers.ids
    nothing = np.empty((0, len(METRICS)))
    return TaskValues(
        customers=tuple(ids[i] for customers, _ in blocks for i in customers),
        models={name: np.concatenate([nothing, *(values[name] for _, values in blocks)]) for name in models},
    )
