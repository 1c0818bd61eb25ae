"""MLflow: every run with its parameters, metrics, chart and tables.

MLflow is imported inside functions: it takes seconds, and only training needs it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from features.columns import TASKS
from features.mlflow_client import experiment_id
from features.settings import Settings
from training.leaderboard_chart import save_chart
from training.models.registry import ModelSpec

if TYPE_CHECKING:
    from mlflow import MlflowClient

Tables = Mapping[str, Sequence[Mapping[str, Any]]]  # task → rows of a leaderboard


@dataclass(frozen=True)
class TrainRecord:
    """What one `train` found.

    Attributes:
        as_of, cut: the last window is the days from `cut` to before `as_of`.
        data_fingerprint: of the lake.
        specs: model → parameters; blends: task → the blend chosen for it.
        last: leaderboards of the last window; validation: of the earlier ones together.
        settings: parameters of the protocol.
        chosen_on: cuts of the earlier windows.
    """

    as_of: date
    cut: date
    data_fingerprint: str
    specs: Mapping[str, ModelSpec]
    blends: Mapping[str, ModelSpec]
    last: Tables
    validation: Tables
    settings: Mapping[str, Any]
    chosen_on: Sequence[date]

    def spec(self, model: str, task: str) -> ModelSpec:
        """The parameters with which a model was judged on a task."""
        return self.blends[task] if model == "blend" else self.specs[model]


def log_train(client: MlflowClient, settings: Settings, record: TrainRecord) -> dict[tuple[str, str], str]:
    """One parent run for the training and a nested run for each model.

    Returns:
        (model, task) → id of the nested run; every task of a model has the same one.
    """
    experiment = experiment_id(client, settings)
    parent = _start_run(client, experiment, f"train as of {record.as_of}", record, {})
    _log(client, parent, record.settings, {}, [])
    with TemporaryDirectory() as folder:
        _write_tables(Path(folder), record)
        client.log_artifacts(parent, folder)
    runs: dict[tuple[str, str], str] = {}
    for model in sorted({row["model"] for rows in record.last.values() for row in rows}):
        run = _start_run(client, experiment, model, record, {"mlflow.parentRunId": parent})
        judged = [task for task in TASKS if any(row["model"] == model for row in record.last[task])]
        specs = {task: record.spec(model, task).params for task in judged}
        _log(client, run, _params(specs), {"model": model}, list(_metrics(record, model)))
        client.log_dict(run, specs, "parameters.json")
        client.set_terminated(run)
        runs |= {(model, task): run for task in judged}
    client.set_terminated(parent)
    return runs


def _start_run(
    client: MlflowClient, experiment: str, name: str, record: TrainRecord, tags: dict[str, str]
) -> str:
    about = {
        "mlflow.runName": name,
        "as_of": record.as_of.isoformat(),
        "cut": record.cut.isoformat(),
        "data_fingerprint": record.data_fingerprint,
        "chosen_on": ", ".join(day.isoformat() for day in record.chosen_on) or "no earlier window",
    }
    return str(client.create_run(experiment, tags=about | tags).info.run_id)


def _log(
    client: MlflowClient,
    run: str,
    params: Mapping[str, Any],
    tags: Mapping[str, str],
    metrics: Sequence[tuple[str, float]],
) -> None:
    from mlflow.entities import Metric, Param, RunTag

    client.log_batch(
        run,
        metrics=[Metric(key, value, 0, 0) for key, value in metrics],
        params=[Param(key, str(value)) for key, value in params.items()],
        tags=[RunTag(key, value) for key, value in tags.items()],
    )


def _params(specs: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Parameters as MLflow shows them; a blend has others for each task."""
    first = next(iter(specs.values()))
    if all(params == first for params in specs.values()):
        return {key: json.dumps(value) for key, value in first.items()}
    return {
        f"{task}_{part['model']}_weight": part["weight"]
        for task, params in specs.items()
        for part in params["components"]
    }


def _metrics(record: TrainRecord, model: str) -> Iterator[tuple[str, float]]:
    """Names such as all_recall_capped_at_20 (MLflow allows no @), and the ends of their intervals."""
    for prefix, tables in (("", record.last), ("validation_", record.validation)):
        for task, rows in tables.items():
            for row in rows:
                if row["model"] != model:
                    continue
                for metric, (low, high) in row["ci"].items():
                    name = f"{prefix}{task}_{metric.replace('@', '_at_')}"
                    yield name, row[metric]
                    yield f"{name}_low", low
                    yield f"{name}_high", high


def _write_tables(folder: Path, record: TrainRecord) -> None:
    for name, tables in (("last_window", record.last), ("validation", record.validation)):
        if not any(tables.values()):
            continue
        (folder / f"{name}.json").write_text(json.dumps(tables, indent=1), encoding="utf-8")
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("task", "model", "customers", "metric", "value", "low", "high"))
            for task, rows in tables.items():
                for row in rows:
                    for metric, bounds in row["ci"].items():
                        writer.writerow((task, row["model"], row["customers"], metric, row[metric], *bounds))
    if any(record.last.values()):
        title = f"Judged on {record.cut} to {record.as_of}"
        save_chart(record.last, title, folder / "leaderboard.svg", folder / "leaderboard.png")
