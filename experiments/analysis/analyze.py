"""An experiment analysed from tables: the Python API behind `huitou experiment analyze`.

from experiments.analysis.analyze import analyze
report = analyze(load_design(path), exposures, outcomes, zone="Asia/Shanghai", now=now)
report.table()     # tidy Arrow table, one row a metric and variant
report.tables()    # every part of the report, by name
report.verdict.en  # one sentence
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from experiments.analysis.comparisons import segment_results, whole_results
from experiments.analysis.cumulative import cumulative
from experiments.analysis.decision import decide
from experiments.analysis.evidence import Evidence, gather
from experiments.analysis.exposed import Exposed, load_exposed
from experiments.analysis.guardrails import guardrails
from experiments.analysis.measure import segment_column
from experiments.analysis.money import annual_margin, offer_returns
from experiments.analysis.notes import notes
from experiments.analysis.order_log import is_order_log, join_order_log
from experiments.analysis.outcomes import join_wide
from experiments.analysis.progress import progress_of
from experiments.analysis.report import About, Report, Sections
from experiments.analysis.results import MetricResult
from experiments.analysis.retention import retention
from experiments.analysis.sample_ratio import sample_ratio
from experiments.analysis.sources import Source, Table, open_table
from experiments.analysis.verdict import explain
from experiments.design import Design
from features.errors import DataError
from features.measures.registry import windowed
from features.tables.duckdb_engine import DuckDBEngine


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
        cuts = {} if by is None else {by: segment_sql}
        evidence = gather(engine, design, metrics, joined, exposed, cuts=cuts, counts={})
    return build_report(design, exposed, evidence, About(now))


def _need_exposed_at(exposures: Source) -> None:
    if "exposed_at" not in exposures.columns:
        raise DataError(
            f"{exposures.label} has no column 'exposed_at', and orders count from the day of exposure.",
            "Add exposed_at, or give outcomes with one row a customer.",
        )


def build_report(
    design: Design, exposed: Exposed, evidence: Evidence, about: About, decided_early: bool = False
) -> Report:
    """Everything after the sums: estimates, corrections, verdict and notes; sees no table.

    Args:
        design: what was planned.
        exposed: who was exposed.
        evidence: the sums.
        about: which experiment it is.
        decided_early: a hybrid was decided before its planned number, so its sequence stays.
    """
    ratio = sample_ratio(list(exposed.variants.values()), list(design.weights.values()))
    metrics = whole_results(design, evidence.measured, decided_early)
    segments = tuple(
        result
        for cut in evidence.cuts
        for result in segment_results(design, cut.measured, cut.by, cut.segments, decided_early)
    )
    primary = next(result for result in metrics if result.metric.key == design.primary_key)
    progress = progress_of(design, primary, exposed, evidence.newest_day, about.closed)
    decision = decide(design, metrics, ratio, progress)
    rails = guardrails(design, metrics)
    newest = evidence.newest_day
    return Report(
        design=design,
        exposed=exposed,
        ratio=ratio,
        metrics=metrics,
        segments=segments,
        guardrails=rails,
        verdict=explain(decision, design, primary, guardrails=rails, ratio=ratio, progress=progress),
        progress=progress,
        sections=_sections(design, exposed, evidence, metrics, decided_early),
        notes=notes(design, exposed, metrics, evidence.counts, about.state == "running"),
        about=about,
        # The day of the newest order is still going on.
        data_through=newest - timedelta(days=1) if newest else None,
    )


def _sections(
    design: Design,
    exposed: Exposed,
    evidence: Evidence,
    metrics: tuple[MetricResult, ...],
    decided_early: bool,
) -> Sections:
    if evidence.newest_day is None:
        return Sections()
    primary = next(result.metric for result in metrics if result.metric.key == design.primary_key)
    margins = (result for result in metrics if _measure_key(result) == "margin")
    margin = next(margins, None)
    offers = evidence.offers
    return Sections(
        retention(design, evidence.life_tables) if evidence.life_tables else None,
        cumulative(design, primary, evidence.daily),
        None if margin is None else annual_margin(margin, exposed.customers),
        None if offers is None else offer_returns(design, offers, decided_early),
    )


def _measure_key(result: MetricResult) -> str | None:
    found = windowed(result.metric.key)
    return None if found is None else found[0].key
