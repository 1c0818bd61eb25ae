"""One GROUP BY over exposures ⟕ outcomes: the sums of every metric, variant and segment at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from experiments.analysis.aggregates import VALUE, Aggregate, pairs_of
from experiments.analysis.estimates import roles_of
from experiments.analysis.exposed import EXPOSED, Exposed
from experiments.analysis.metrics.winsorised import capped_sql, quantile_sql
from experiments.analysis.outcomes import CheckedColumn, Joined
from experiments.analysis.sources import Source
from experiments.design import Metric
from features.errors import DataError
from features.tables.duckdb_engine import DuckDBEngine, identifier

# What a file may be cut into; beyond that it is an identifier rather than a segment.
MOST_SEGMENTS = 50
Segment = str | None


@dataclass(frozen=True)
class Measured:
    """Sums of one metric by segment and variant; a missing cell has no customers."""

    metric: Metric
    cells: Mapping[tuple[Segment, str], Aggregate]

    def arm(self, variant: str, segment: Segment) -> Aggregate:
        """The customers of a variant in one segment."""
        return self.cells.get((segment, variant)) or Aggregate.empty(roles_of(self.metric))

    def whole_arm(self, variant: str) -> Aggregate:
        """All customers of a variant: segments add up."""
        total = Aggregate.empty(roles_of(self.metric))
        for (_, of_variant), sums in self.cells.items():
            total = total + sums if of_variant == variant else total
        return total


@dataclass(frozen=True)
class Measurement:
    """Every metric's sums, and how many customers had no row of outcomes."""

    metrics: tuple[Measured, ...]
    segments: tuple[Segment, ...]
    without_outcome: int


