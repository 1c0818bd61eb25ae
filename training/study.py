"""Fit and judge models: on earlier windows, where everything is chosen, and once on the last."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from features.columns import TASKS
from features.errors import NotReadyError
from training.backtest import judge
from training.blend_weights import Pool, choose_weights, judge_and_pool
from training.judgement import Judgement, TaskValues
from training.models.base import BaseRecommender
from training.models.blend import Blend, BlendParams, Component
from training.models.registry import BASELINE, ModelSpec
from training.purchases import PurchaseLog
from training.split import Window, split

BLEND = "blend"
# Cheap, and what everything else is compared with.
ALWAYS_JUDGED = (BASELINE, "personal_frequency")


class Budget:
    """How long a command may take; it is looked at between models and windows, never inside one.

    Args:
        minutes: None means no limit.
        clock: seconds that only go up.
    """

    def __init__(self, minutes: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.started = clock()
        self.seconds = float("inf") if minutes is None else minutes * 60

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return self.clock() - self.started

    @property
    def left(self) -> float:
        """Seconds until the budget is used up; below zero afterwards."""
        return self.seconds - self.spent


@dataclass(frozen=True)
class Limits:
    """How long a study may take, and where it says what it left out (`note`) and did (`progress`)."""

    budget: Budget
    note: Callable[[str], None]
    progress: Callable[[str], None]


@dataclass(frozen=True)
class Protocol:
    """What makes two studies comparable.

    Attributes:
        horizon_days: length of a window; minimum_buyers: of a candidate before the cut.
        threads: results do not depend on it.
    """

    horizon_days: int
    minimum_buyers: int
    threads: int


@dataclass
class JudgedWindow:
    """A window with its fitted models and what the judge found; blends join later."""

    window: Window
    models: dict[str, BaseRecommender[Any]]
    judgement: Judgement
    pools: Mapping[str, Pool | None] = field(default_factory=dict)


def judge_earlier(
    log: PurchaseLog,
    cuts: Sequence[date],
    specs: Mapping[str, ModelSpec],
    protocol: Protocol,
    limits: Limits,
) -> list[JudgedWindow]:
    """Fit and judge on the earlier windows, latest first.

    Models not begun in the first third of the budget are left out of the whole study, save the two baselines:
    the last window costs as much again, and the blends and MLflow take the rest. A further window is judged
    only if it, the last one and the rest will probably fit.
    """
    budget, note = limits.budget, limits.note
    judged: list[JudgedWindow] = []
    took = 0.0
    for cut in cuts:
        started = budget.spent
        if judged and budget.left < 3 * took:
            note(f"The window from {cut} is left out: the time budget would not allow it.")
            break
        try:
            window = split(log, cut, protocol.horizon_days, protocol.minimum_buyers)
        except NotReadyError as error:
            note(f"The window from {cut} is left out: {error.message}")
            continue
        if window.targets.nnz == 0:
            note(f"The window from {cut} is left out: nobody bought a judged product in it.")
            continue
        names = judged[0].models if judged else specs
        deadline = float("inf") if judged else budget.seconds / 3
        models = _fit(window, [specs[name] for name in names], protocol.threads, limits, deadline)
        judgement, pools = judge_and_pool(window, models, protocol.threads)
        judged.append(JudgedWindow(window, models, judgement, pools))
        took = budget.spent - started
        limits.progress(f"Judged {len(models)} models from {cut} to before {window.end}: {took:.1f} s")
    return judged


def judge_last(
    log: PurchaseLog, cut: date, specs: Sequence[ModelSpec], protocol: Protocol, limits: Limits
) -> JudgedWindow:
    """Fit and judge on the last window. Nothing is chosen here."""
    window = split(log, cut, protocol.horizon_days, protocol.minimum_buyers)
    models = _fit(window, specs, protocol.threads, limits, deadline=float("inf"))
    return JudgedWindow(window, models, judge(window, models, protocol.threads))


def choose_blends(judged: Sequence[JudgedWindow], specs: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
    """The blend of each task, with weights chosen on the given windows; a task without targets has none."""
    blends = {}
    for task in TASKS:
        pools = [pool for one in judged if (pool := one.pools.get(task)) is not None]
        if not pools:
            continue
        weights = choose_weights(pools, list(judged[0].models))
        parts = tuple(
            Component(model=name, weight=weight, params=specs[name].params)
            for name, weight in weights.items()
        )
        params = BlendParams(components=parts).model_dump(mode="json")
        blends[task] = ModelSpec(model=BLEND, params=params)
    return blends


def judge_blends(one: JudgedWindow, blends: Mapping[str, ModelSpec], threads: int) -> Judgement:
    """The window's judgement with each task's blend added, made of the models that are fitted already."""
    complete = dict(one.judgement)
    for task, spec in blends.items():
        blend = Blend.of(one.models, BlendParams(**spec.params))
        found = judge(one.window, {BLEND: blend}, threads, (task,))[task]
        complete[task] = TaskValues(found.customers, {**one.judgement[task].models, **found.models})
    return complete


def _fit(
    window: Window,
    specs: Sequence[ModelSpec],
    threads: int,
    limits: Limits,
    deadline: float,
) -> dict[str, BaseRecommender[Any]]:
    models: dict[str, BaseRecommender[Any]] = {}
    for spec in specs:
        if spec.model not in ALWAYS_JUDGED and limits.budget.spent > deadline:
            limits.note(f"{spec.model} is left out: a third of the time budget is used up.")
            continue
        models[spec.model] = spec.create(threads).fit(window.past)
    return models
