"""From what happened to a customer, day by day, to one row of window sums a customer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from experiments.analysis.aggregates import COVARIATE, DENOMINATOR, VALUE
from experiments.analysis.exposed import EXPOSED
from experiments.analysis.metrics.retention import BEFORE_DAYS, before_sql, matured_sql, within_sql
from experiments.analysis.outcomes import CheckedColumn, Joined, joined_from
from experiments.analysis.sources import Source
from experiments.design import Metric
from features.errors import DataError
from features.tables.engine import Engine

# What happened: customer_id, day (local), and a number a column; any number of rows a customer and day.
HAPPENED = "happened"
WINDOWS = "windows"
BEFORE = {"pre_orders": "orders", "pre_amount": "amount"}
# An exposure is the answer that was clicked or whose offer was taken, so its own day counts. An order of that
# day may have been on its way already, so orders count from the next day.
FROM_THE_DAY_ITSELF = frozenset({"recommendation_clicks", "recommendation_conversions", "claims"})


@dataclass(frozen=True)
class Happened:
    """The view `happened` and what is known of it.

    Attributes:
        label: where it comes from, for messages.
        columns: its numbers.
        newest_day: local day of the newest order of anybody.
        orders_without_customer: rows that belong to nobody.
    """

    label: str
    columns: Sequence[str]
    newest_day: date
    orders_without_customer: int = 0


def columns_of(metric: Metric) -> list[str]:
    """The numbers that a metric sums within its window."""
    value = "orders" if metric.kind == "retention" else metric.value_column
    return [value] if metric.denominator is None else [value, metric.denominator]


def join_windows(
    engine: Engine, metrics: tuple[Metric, ...], happened: Happened, customers: Source | None
) -> Joined:
    """Sums within each metric's window after exposure, of matured customers only.

    Args:
        engine: has the table `exposed` and the view `happened`.
        metrics: what is measured.
        happened: what the view holds.
        customers: further columns known before exposure, for covariates and segments.

    Raises:
        DataError: a metric asks for a number that nothing holds.
    """
    wanted = {(column, metric.window_days) for metric in metrics for column in columns_of(metric)}
    for metric in metrics:
        for column in columns_of(metric):
            _need(metric, column, happened)
    before = {metric.covariate for metric in metrics if metric.covariate in BEFORE}
    engine.execute(_windows_sql(sorted(wanted), sorted(str(name) for name in before)))
    checked: list[CheckedColumn] = []
    values = {}
    for metric in metrics:
        newest = f"DATE '{happened.newest_day}'"
        matured = matured_sql(metric.window_days, f"{EXPOSED}.exposed_on", newest)
        values[metric.key] = {
            role: f"CASE WHEN {matured} THEN {value} END"
            for role, value in _roles(metric, customers, checked.append)
        }
    source = Source(WINDOWS, happened.label, {"customer_id": "VARCHAR"})
    known = f"{WINDOWS}.customer_id IS NOT NULL"
    nobody = happened.orders_without_customer
    return Joined(joined_from(source, customers), known, values, checked, happened.newest_day, nobody)


def _need(metric: Metric, column: str, happened: Happened) -> None:
    if column not in happened.columns:
        raise DataError(
            f"The metric {metric.key!r} asks for {column!r}, and from {happened.label} come "
            f"{', '.join(happened.columns[:-1])} and {happened.columns[-1]}.",
            "Set column to one of these, or give one row a customer.",
        )


def _windows_sql(wanted: list[tuple[str, int]], before: list[str]) -> str:
    longest = max((days for _, days in wanted), default=1)
    sums = [
        f"sum({BEFORE[name]}) FILTER (WHERE {before_sql('day', 'exposed_on')}) AS {name}" for name in before
    ]
    for column, days in wanted:
        first = 0 if column in FROM_THE_DAY_ITSELF else 1
        within = within_sql(days, "day", "exposed_on", first)
        sums.append(f"sum({column}) FILTER (WHERE {within}) AS {column}_{days}")
    return f"""CREATE TEMP TABLE {WINDOWS} AS SELECT customer_id, {", ".join(sums)}
    FROM {EXPOSED} JOIN {HAPPENED} USING (customer_id)
    WHERE day BETWEEN exposed_on - {BEFORE_DAYS} AND exposed_on + {longest}
    GROUP BY customer_id"""  # noqa: S608 — columns are those of `happened`


def _roles(
    metric: Metric, customers: Source | None, check: Callable[[CheckedColumn], None]
) -> Iterator[tuple[str, str]]:
    value, *denominator = (_sum(column, metric.window_days) for column in columns_of(metric))
    yield VALUE, f"CAST({value} > 0 AS DOUBLE)" if metric.kind in ("retention", "proportion") else value
    if denominator:
        yield DENOMINATOR, denominator[0]
    if metric.covariate in BEFORE:
        yield COVARIATE, f"CAST(coalesce({WINDOWS}.{metric.covariate}, 0) AS DOUBLE)"
    elif metric.covariate is not None:
        if customers is None:
            raise DataError(
                f"The metric {metric.key!r} has the covariate {metric.covariate!r}, which no file holds.",
                f"Use {' or '.join(BEFORE)}, or give the column with --customers.",
            )
        column = CheckedColumn(customers, metric.covariate, False)
        check(column)
        yield COVARIATE, column.sql


def _sum(column: str, days: int) -> str:
    return f"CAST(coalesce({WINDOWS}.{column}_{days}, 0) AS DOUBLE)"
