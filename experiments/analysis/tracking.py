"""Each report as an MLflow run: what was planned, the lifts, and the report with its table and charts."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from experiments.analysis.report import Report
from experiments.analysis.tidy import write_csv
from features.mlflow_client import experiment_id, tracking_client
from features.settings import Settings

EXPERIMENT = "huitou-experiments"


def log_report(settings: Settings, report: Report, charts: Mapping[str, Mapping[str, str]]) -> str:
    """Log one run.

    Args:
        settings: where MLflow is.
        report: whose numbers become metrics such as `revenue_d30.offer.lift_abs`.
        charts: name → language → SVG.

    Returns:
        The run's id.

    Raises:
        MissingExtraError: MLflow is not installed.
        NotReadyError: MLflow failed.
    """
    with tracking_client(settings) as client:
        # After the client, which says what is missing where MLflow is not installed.
        from mlflow.entities import Metric, Param, RunTag

        name = f"{report.design.key} through {report.data_through or 'wide outcomes'}"
        experiment = experiment_id(client, settings, EXPERIMENT)
        run = str(client.create_run(experiment, run_name=name).info.run_id)
        stamp = int(report.about.generated_at.timestamp() * 1000)
        client.log_batch(
            run,
            metrics=[Metric(key, value, stamp, 0) for key, value in _numbers(report)],
            params=[Param(key, value) for key, value in _params(report).items()],
            tags=[RunTag("verdict", report.verdict.code.value), RunTag("sentence", report.verdict.en)],
        )
        with TemporaryDirectory() as folder:
            _write_files(Path(folder), report, charts)
            client.log_artifacts(run, folder)
        client.set_terminated(run)
        return run


def _params(report: Report) -> dict[str, str]:
    design = report.design
    planned = design.planned_matured_customers
    return {
        "experiment": design.key,
        "version": str(report.about.version or ""),
        "rule": design.rule,
        "alpha": str(design.alpha),
        "planned_matured_customers": "" if planned is None else str(planned),
        "primary": design.primary_key,
        "simulated": str(report.about.simulated).lower(),
    }


def _numbers(report: Report) -> Iterator[tuple[str, float]]:
    yield "sample_ratio.p_value", report.ratio.p_value
    yield "exposed", float(report.exposed.customers)
    for result in report.metrics:
        for variant in result.variants:
            found = variant.estimate
            if found is not None:
                name = f"{result.metric.key}.{variant.variant}"
                yield f"{name}.lift_abs", found.lift_abs
                yield f"{name}.low", found.ci_abs[0]
                yield f"{name}.high", found.ci_abs[1]
                yield f"{name}.p_value", found.p_value


def _write_files(folder: Path, report: Report, charts: Mapping[str, Mapping[str, str]]) -> None:
    body: dict[str, Any] = report.to_dict()
    (folder / "report.json").write_text(
        json.dumps(body, ensure_ascii=False, allow_nan=False), encoding="utf-8"
    )
    for name, table in report.tables().items():
        write_csv(table, folder / f"{name}.csv")
    for name, languages in charts.items():
        for language, svg in languages.items():
            (folder / f"{name}.{language}.svg").write_text(svg, encoding="utf-8")
