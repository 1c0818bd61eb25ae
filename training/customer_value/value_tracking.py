"""Fits and churn warnings in MLflow, beside the recommenders of the same workspace."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from features.mlflow_client import experiment_id, tracking_client
from features.settings import Settings
from training.customer_value.calibration_chart import save_calibration_chart


def log_value_run(settings: Settings, name: str, result: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    """One run with the numbers of a result as metrics, all of it as JSON, and its calibration chart.

    Args:
        settings: where MLflow is.
        name: of the run.
        result: as the command prints it with --json.
        params: what the run is known by.

    Returns:
        The run's id.

    Raises:
        MissingExtraError: MLflow is not installed.
        NotReadyError: the tracking server or database does not answer.
    """
    with tracking_client(settings) as client:
        from mlflow.entities import Metric, Param

        experiment = experiment_id(client, settings)
        run = str(client.create_run(experiment, tags={"mlflow.runName": name}).info.run_id)
        client.log_batch(
            run,
            metrics=[Metric(key, value, 0, 0) for key, value in _numbers(result).items()],
            params=[Param(key, str(value)) for key, value in params.items()],
        )
        with TemporaryDirectory() as folder:
            path = Path(folder)
            (path / "result.json").write_text(json.dumps(result, indent=1, ensure_ascii=False), "utf-8")
            table = (result.get("holdout") or {}).get("by_frequency")
            if table:
                save_calibration_chart(table, result["model"], settings.shop.locale, path / "calibration.svg")
            client.log_artifacts(run, folder)
        client.set_terminated(run)
    return run


def _numbers(result: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The numbers of a nested result as holdout_baseline_recency_auc and the like."""
    found: dict[str, float] = {}
    for key, value in result.items():
        if isinstance(value, Mapping):
            found |= _numbers(value, f"{prefix}{key}_")
        elif isinstance(value, bool | int | float):
            found[f"{prefix}{key}"] = float(value)
    return found
