"""Which model goes into the next release: one registered model per placement, its alias `champion`.

A version holds a model's name and parameters, no fitted arrays: fitting again takes seconds, always uses the
newest purchases, and keeps customers' data out of the registry.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from features.columns import PERSONAL_PLACEMENTS, TASK_OF_PLACEMENT
from features.errors import DataError, NotReadyError
from features.mlflow_client import experiment_id, tracking_client
from features.settings import Settings
from training.models.registry import ModelSpec

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class Champion:
    """What an alias points to.

    Attributes:
        placement: home, buy_again or discover.
        version: of the registered model.
        spec: which model with which parameters.
        run_id: the run that judged it.
    """

    placement: str
    version: str
    spec: ModelSpec
    run_id: str


def registered_name(placement: str) -> str:
    """The registered model of a placement.

    Raises:
        DataError: there is no such placement.
    """
    if placement not in PERSONAL_PLACEMENTS:
        raise DataError(
            f"There is no placement named {placement!r}.", f"Known: {', '.join(PERSONAL_PLACEMENTS)}."
        )
    return f"huitou-{placement}"


def champions(settings: Settings) -> dict[str, Champion]:
    """The champion of each placement that has one."""
    with tracking_client(settings) as client:
        return read_champions(client)


def read_champions(client: MlflowClient) -> dict[str, Champion]:
    """As `champions`, with a client at hand."""
    found = {p: _by_alias(client, p, CHAMPION) for p in PERSONAL_PLACEMENTS}
    return {placement: champion for placement, champion in found.items() if champion is not None}


def register(client: MlflowClient, placement: str, spec: ModelSpec, run_id: str, alias: str) -> Champion:
    """Make a new version of a placement's model and give it an alias; an equal version is used again."""
    from mlflow.exceptions import MlflowException

    name = registered_name(placement)
    try:
        client.create_registered_model(name, description=f"What fills the placement {placement}.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    held = _by_alias(client, placement, alias)
    if held is not None and held.spec == spec and held.run_id == run_id:
        return held
    client.log_dict(run_id, spec.model_dump(mode="json"), f"{placement}/recommender.json")
    version = client.create_model_version(
        name,
        source=f"{client.get_run(run_id).info.artifact_uri}/{placement}",
        run_id=run_id,
        tags={"model": spec.model, "spec": spec.model_dump_json()},
    )
    _set_alias(client, placement, str(version.version), alias)
    return Champion(placement, str(version.version), spec, run_id)


def promote(
    settings: Settings, placement: str, version: str | None = None, model: str | None = None
) -> Champion:
    """Make a version, or a model as the newest training judged it, the champion of a placement.

    Args:
        settings: where MLflow is.
        placement: home, buy_again or discover.
        version: of the placement's registered model; an older one is the way back.
        model: name of a model of the newest training run.

    Raises:
        DataError: not exactly one of version and model is given, or there is none like it.
        NotReadyError: nothing was trained yet.
    """
    registered_name(placement)
    if (version is None) == (model is None):
        raise DataError("Say what to promote.", "Give either --version or --model.")
    with tracking_client(settings) as client:
        if model is not None:
            spec, run_id = _newest_run(client, settings, placement, model)
            return register(client, placement, spec, run_id, CHAMPION)
        chosen = _by_version(client, placement, str(version))
        _set_alias(client, placement, chosen.version, CHAMPION)
        return chosen


def _set_alias(client: MlflowClient, placement: str, version: str, alias: str) -> None:
    name = registered_name(placement)
    client.set_registered_model_alias(name, alias, version)
    challenger = _by_alias(client, placement, CHALLENGER)
    if alias == CHAMPION and challenger is not None and challenger.version == version:
        client.delete_registered_model_alias(name, CHALLENGER)


def _by_alias(client: MlflowClient, placement: str, alias: str) -> Champion | None:
    # Asked by search, because a registry without the model or alias answers with an error of several kinds.
    for model in client.search_registered_models(f"name = '{registered_name(placement)}'"):
        if alias in model.aliases:
            return _by_version(client, placement, str(model.aliases[alias]))
    return None


def _by_version(client: MlflowClient, placement: str, version: str) -> Champion:
    name = registered_name(placement)
    versions = {str(v.version): v for v in client.search_model_versions(f"name = '{name}'")}
    if version not in versions:
        known = ", ".join(sorted(versions, key=int)) or "none yet; run: huitou train"
        raise DataError(f"{name} has no version {version}.", f"Versions: {known}.")
    found = versions[version]
    if "spec" not in found.tags:
        raise DataError(
            f"Version {version} of {name} was not made by Huitou: it has no tag `spec`.",
            "Promote another version.",
        )
    return Champion(placement, version, ModelSpec.model_validate_json(found.tags["spec"]), found.run_id or "")


def _newest_run(
    client: MlflowClient, settings: Settings, placement: str, model: str
) -> tuple[ModelSpec, str]:
    """The parameters with which the newest training judged a model on the placement's task."""
    experiment = experiment_id(client, settings)
    runs = client.search_runs([experiment], order_by=["attributes.start_time DESC"], max_results=200)
    nested = [run for run in runs if "mlflow.parentRunId" in run.data.tags and "model" in run.data.tags]
    if not nested:
        raise NotReadyError("Nothing was trained yet.", "Run: huitou train --as-of DATE")
    newest = nested[0].data.tags["mlflow.parentRunId"]
    siblings = {r.data.tags["model"]: r for r in nested if r.data.tags["mlflow.parentRunId"] == newest}
    task = TASK_OF_PLACEMENT[placement]
    if model not in siblings:
        raise DataError(
            f"The newest training judged no model named {model!r}.",
            f"It judged: {', '.join(sorted(siblings))}.",
        )
    run = siblings[model].info.run_id
    from mlflow.artifacts import load_text

    specs = json.loads(load_text(f"{siblings[model].info.artifact_uri}/parameters.json"))
    if task not in specs:
        raise DataError(f"{model} was not judged on {task}.", "Promote another model.")
    return ModelSpec(model=model, params=specs[task]), run