class _Select:
    """Expressions selected once however often they are asked for, under names of our own."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.names: dict[str, str] = {}

    def name(self, sql: str) -> str:
        return self.names.setdefault(sql, f"{self.prefix}{len(self.names)}")

    def list(self) -> str:
        return "".join(f", {sql} AS {name}" for sql, name in self.names.items())


def measure(
    engine: DuckDBEngine,
    metrics: tuple[Metric, ...],
    joined: Joined,
    exposed: Exposed,
    segment_sql: str,
    *,
    most_segments: int | None = MOST_SEGMENTS,
) -> Measurement:
    """Sum every metric.

    Args:
        engine: has the table `exposed` and whatever `joined` names.
        metrics: what to sum.
        joined: where each metric's values come from.
        exposed: how many customers there are.
        segment_sql: SQL of the customer's segment.
        most_segments: more are refused; None for no limit.

    Raises:
        DataError: a file repeats a customer, a value is empty, infinite or no number, or a proportion's is
            neither 0 nor 1; the message names file, column and customer.
    """
    grouped = _group(engine, metrics, joined, segment_sql)
    rows = grouped.rows
    customers = sum(row["n"] for row in rows)
    if customers != exposed.customers:
        raise _repeated(engine, joined)
    _check(engine, joined, grouped)
    matched = sum(row["matched"] for row in rows)
    segments = {row["segment"] for row in rows}
    if most_segments is not None and len(segments) > most_segments:
        raise DataError(
            f"The column of --by has {len(segments):,} values, more than {most_segments}.",
            "Choose a column with few values, or group them before.",
        )
    return Measurement(
        tuple(
            Measured(
                metric,
                {
                    (row["segment"], row["variant"]): _aggregate(row, *grouped.sums[metric.key])
                    for row in rows
                },
            )
            for metric in metrics
        ),
        tuple(sorted(segments, key=lambda segment: (segment is None, segment))),
        customers - matched,
    )


# Where the sums of a metric stand in a row: n, Σ of each role, Σ of each pair's product.
_Names = tuple[str, dict[str, str], dict[tuple[str, str], str]]


@dataclass(frozen=True)
class _Grouped:
    """The rows of the GROUP BY, and where in them stand each metric's sums and each column's bad values."""

    rows: list[dict[str, Any]]
    sums: dict[str, _Names]
    bad: list[str]


def _group(engine: DuckDBEngine, metrics: tuple[Metric, ...], joined: Joined, segment_sql: str) -> _Grouped:
    inner, outer = _Select("v"), _Select("s")
    caps = _caps(engine, metrics, joined)
    sums: dict[str, _Names] = {}
    for metric in metrics:
        values = dict(joined.values[metric.key])
        values[VALUE] = capped_sql(values[VALUE], caps.get(metric.key))
        names = {role: inner.name(sql) for role, sql in values.items()}
        sums[metric.key] = (
            outer.name(f"count({names[VALUE]})"),
            {role: outer.name(f"sum({name})") for role, name in names.items()},
            {(a, b): outer.name(f"sum({names[a]} * {names[b]})") for a, b in pairs_of(names)},
        )
    bad = []
    for column in joined.checked:
        raw = inner.name(column.sql)
        fine = f"isfinite({raw})" + (f" AND {raw} IN (0, 1)" if column.zero_or_one else "")
        bad.append(outer.name(f"count(*) FILTER (WHERE NOT ({fine}) OR {raw} IS NULL)"))
    rows = engine.query(
        f"""SELECT variant, segment, count(*) AS n, count(*) FILTER (WHERE matched) AS matched{outer.list()}
        FROM (
            SELECT {EXPOSED}.variant, {segment_sql} AS segment, {joined.matched_sql} AS matched{inner.list()}
            {joined.from_sql})
        GROUP BY variant, segment"""  # noqa: S608 — columns are quoted, names are our own
    ).to_pylist()
    return _Grouped(rows, sums, bad)


def _caps(engine: DuckDBEngine, metrics: Iterable[Metric], joined: Joined) -> dict[str, float]:
    wanted = {
        m.key: quantile_sql(joined.values[m.key][VALUE], m.winsorise_at) for m in metrics if m.winsorise_at
    }
    if not wanted:
        return {}
    found = engine.query(f"SELECT {', '.join(wanted.values())} {joined.from_sql}")
    caps = zip(wanted, (column[0].as_py() for column in found.columns), strict=True)
    # Without a cap the infinite value behind it is found, and named, by the checks.
    return {key: cap for key, cap in caps if cap is not None and isfinite(cap)}


def _aggregate(
    row: dict[str, Any], n: str, sums: dict[str, str], products: dict[tuple[str, str], str]
) -> Aggregate:
    aggregate = Aggregate(
        int(row[n]),
        {role: float(row[name] or 0.0) for role, name in sums.items()},
        {pair: float(row[name] or 0.0) for pair, name in products.items()},
    )
    if not all(isfinite(total) for total in aggregate.products.values()):
        raise DataError("The sum of squares of a metric is beyond any number.", "Rescale its values.")
    return aggregate


def _check(engine: DuckDBEngine, joined: Joined, grouped: _Grouped) -> None:
    if not any(row["matched"] for row in grouped.rows) and joined.newest_day is None:
        raise DataError(
            "None of the exposed customers has a row of outcomes.",
            "Check that both files name customers in the same way.",
        )
    for column, name in zip(joined.checked, grouped.bad, strict=True):
        count = sum(row[name] for row in grouped.rows)
        if count:
            raise _bad_value(engine, joined, column, count)


def _bad_value(engine: DuckDBEngine, joined: Joined, column: CheckedColumn, count: int) -> DataError:
    number = column.sql
    raw = f"{column.source.view}.{identifier(column.name)}"
    example = engine.query(
        f"""SELECT {EXPOSED}.customer_id AS customer_id, {raw} IS NULL AS empty,
            CAST({raw} AS VARCHAR) AS raw, NOT isfinite({number}) AS infinite, {number} IS NULL AS wordy
        {joined.from_sql}
        WHERE {number} IS NULL OR NOT isfinite({number})
            OR ({column.zero_or_one} AND {number} NOT IN (0, 1))
        ORDER BY 1 LIMIT 1"""
    ).to_pylist()[0]
    if example["empty"]:
        kind, remedy = "empty", "Fill it, or leave the customer's row out if it means 0."
    elif example["wordy"] or example["infinite"]:
        kind, remedy = f"{example['raw']!r}", "Give finite numbers."
    else:
        kind, remedy = f"{example['raw']}, neither 0 nor 1", "Use kind mean for other numbers."
    more = f" ({count:,} customers in all)" if count > 1 else ""
    return DataError(
        f"{column.source.label}, column {column.name!r}: the value of customer {example['customer_id']!r} "
        f"is {kind}{more}.",
        remedy,
    )


def _repeated(engine: DuckDBEngine, joined: Joined) -> DataError:
    twice = engine.query(
        f"""SELECT {EXPOSED}.customer_id AS customer_id, count(*) AS n {joined.from_sql}
        GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1"""
    ).to_pylist()[0]
    return DataError(
        f"The customer {twice['customer_id']!r} stands {twice['n']} times in the outcomes or customers.",
        "Give one row a customer, or an order log with ordered_at.",
    )


def segment_column(by: str | None, exposures: Source, customers: Source | None) -> tuple[str | None, str]:
    """Where the segments come from: a column of the exposures to keep, and the SQL to group by.

    Raises:
        DataError: neither customers nor exposures have the column.
    """
    if by is None:
        return None, "NULL::VARCHAR"
    if customers is not None and by in customers.columns:
        return None, customers.text(by)
    if by in exposures.columns:
        return by, f"{EXPOSED}.segment"
    places = " nor ".join(source.label for source in (exposures, customers) if source is not None)
    raise DataError(
        f"Neither {places} has the column {by!r} of --by.",
        "A segment must be known before exposure: give it in the exposures or with --customers.",
    )
