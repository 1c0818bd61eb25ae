"""What `huitou train` and `huitou release build` ask of training."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from features.columns import PERSONAL_PLACEMENTS, TASK_OF_PLACEMENT, TASKS
from features.command_line import Output
from features.errors import DataError, NotReadyError
from features.interactions import Interactions
from features.mlflow_client import tracking_client
from features.settings import Settings
from features.tables.duckdb_engine import open_lake
from features.tables.engine import Engine
from features.tables.lake import Lake
from training.backtest import K
from training.judgement import Bootstrap, Judgement, leaderboard
from training.models.item_knn import ItemKnn
from training.models.registry import BASELINE, MODELS, ModelSpec, default_spec
from training.promotion import CHALLENGER, CHAMPION, Champion, champions, register
from training.purchases import PurchaseLog, newest_day, read_purchases
from training.rows import FittedChampions, SharedFits, rows_for_release, similar_products
from training.selection import Choice, choose_all
from training.split import earlier_cuts
from training.study import (
    ALWAYS_JUDGED,
    BLEND,
    Budget,
    JudgedWindow,
    Limits,
    Protocol,
    choose_blends,
    judge_blends,
    judge_earlier,
    judge_last,
)
from training.tracking import TrainRecord, log_train

Tables = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class TrainResult:
    """What one training found and decided.

    Attributes:
        as_of, cut: the judged window is the days from `cut` to before `as_of`.
        models: task → leaderboard of the last window, best NDCG first.
        validation: the same over the earlier windows, on which everything was chosen.
        chosen_on: cuts of the earlier windows, latest first.
        choices: placement → what was decided, and why.
        notes: what was left out, for people.
    """

    as_of: date
    cut: date
    models: Tables
    validation: Tables
    chosen_on: tuple[date, ...]
    choices: Mapping[str, Choice]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `huitou train --json`."""
        return {
            "as_of": self.as_of.isoformat(),
            "cut": self.cut.isoformat(),
            "models": self.models,
            "validation": {"cuts": [cut.isoformat() for cut in self.chosen_on], "models": self.validation},
            "champion": {placement: choice.model for placement, choice in self.choices.items()},
            "notes": list(self.notes),
        }


def load_interactions(engine: Engine, as_of: date, settings: Settings) -> Interactions:
    """The purchases before a date as models see them.

    Raises:
        NotReadyError: there is no purchase before the date, or no product with enough buyers.
    """
    training = settings.training
    return read_purchases(engine, as_of).before(as_of, training.minimum_buyers, training.horizon_days)


def train(
    settings: Settings,
    as_of: date | None,
    models: Sequence[str] | None,
    output: Output,
    budget_minutes: float | None = None,
) -> TrainResult:
    """Judge models on the days before a date, choose champions on earlier days, record it all in MLflow.

    Args:
        settings: what to use.
        as_of: the first local day after the judged window; None means the day after the newest order.
        models: names of the registry, None for all; the two baselines and the reigning champions are always
            judged too.
        output: where progress goes.
        budget_minutes: time limit, kept by leaving out models and earlier windows, which are named. Baselines
            are always judged, so a limit below the time they take is exceeded.

    Raises:
        DataError: a name is unknown, the list is empty, or the budget is not positive and finite.
        NotReadyError: there are too few purchases before the judged window.
    """
    if budget_minutes is not None and not (math.isfinite(budget_minutes) and budget_minutes > 0):
        raise DataError(f"A budget of {budget_minutes} minutes is no budget.", "Give a positive number.")
    if models is not None and not models:
        raise DataError("The list of models is empty.", f"Known: {', '.join(MODELS)}.")
    for name in models or ():
        default_spec(name, settings.training.seed)
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        output.note(text)

    limits = Limits(Budget(budget_minutes), note, output.note)
    lake = Lake(settings.lake)
    with output.step("train", "Training and judging the recommenders"):
        with open_lake(lake, threads=settings.training.threads) as engine:
            as_of = as_of or newest_day(engine) + timedelta(days=1)
            log = read_purchases(engine, as_of)
        reigning = champions(settings)
        study = _study(settings, log, as_of, _names(models, reigning), limits)
        result = _result(settings, study, reigning, notes)
        _record(settings, lake.fingerprint(), study, result, reigning)
    for placement, choice in result.choices.items():
        output.note(f"{placement}: {choice.reason}")
    return result


