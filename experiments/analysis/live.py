"""A running experiment analysed from the database and the lake, without files.

from experiments.analysis.live import analyze_experiment
report = analyze_experiment(settings, database, "win-back-offer", now=datetime.now(UTC))
report.tables()["retention"]    # tidy Arrow tables, one a part of the report
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from experiments.analysis.analyze import build_report
from experiments.analysis.evidence import Evidence, gather
from experiments.analysis.exposed import load_exposed
from experiments.analysis.report import About, Report
from experiments.analysis.shop_data import lines_without_margin, load_happened, load_rows
from experiments.analysis.sources import Source
from experiments.analysis.tracking import log_report
from experiments.analysis.windows import HAPPENED, join_windows
from experiments.design import Design, Metric, order_log_metric, read_design
from experiments.running import HOLDOUT_KEY, holdout_design
from features.database.records import ExperimentRecord, Exposure, LogEntry
from features.database.store import Database
from features.errors import DataError, NotReadyError
from features.measures.registry import windowed
from features.settings import Settings
from features.tables.duckdb_engine import DuckDBEngine, open_lake
from features.tables.engine import read_sql
from features.tables.lake import Lake

# What an exposure remembers of its customer, and so what a report may be cut by.
SNAPSHOT = ("tier", "segment", "lifecycle", "placement", "release_id")
EXPOSURES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("variant", pa.string()),
        ("exposed_at", pa.timestamp("us", tz="UTC")),
        *((name, pa.string()) for name in SNAPSHOT),
    ]
)
# Measures that every report has beside those of the design, and the number that must have happened for it.
STANDING = {
    "repeat_purchase": None,
    "orders": None,
    "revenue": None,
    "margin": "margin",
    "order_value": None,
    "return_share": "returned",
    "recommendation_clicks": "recommendation_clicks",
    "recommendation_conversion": "recommendation_clicks",
    "offer_claim_share": "claims",
    "offer_cost": "offer_cost",
}


@dataclass(frozen=True)
class _Experiment:
    design: Design
    record: ExperimentRecord | None
    log: tuple[LogEntry, ...]


def analyze_experiment(
    settings: Settings,
    database: Database,
    key: str,
    by: Sequence[str] = ("tier", "segment"),
    *,
    now: datetime,
    truth: Mapping[str, Any] | None = None,
) -> Report:
    """Judge an experiment on everything that was exposed and loaded so far.

    Args:
        settings: name the lake, the zone and the program holdout.
        database: has the design, exposures, clicks and claims.
        key: of the experiment; `program_holdout` for the holdout.
        by: what to cut by, as it was at exposure: tier, segment, lifecycle, placement, release_id.
        now: the moment of the analysis, with its zone.
        truth: the planted lift of a simulation, `{metric, lift_abs}`, kept beside the result.

    Raises:
        DataError: there is no such experiment, or data contradict it.
        NotReadyError: nobody was exposed yet, or there are no orders.
    """
    experiment = _find(settings, database, key)
    unknown = [column for column in by if column not in SNAPSHOT]
    if unknown:
        raise DataError(f"Exposures do not remember {unknown[0]!r}.", f"Cut by one of {', '.join(SNAPSHOT)}.")
    zone = settings.shop.timezone
    today = now.astimezone(ZoneInfo(zone)).date()
    with open_lake(Lake(settings.lake), threads=settings.training.threads) as engine:
        exposures, without_consent = _load_exposures(engine, database, key)
        exposed = load_exposed(engine, exposures, experiment.design, by=None, zone=zone, today=today)
        happened = load_happened(engine, database, exposed, zone=zone, today=today)
        days = _primary_days(experiment.design)
        totals = _totals(engine)
        metrics = _metrics(experiment.design, days, totals)
        offers = _offer_return(days) if totals["offer_cost"] else None
        asked = metrics if offers is None else (*metrics, offers)
        joined = join_windows(engine, asked, happened, exposures)
        asks_margin = any(metric.value_column == "margin" for metric in asked)
        evidence = gather(
            engine,
            experiment.design,
            metrics,
            joined,
            exposed,
            cuts={column: exposures.text(column) for column in by},
            counts={
                "without_consent": without_consent,
                "lines_without_margin": lines_without_margin(engine, days) if asks_margin else 0,
            },
            offers=offers,
        )
    evidence = _with_those_after_stop(experiment, evidence, zone)
    about = _about(experiment, now, truth)
    return build_report(experiment.design, exposed, evidence, about, _early(experiment, evidence, zone))


def keep_report(
    settings: Settings,
    database: Database,
    key: str,
    *,
    now: datetime,
    actor: str,
    truth: Mapping[str, Any] | None = None,
) -> tuple[Report, dict[str, Any]]:
    """Analyse, draw and store a report.

    Args:
        settings, database, key, now, truth: as `analyze_experiment`.
        actor: who asked, for the audit log.

    Returns:
        The report, and its body as stored: `Report.to_dict` with `charts`.

    Raises:
        DataError, NotReadyError: as `analyze_experiment`.
        MissingExtraError: the charts' library is not installed.
    """
    from experiments.analysis.charts import draw_charts

    report = analyze_experiment(settings, database, key, now=now, truth=truth)
    body = report.to_dict()
    body["charts"] = draw_charts(body)
    database.experiments.add_report(
        key,
        report.about.version or 1,
        json.dumps(body, ensure_ascii=False, allow_nan=False),
        now,
        data_through=report.data_through,
        actor=actor,
    )
    return report, body


def store_report(
    settings: Settings,
    database: Database,
    key: str,
    *,
    now: datetime,
    actor: str,
    truth: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`keep_report`, then an MLflow run if `mlflow.log_reports` says so; returns the body.

    Raises:
        DataError, NotReadyError: as `keep_report`; also if MLflow fails, when the report is stored already.
        MissingExtraError: likewise, if a library is not installed.
    """
    report, body = keep_report(settings, database, key, now=now, actor=actor, truth=truth)
    if settings.mlflow.log_reports:
        log_report(settings, report, body["charts"])
    return body


