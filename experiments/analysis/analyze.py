"""An experiment analysed from tables: the Python API behind `huitou experiment analyze`.

from experiments.analysis.analyze import analyze
report = analyze(load_design(path), exposures, outcomes, zone="Asia/Shanghai", now=now)
report.table()     # tidy Arrow table, one row a metric and variant
report.verdict.en  # one sentence
"""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from experiments.analysis import wording
from experiments.analysis.comparisons import segment_results, whole_results
from experiments.analysis.decision import Progress, decide
from experiments.analysis.exposed import Exposed, load_exposed
from experiments.analysis.measure import Measured, Segment, measure, segment_column
from experiments.analysis.notes import notes
from experiments.analysis.order_log import is_order_log, join_order_log
from experiments.analysis.outcomes import join_wide
from experiments.analysis.power import days_needed
from experiments.analysis.report import MetricResult, Report
from experiments.analysis.sample_ratio import sample_ratio
from experiments.analysis.sources import Source, Table, open_table
from experiments.design import Design
from features.errors import DataError
from features.tables.duckdb_engine import DuckDBEngine

NOTHING_MISSING: Mapping[str, int] = {"without_outcome": 0, "orders_without_customer": 0}


def analyze(
    design: Design,
    exposures: Table,
    outcomes: Table,
    customers: Table | None = None,
    by: str | None = None,
    *,
    zone: str,
    now: datetime,
) -> Report:
    """Judge an experiment.

    Args:
        design: what was planned.
        exposures: customer_id, variant[, exposed_at]; a Parquet or CSV file, or an Arrow table.
        outcomes: wide (customer_id and one column a metric; no row means 0) or an order log (customer_id,
            ordered_at, amount), recognised by `ordered_at`.
        customers: customer_id and columns known before exposure: segments and covariates.
        by: a column of customers or exposures to cut every metric by.
        zone: the shop's time zone, which decides local days.
        now: the moment of the analysis, with its zone; nothing in the tables may lie after its local day.

    Raises:
        DataError: a table breaks the contract; the message names table, column and customer.
    """
    today = now.astimezone(ZoneInfo(zone)).date()
    with DuckDBEngine() as engine:
        exposure_source = open_table(engine, "exposures", exposures, "exposures")
        outcome_source = open_table(engine, "outcomes", outcomes, "outcomes")
        customer_source = (
            None if customers is None else open_table(engine, "customers", customers, "customers")
        )
        kept, segment_sql = segment_column(by, exposure_source, customer_source)
        exposed = load_exposed(engine, exposure_source, design, by=kept, zone=zone, today=today)
        metrics = design.described_metrics()
        if is_order_log(outcome_source):
            _need_exposed_at(exposure_source)
            joined = join_order_log(engine, metrics, outcome_source, customer_source, zone=zone, today=today)
        else:
            joined = join_wide(metrics, outcome_source, customer_source)
        measured = measure(engine, metrics, joined, exposed, segment_sql)
    # In an order log, no order is an outcome; in a wide table, no row is a gap that was filled.
    absent = 0 if joined.newest_day else measured.without_outcome
    return build_report(
        design,
        exposed,
        measured.metrics,
        by=by,
        segments=measured.segments,
        newest_day=joined.newest_day,
        counts={"without_outcome": absent, "orders_without_customer": joined.orders_without_customer},
    )


def _need_exposed_at(exposures: Source) -> None:
    if "exposed_at" not in exposures.columns:
        raise DataError(
            f"{exposures.label} has no column 'exposed_at', and orders count from the day of exposure.",
            "Add exposed_at, or give outcomes with one row a customer.",
        )


def build_report(
    design: Design,
    exposed: Exposed,
    measured: tuple[Measured, ...],
    *,
    by: str | None = None,
    segments: tuple[Segment, ...] = (),
    newest_day: date | None = None,
    counts: Mapping[str, int] = NOTHING_MISSING,
) -> Report:
    """Everything after the sums: estimates, corrections, verdict and notes; sees no table.

    Args:
        design: what was planned.
        exposed: who was exposed.
        measured: the sums of every metric.
        by: what the segments are of; None: no cut.
        segments: the segments to report.
        newest_day: local day of the newest order, where outcomes come from an order log.
        counts: customers `without_outcome` in a wide table, and `orders_without_customer`.
    """
    ratio = sample_ratio(list(exposed.variants.values()), list(design.weights.values()))
    metrics = whole_results(design, measured)
    cut = segment_results(design, measured, by, segments) if by is not None else ()
    primary = next(result for result in metrics if result.metric.key == design.primary_key)
    progress = _progress(design, primary, exposed, newest_day)
    decision = decide(design, metrics, ratio, progress)
    return Report(
        design=design,
        exposed=exposed,
        ratio=ratio,
        metrics=metrics,
        segments=cut,
        verdict=wording.verdict(decision, design, primary, ratio, progress),
        notes=notes(design, exposed, metrics, counts),
    )


def _progress(design: Design, primary: MetricResult, exposed: Exposed, newest_day: date | None) -> Progress:
    """How far the experiment is, in customers and, where exposures carry time, in days."""
    planned, first, last = design.planned_matured_customers, exposed.first_day, exposed.last_day
    if first is None or last is None:
        return Progress(primary.customers, planned, None, None)
    newest = max(last, newest_day) if newest_day is not None else last
    days = (newest - first).days + 1
    if planned is None:
        return Progress(primary.customers, planned, days, None)
    per_day = exposed.customers / ((last - first).days + 1)
    # A window of N days closes on the day after its last one.
    window = primary.metric.window_days + 1 if newest_day is not None else 0
    left = days_needed(planned, per_day, window) - days
    return Progress(primary.customers, planned, days, left if left > 0 else None)
