"""Choose the weights of a blend on validation windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.columns import TASKS
from training.backtest import (
    Block,
    BlockValues,
    K,
    RankedBlock,
    find_hits,
    join,
    map_blocks,
    measure,
    rank,
    task_targets,
)
from training.judgement import Judgement
from training.models.base import Recommender
from training.split import Window

_Floats = NDArray[np.float32]
# A product that no model ranks this high will hardly reach the blend's first K.
POOL_DEPTH = 50
# Below every standardised score: a place of the pool that holds no product.
NOTHING = np.float32(-1e4)
LAST = np.iinfo(np.int32).max
TIE_STEP = np.float32(1e-5)
STEPS = (0.4, 0.2, 0.1, 0.05)
SMALLEST_GAIN = 2e-5  # of NDCG: less than this is noise
SMALLEST_SHARE = 0.04


@dataclass(frozen=True)
class Pool:
    """The products worth ranking for each customer of a window, and where the targets are among them.

    Attributes:
        scores: float32[models, m, width], standardised per customer over all candidates, products ascending;
            NOTHING at the end.
        hit_row, hit_place: int[h], positions of the targets in the pool.
        ideal: float64[m], the DCG of a perfect list.
    """

    scores: NDArray[np.float32]
    hit_row: NDArray[np.intp]
    hit_place: NDArray[np.intp]
    ideal: NDArray[np.float64]

    def ndcg(self, weights: NDArray[np.float64]) -> float:
        """Mean NDCG@K of the weighted sum of scores."""
        total = np.tensordot(weights.astype(np.float32), self.scores, axes=1)
        width = total.shape[1]
        # As in `top_n`, equal scores go to the lower product index, which stands earlier in the pool.
        total -= TIE_STEP * np.arange(width, dtype=np.float32)
        best = np.partition(total, width - min(K, width), axis=1)[:, -K:]
        better = (best[self.hit_row] > total[self.hit_row, self.hit_place][:, None]).sum(axis=1)
        gain = np.where(better < K, 1 / np.log2(better + 2.0), 0.0)
        return float((np.bincount(self.hit_row, gain, len(self.ideal)) / self.ideal).mean())


def judge_and_pool(
    window: Window, models: Mapping[str, Recommender], threads: int
) -> tuple[Judgement, dict[str, Pool | None]]:
    """`judge`, and from the same lists the pool of each task; None where no customer has a target of it."""
    targets = {task: task_targets(window, task) for task in TASKS}

    def work(block: Block) -> dict[str, tuple[BlockValues, _Piece]]:
        spread = [(s.mean(axis=1), s.std(axis=1)) for s in block.scores.values()]
        found = {}
        for task in TASKS:
            ranked = rank(window, block, task, targets[task], POOL_DEPTH)
            found[task] = measure(ranked), _gather(block, ranked, spread)
        return found

    blocks = map_blocks(window, models, threads, work)
    judgement = {task: join(window, models, [block[task][0] for block in blocks]) for task in TASKS}
    return judgement, {task: _stack([block[task][1] for block in blocks]) for task in TASKS}


def choose_weights(pools: Sequence[Pool], models: Sequence[str]) -> dict[str, float]:
    """Weights with the best NDCG@K, averaged over the pools' windows; they sum to 1.

    Coordinate search from the best single model: each weight is moved up or down by a step while that helps,
    with ever smaller steps. Deterministic, a few hundred evaluations, and with a handful of weights for
    thousands of customers there is little to overfit.

    Args:
        pools: one for each validation window.
        models: names, in the order of the pools' first axis.

    Returns:
        Name → weight of the models that stay.
    """

    def quality(weights: NDArray[np.float64]) -> float:
        return float(np.mean([pool.ndcg(weights) for pool in pools]))

    starts = np.eye(len(models))
    weights = max(starts, key=quality)
    best = quality(weights)
    for step in STEPS:
        improved = True
        while improved:
            improved = False
            for move in (*np.eye(len(models)) * step, *-np.eye(len(models)) * step):
                tried = np.maximum(weights + move, 0)
                if tried.sum() == 0 or (tried == weights).all():
                    continue
                if (found := quality(tried)) > best + SMALLEST_GAIN:
                    weights, best, improved = tried, found, True
    share = weights / weights.sum()
    share = np.where(share >= SMALLEST_SHARE, share, 0)
    return {name: round(float(w), 4) for name, w in zip(models, share / share.sum(), strict=True) if w > 0}


@dataclass(frozen=True)
class _Piece:
    """A pool of one block: scores float32[models, m, width], hits bool[m, width], target counts int[m]."""

    scores: NDArray[np.float32]
    hits: NDArray[np.bool_]
    targets: NDArray[np.integer]


def _gather(block: Block, ranked: RankedBlock, spread: Sequence[tuple[_Floats, _Floats]]) -> _Piece:
    """The union of every model's lists, with scores standardised over all products as a blend does it."""
    listed = np.sort(np.concatenate(list(ranked.lists.values()), axis=1), axis=1)
    repeated = np.zeros(listed.shape, bool)
    repeated[:, 1:] = listed[:, 1:] == listed[:, :-1]
    # In ascending order, which `ndcg` relies on for ties, with what is missing at the end.
    listed = np.sort(np.where(repeated | (listed < 0), LAST, listed), axis=1)
    listed = listed[:, : max(K, int((listed < LAST).sum(axis=1).max(initial=0)))]
    exists = listed < LAST
    row = ranked.rows[:, None]
    scores = []
    for score, (mean, deviation) in zip(block.scores.values(), spread, strict=True):
        picked = score[row, np.where(exists, listed, 0)] - mean[row]
        scores.append(np.where(exists, picked / np.where(deviation > 0, deviation, 1)[row], NOTHING))
    hits = find_hits(np.where(exists, listed, -1), ranked.targets)
    return _Piece(np.stack(scores), hits, np.diff(ranked.targets.indptr))


def _stack(pieces: Sequence[_Piece]) -> Pool | None:
    targets = np.concatenate([piece.targets for piece in pieces] or [np.empty(0, np.int64)])
    if not len(targets):
        return None
    width = max(piece.hits.shape[1] for piece in pieces)

    def widen(array: NDArray[np.generic], fill: object) -> NDArray[np.generic]:
        missing = [(0, 0)] * (array.ndim - 1) + [(0, width - array.shape[-1])]
        return np.pad(array, missing, constant_values=fill)  # type: ignore[call-overload, no-any-return]

    scores = np.concatenate([widen(piece.scores, NOTHING) for piece in pieces], axis=1)
    row, place = np.nonzero(np.concatenate([widen(piece.hits, False) for piece in pieces]))
    ideal = np.cumsum(1 / np.log2(np.arange(2.0, K + 2)))[np.minimum(targets, K) - 1]
    return Pool(scores.astype(np.float32), row, place, ideal)
