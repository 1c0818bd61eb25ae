"""A report as tidy Arrow tables: one row a statement, one column a number."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import csv

from experiments.analysis.corrections import benjamini_hochberg
from features.errors import DataError

if TYPE_CHECKING:
    from experiments.analysis.report import Report

TEXT, NUMBER, COUNT, DAY = pa.string(), pa.float64(), pa.int64(), pa.date32()


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


METRICS = _schema(
    by=TEXT, segment=TEXT, metric=TEXT, kind=TEXT, variant=TEXT, control=TEXT,
    control_n=COUNT, control_mean=NUMBER, n=COUNT, mean=NUMBER,
    lift_abs=NUMBER, ci_abs_low=NUMBER, ci_abs_high=NUMBER,
    lift_rel=NUMBER, ci_rel_low=NUMBER, ci_rel_high=NUMBER,
    p_value=NUMBER, q_value=NUMBER, significant=pa.bool_(), withheld=TEXT, method=TEXT, level=NUMBER,
)  # fmt: skip
GUARDRAILS = _schema(
    measure=TEXT, margin_relative=NUMBER, variant=TEXT, state=TEXT,
    lift_rel=NUMBER, ci_rel_low=NUMBER, ci_rel_high=NUMBER,
)  # fmt: skip
RETENTION = _schema(variant=TEXT, n=COUNT, day=COUNT, returned=NUMBER, low=NUMBER, high=NUMBER, at_risk=COUNT)
PACE = _schema(
    variant=TEXT, days=COUNT, restricted_mean_difference=NUMBER, ci_low=NUMBER, ci_high=NUMBER,
    p_value=NUMBER, log_rank_p=NUMBER, withheld=TEXT,
)  # fmt: skip
CUMULATIVE = _schema(variant=TEXT, day=DAY, n=COUNT, lift=NUMBER, low=NUMBER, high=NUMBER)
ANNUAL_MARGIN = _schema(
    metric=TEXT,
    customers=COUNT,
    variant=TEXT,
    per_customer=NUMBER,
    value=NUMBER,
    ci_low=NUMBER,
    ci_high=NUMBER,
)
OFFER_RETURN = _schema(
    variant=TEXT, value=NUMBER, ci_low=NUMBER, ci_high=NUMBER,
    margin_difference=NUMBER, cost_difference=NUMBER, withheld=TEXT,
)  # fmt: skip


def metrics_table(report: "Report") -> pa.Table:
    """One row a segment (None: everyone), metric and variant other than the control."""
    rows = list(_metric_rows(report))
    tested = [row for row in rows if row["p_value"] is not None]
    adjusted = benjamini_hochberg([row["p_value"] for row in tested])
    for row, q_value in zip(tested, adjusted, strict=True):
        row["q_value"] = q_value
    return pa.Table.from_pylist(rows, schema=METRICS)


def tables(report: "Report") -> dict[str, pa.Table]:
    """Every part of the report."""
    found = report.sections
    rows: dict[str, tuple[pa.Schema, Iterable[Mapping[str, Any]]]] = {
        "guardrails": (
            GUARDRAILS,
            (
                {"measure": rail.measure, "margin_relative": rail.margin_relative, **_flat(variant.to_dict())}
                for rail in report.guardrails
                for variant in rail.variants
            ),
        ),
        "retention": (
            RETENTION,
            (
                {"variant": arm["variant"], "n": arm["n"], **point}
                for arm in (found.retention.to_dict()["arms"] if found.retention else ())
                for point in arm["curve"]
            ),
        ),
        "pace": (
            PACE,
            (
                {"days": section.days, **_flat(variant.to_dict())}
                for section in ([found.retention] if found.retention else [])
                for variant in section.variants
            ),
        ),
        "cumulative": (
            CUMULATIVE,
            (
                {"variant": line.variant, **point.to_dict(), "day": point.day}
                for line in found.cumulative
                for point in line.points
            ),
        ),
        "annual_margin": (
            ANNUAL_MARGIN,
            (
                {"metric": year.metric, "customers": year.customers, **_flat(variant.to_dict())}
                for year in ([found.annual_margin] if found.annual_margin else [])
                for variant in year.variants
            ),
        ),
        "offer_return": (
            OFFER_RETURN,
            (_flat(variant.to_dict()) for variant in found.offer_return or ()),
        ),
    }
    made = {name: pa.Table.from_pylist(list(each), schema=schema) for name, (schema, each) in rows.items()}
    return {"metrics": metrics_table(report), **made}


def write_csv(table: pa.Table, path: Path) -> None:
    """Write a tidy table as CSV with a header.

    Raises:
        DataError: the file cannot be written.
    """
    try:
        csv.write_csv(table, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}.", "Check --csv.") from None


def _metric_rows(report: "Report") -> Iterator[dict[str, Any]]:
    parts = [(None, None, report.metrics), *((s.by, s.value, s.metrics) for s in report.segments)]
    for by, value, results in parts:
        for result in results:
            for variant in result.variants:
                yield _flat(variant.to_dict()) | {
                    "by": by,
                    "segment": value,
                    "metric": result.metric.key,
                    "kind": result.metric.kind,
                    "method": result.method,
                    "level": 1 - result.alpha,
                    "control": result.control,
                    "control_n": result.control_n,
                    "control_mean": result.control_mean,
                }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """An interval `ci…` as two columns, `ci…_low` and `ci…_high`."""
    intervals = [name for name in row if name.startswith("ci")]
    ends = {name: row[name] or (None, None) for name in intervals}
    flat = {name: value for name, value in row.items() if name not in ends}
    for name, (low, high) in ends.items():
        flat |= {f"{name}_low": low, f"{name}_high": high}
    return flat