def fit_champions(
    engine: Engine, as_of: date, settings: Settings, recommendable: Collection[str]
) -> FittedChampions:
    """Fit the champions of every placement on everything before a date, and rank for every customer.

    Args:
        engine: over the lake.
        as_of: the first local day that is not used.
        settings: what to use.
        recommendable: ids of the products that may be recommended.

    Raises:
        NotReadyError: a placement has no champion yet, or there is no purchase before the date.
    """
    chosen = champions(settings)
    missing = [placement for placement in PERSONAL_PLACEMENTS if placement not in chosen]
    if missing:
        raise NotReadyError(f"No champion was chosen yet for {', '.join(missing)}.", "Run: huitou train")
    interactions = load_interactions(engine, as_of, settings)
    threads = settings.training.threads
    fits = SharedFits(interactions, threads)
    fitted = {placement: fits.fit(chosen[placement].spec) for placement in PERSONAL_PLACEMENTS}
    allowed = set(recommendable)
    valid = np.fromiter((id_ in allowed for id_ in interactions.products.ids), bool)
    rows = rows_for_release(fitted, interactions, valid, settings.release.row_products, threads)
    neighbours = fits.fit(default_spec(ItemKnn.kind, settings.training.seed))
    assert isinstance(neighbours, ItemKnn)  # noqa: S101  the registry says so
    similar = similar_products(neighbours, interactions.shape[1], valid)
    return FittedChampions(
        customers=interactions.customers,
        products=interactions.products,
        rows=rows,
        similar_product=similar.product,
        similar_score=similar.score,
        models={p: {"version": c.version, **c.spec.model_dump(mode="json")} for p, c in chosen.items()},
    )


@dataclass(frozen=True)
class _Study:
    """Everything measured by one training, before any decision about placements."""

    log: PurchaseLog
    as_of: date
    cut: date
    specs: Mapping[str, ModelSpec]
    blends: Mapping[str, ModelSpec]
    earlier: Sequence[JudgedWindow]
    judgements: Sequence[Judgement]
    last: Judgement


def _study(settings: Settings, log: PurchaseLog, as_of: date, names: Sequence[str], limits: Limits) -> _Study:
    """Judge on earlier windows, choose blend weights there, then judge once on the last window."""
    training = settings.training
    protocol = Protocol(training.horizon_days, training.minimum_buyers, training.threads)
    cut = as_of - timedelta(days=training.horizon_days)
    specs = {name: default_spec(name, training.seed) for name in names if name != BLEND}
    cuts = earlier_cuts(cut, training.horizon_days, training.validation_windows, log.first_day)
    if len(cuts) < training.validation_windows:
        limits.note(f"The history allows {len(cuts)} of {training.validation_windows} earlier windows.")
    earlier = judge_earlier(log, cuts, specs, protocol, limits)
    blends = choose_blends(earlier, specs) if BLEND in names else {}
    if BLEND in names and not blends:
        limits.note("The blend is left out: there is no earlier window to choose its weights on.")
    judgements = [judge_blends(one, blends, training.threads) for one in earlier]
    kept = list(earlier[0].models) if earlier else list(specs)
    last = judge_last(log, cut, [specs[name] for name in kept], protocol, limits)
    if last.window.targets.nnz == 0:
        raise NotReadyError(
            f"Nobody bought a judged product from {cut} to before {as_of}.", "Take an earlier --as-of."
        )
    return _Study(
        log, as_of, cut, specs, blends, earlier, judgements, judge_blends(last, blends, protocol.threads)
    )


def _names(models: Sequence[str] | None, reigning: Mapping[str, Champion]) -> list[str]:
    """What is judged, cheap models first: what was asked for, the baselines, who reigns and its parts."""
    wanted = set(models or MODELS) | set(ALWAYS_JUDGED)
    for champion in reigning.values():
        wanted.add(champion.spec.model)
        wanted |= {part["model"] for part in champion.spec.params.get("components", ())}
    return [name for name in MODELS if name in wanted]


def _result(
    settings: Settings, study: _Study, reigning: Mapping[str, Champion], notes: Sequence[str]
) -> TrainResult:
    bootstrap = Bootstrap(settings.training.bootstrap_samples, settings.training.seed)
    holders = {placement: champion.spec.model for placement, champion in reigning.items()}
    return TrainResult(
        as_of=study.as_of,
        cut=study.cut,
        models={task: leaderboard([study.last], task, BASELINE, bootstrap, K) for task in TASKS},
        validation={task: leaderboard(study.judgements, task, BASELINE, bootstrap, K) for task in TASKS},
        chosen_on=tuple(one.window.cut for one in study.earlier),
        choices=choose_all(study.judgements, holders, bootstrap),
        notes=tuple(notes),
    )


def _record(
    settings: Settings,
    fingerprint: str,
    study: _Study,
    result: TrainResult,
    reigning: Mapping[str, Champion],
) -> None:
    """Log runs and set aliases; a champion that was not beaten keeps its version."""
    training = settings.training
    record = TrainRecord(
        as_of=result.as_of,
        cut=result.cut,
        data_fingerprint=fingerprint,
        specs=study.specs,
        blends=study.blends,
        last=result.models,
        validation=result.validation,
        settings={**training.model_dump(), "k": K},
        chosen_on=result.chosen_on,
    )
    with tracking_client(settings) as client:
        runs = log_train(client, settings, record)
        for placement, choice in result.choices.items():
            task = TASK_OF_PLACEMENT[placement]
            for model, alias in ((choice.model, CHAMPION), (choice.challenger, CHALLENGER)):
                held = reigning.get(placement)
                defends = alias == CHAMPION and choice.challenger is not None and held is not None
                if model is not None and not defends and (model, task) in runs:
                    register(client, placement, record.spec(model, task), runs[model, task], alias)