def _find(settings: Settings, database: Database, key: str) -> _Experiment:
    record = database.experiments.get(key)
    if record is not None:
        return _Experiment(read_design(record.design), record, tuple(database.experiments.log(key)))
    if key == HOLDOUT_KEY:
        holdout = holdout_design(settings.experiments)
        if holdout is None:
            raise DataError("There is no program holdout.", "Set experiments.holdout_share above 0.")
        return _Experiment(holdout, None, ())
    raise DataError(f"There is no experiment {key!r}.", "See `huitou experiment list`.")


def _load_exposures(engine: DuckDBEngine, database: Database, key: str) -> tuple[Source, int]:
    """The table `exposures`, without customers who no longer agree to personalization, who are counted."""
    load_rows(engine, "exposure_log", EXPOSURES, _exposure_rows(database, key))
    counted = engine.query("SELECT COUNT(*) AS n FROM exposure_log").to_pylist()[0]["n"]
    if not counted:
        raise NotReadyError(
            f"The experiment {key!r} has no exposures yet.",
            "Start it, let the server serve customers, and look again.",
        )
    engine.execute(
        f"""CREATE TEMP TABLE exposures AS SELECT * FROM exposure_log WHERE customer_id NOT IN (
            SELECT customer_id FROM ({read_sql("consent")}) AS answers WHERE NOT personalization)"""  # noqa: S608
    )
    left_out = engine.query(
        """SELECT (SELECT COUNT(DISTINCT customer_id) FROM exposure_log)
            - (SELECT COUNT(DISTINCT customer_id) FROM exposures) AS n"""
    ).to_pylist()[0]["n"]
    columns = {
        row["column_name"]: row["column_type"] for row in engine.query("DESCRIBE exposures").to_pylist()
    }
    return Source("exposures", f"The log of exposures of {key!r}", columns), int(left_out)


def _exposure_rows(database: Database, key: str) -> Iterator[list[tuple[object, ...]]]:
    def row(exposure: Exposure) -> tuple[object, ...]:
        snapshot = (getattr(exposure, name) for name in SNAPSHOT)
        return (exposure.customer_id, exposure.variant, exposure.exposed_at, *snapshot)

    for batch in database.experiments.exposure_batches(key):
        yield [row(exposure) for exposure in batch]


def _totals(engine: DuckDBEngine) -> dict[str, float]:
    """What happened at all to the exposed customers, each number summed over everybody and every day."""
    wanted = sorted(name for name in STANDING.values() if name is not None)
    sums = ", ".join(f"COALESCE(SUM({name}), 0) AS {name}" for name in dict.fromkeys(wanted))
    return dict(engine.query(f"SELECT {sums} FROM {HAPPENED}").to_pylist()[0])  # noqa: S608


def _primary_days(design: Design) -> int:
    return next(m.window_days for m in design.described_metrics() if m.key == design.primary_key)


def _metrics(design: Design, days: int, totals: Mapping[str, float]) -> tuple[Metric, ...]:
    """The design's metrics, then the standing measures over the primary window that have something to say."""
    found = {metric.key: metric for metric in design.described_metrics()}
    for name, number in STANDING.items():
        standing = order_log_metric(f"{name}_d{days}")
        if standing is not None and (number is None or totals[number]):
            found.setdefault(standing.key, standing)
    own = {metric.key for metric in design.metrics}
    return tuple(metric if metric.key in own else adjusted(metric) for metric in found.values())


def adjusted(metric: Metric) -> Metric:
    """A measure of the registry with its covariate: what the customer bought in the 28 days before."""
    found = windowed(metric.key)
    return metric if found is None else metric.model_copy(update={"covariate": found[0].covariate})


def _offer_return(days: int) -> Metric:
    return Metric(key=f"offer_return_d{days}", kind="ratio", column="margin", denominator="offer_cost")


def _about(experiment: _Experiment, now: datetime, truth: Mapping[str, Any] | None) -> About:
    record = experiment.record
    if record is None:
        return About(now, state="running")
    return About(now, record.version, record.simulated, truth, experiment.log, record.state)


def _with_those_after_stop(experiment: _Experiment, evidence: Evidence, zone: str) -> Evidence:
    """Count the matured customers who had the variant for a part of their window only."""
    stopped_at = None if experiment.record is None else experiment.record.stopped_at
    if stopped_at is None:
        return evidence
    days = _primary_days(experiment.design)
    whole = evidence.matured_on(stopped_at.astimezone(ZoneInfo(zone)).date(), days)
    partly = evidence.matured_on(date.max, days) - whole
    return replace(evidence, counts={**evidence.counts, "window_after_stop": partly})


def _early(experiment: _Experiment, evidence: Evidence, zone: str) -> bool:
    """Whether it was decided before its planned number had matured."""
    record, design = experiment.record, experiment.design
    if record is None or record.decided_at is None or design.planned_matured_customers is None:
        return False
    decided_on: date = record.decided_at.astimezone(ZoneInfo(zone)).date()
    return evidence.matured_on(decided_on, _primary_days(design)) < design.planned_matured_customers
