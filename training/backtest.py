"""The judge: every model, every candidate, every customer with a target. Full ranking, never sampled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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
BlockValues = tuple[NDArray[np.int32], dict[str, NDArray[np.float64]]]
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


@dataclass(frozen=True)
class RankedBlock:
    """Lists of the customers of a block who have a target of a task.

    Attributes:
        rows: int[r], their rows in the block; customers: int32[r], their rows in the window.
        targets: bool CSR with r rows.
        lists: model name → int32[r, depth], best first; -1 = none.
    """

    rows: NDArray[np.intp]
    customers: NDArray[np.int32]
    targets: csr_matrix
    lists: dict[str, NDArray[np.int32]]


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

    def work(block: Block) -> dict[str, BlockValues]:
        return {task: measure(rank(window, block, task, targets[task], K)) for task in tasks}

    blocks = map_blocks(window, models, threads, work)
    return {task: join(window, models, [block[task] for block in blocks]) for task in tasks}


def rank(window: Window, block: Block, task: str, targets: csr_matrix, depth: int) -> RankedBlock:
    """Each model's best products for the customers of a block who have a target of the task.

    Args:
        window: what is judged; block: of its customers.
        task: all, repeat or discover.
        targets: of the task, CSR of the window's shape.
        depth: length of the lists; with 50, the first 20 are what 20 would have given.
    """
    wanted = targets[block.customers]
    rows = np.flatnonzero(np.diff(wanted.indptr))
    customers = block.customers[rows]
    seen = window.seen(customers)
    lists = {
        name: top_n(scores[rows], depth, seen=seen, keep=KEEP[task]).product
        for name, scores in block.scores.items()
    }
    return RankedBlock(rows, customers, wanted[rows], lists)


def measure(ranked: RankedBlock) -> BlockValues:
    """The customers and each model's metrics of them, from the first K products of its lists."""
    counts = np.diff(ranked.targets.indptr)
    values = {
        name: ranking_metrics(find_hits(products[:, :K], ranked.targets), counts)
        for name, products in ranked.lists.items()
    }
    return ranked.customers, values


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


def join(window: Window, models: Iterable[str], blocks: Sequence[BlockValues]) -> TaskValues:
    """The values of all blocks of a window."""
    ids = window.past.customers.ids
    nothing = np.empty((0, len(METRICS)))
    return TaskValues(
        customers=tuple(ids[i] for customers, _ in blocks for i in customers),
        models={name: np.concatenate([nothing, *(values[name] for _, values in blocks)]) for name in models},
    )
