"""What happened after exposure, as one joined row a customer: from a wide table, or from an order log."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

from experiments.analysis.aggregates import COVARIATE, DENOMINATOR, VALUE
from experiments.analysis.exposed import EXPOSED
from experiments.analysis.metrics.retention import BEFORE_DAYS, before_sql, matured_sql, within_sql
from experiments.analysis.sources import Source
from experiments.design import Metric
from features.errors import DataError
from features.tables.duckdb_engine import DuckDBEngine, identifier, literal

IN_WINDOW = ("orders", "amount")
BEFORE = ("pre_orders", "pre_amount")
WINDOWS = "order_windows"


@dataclass(frozen=True)
class CheckedColumn:
    """A column of a file that must hold a finite number for every customer it has a row of."""

    source: Source
    name: str
    zero_or_one: bool

    @property
    def sql(self) -> str:
        """The column as DOUBLE, 0 where the customer has no row."""
        absent = f"{self.source.view}.{identifier('customer_id')} IS NULL"
        return f"CASE WHEN {absent} THEN 0.0 ELSE {self.source.number(self.name)} END"


@dataclass
class Joined:
    """Exposed customers beside what is known of them.

    Attributes:
        from_sql: the FROM clause; one row a customer, or the files repeat customers.
        matched_sql: whether the customer has a row of outcomes.
        values: for each metric key the SQL of each role; NULL where the customer is not matured.
        checked: columns whose values must be looked at.
        newest_day: local day of the newest order; None for wide outcomes.
        orders_without_customer: rows of an order log that belong to nobody.
    """

    from_sql: str
    matched_sql: str
    values: dict[str, dict[str, str]]
    checked: list[CheckedColumn] = field(default_factory=list)
    newest_day: date | None = None
    orders_without_customer: int = 0


def is_order_log(outcomes: Source) -> bool:
    """Whether the outcomes are one row an order rather than one row a customer."""
    return "ordered_at" in outcomes.columns


def join_wide(metrics: tuple[Metric, ...], outcomes: Source, customers: Source | None) -> Joined:
    """Metric columns ready beside customer_id; no row means 0.

    Raises:
        DataError: a column is missing or no number, or a metric needs an order log.
    """
    outcomes.require("customer_id")
    checked: list[CheckedColumn] = []

    def column(source: Source, name: str, zero_or_one: bool = False) -> str:
        checked.append(CheckedColumn(source, name, zero_or_one))
        return checked[-1].sql

    values = {}
    for metric in metrics:
        if metric.kind == "retention" or metric.days is not None:
            raise DataError(
                f"The metric {metric.key!r} needs an order log (customer_id, ordered_at, amount), "
                f"and {outcomes.label} has no ordered_at.",
                "Give an order log, or use kind proportion or mean for a ready column.",
            )
        roles = {VALUE: column(outcomes, metric.value_column, metric.kind == "proportion")}
        if metric.denominator is not None:
            roles[DENOMINATOR] = column(outcomes, metric.denominator)
        if metric.covariate is not None:
            beside = customers is not None and metric.covariate not in outcomes.columns
            roles[COVARIATE] = column(customers if customers and beside else outcomes, metric.covariate)
        values[metric.key] = roles
    return Joined(_from(outcomes, customers), f"{outcomes.view}.customer_id IS NOT NULL", values, checked)


def join_order_log(
    engine: DuckDBEngine,
    metrics: tuple[Metric, ...],
    outcomes: Source,
    customers: Source | None,
    *,
    zone: str,
    today: date,
) -> Joined:
    """Orders within each metric's window after exposure, of matured customers only.

    Raises:
        DataError: a column is missing, a value is empty or infinite, or an order lies in the future.
    """
    newest, nobody = _load_orders(engine, outcomes, zone, today)
    engine.execute(_windows_sql(sorted({metric.window_days for metric in metrics})))
    checked: list[CheckedColumn] = []
    values = {}
    for metric in metrics:
        matured = matured_sql(metric.window_days, f"{EXPOSED}.exposed_on", f"DATE {literal(str(newest))}")
        values[metric.key] = {
            role: f"CASE WHEN {matured} THEN {value} END"
            for role, value in _order_log_roles(metric, outcomes, customers, checked.append)
        }
    source = Source(WINDOWS, outcomes.label, {"customer_id": "VARCHAR"})
    known = f"{WINDOWS}.customer_id IS NOT NULL"
    return Joined(_from(source, customers), known, values, checked, newest, nobody)


def _from(outcomes: Source, customers: Source | None) -> str:
    joins = [
        f"LEFT JOIN {source.view} ON {source.text('customer_id')} = {EXPOSED}.customer_id"
        for source in (outcomes, customers)
        if source is not None
    ]
    return " ".join([f"FROM {EXPOSED}", *joins])


def _load_orders(engine: DuckDBEngine, outcomes: Source, zone: str, today: date) -> tuple[date, int]:
    engine.execute(
        f"""CREATE VIEW order_rows AS SELECT {outcomes.text("customer_id")} AS customer_id,
            {outcomes.instant("ordered_at", zone)} AS ordered_at,
            {outcomes.local_day("ordered_at", zone)} AS ordered_on, {outcomes.number("amount")} AS amount
        FROM {outcomes.view}"""  # noqa: S608 — names are quoted by Source
    )
    seen = engine.query(
        """SELECT count(*) AS n, count(*) - count(customer_id) AS nobody,
            count(*) - count(ordered_on) AS undated,
            count(*) - count(*) FILTER (WHERE isfinite(amount)) AS amountless, max(ordered_on) AS newest,
            count(*) FILTER (WHERE ordered_on > $today) AS future FROM order_rows""",
        {"today": today},
    ).to_pylist()[0]
    if seen["n"] == 0:
        raise DataError(f"{outcomes.label} has no rows.", "Export the orders of the shop.")
    if seen["undated"]:
        raise DataError(
            f"{outcomes.label} has {seen['undated']:,} rows whose ordered_at is empty or no timestamp.",
            "Correct or remove them.",
        )
    if seen["amountless"]:
        raise DataError(
            f"{outcomes.label} has {seen['amountless']:,} rows whose amount is empty, infinite or no number.",
            "Correct or remove them.",
        )
    if seen["future"]:
        # One order of next year would make every customer look matured.
        raise DataError(
            f"{outcomes.label} has {seen['future']:,} orders in the future, up to {seen['newest']}.",
            "Correct ordered_at; stamps without an offset are read as UTC.",
        )
    return seen["newest"], int(seen["nobody"])


def _windows_sql(windows: list[int]) -> str:
    """Orders and amount of each customer in each window; lines of one instant are one order, returns none."""
    order, amount = (
        "count(DISTINCT ordered_at) FILTER (WHERE amount > 0 AND {})",
        "sum(amount) FILTER (WHERE {})",
    )
    conditions = {f"{{}}_{days}": within_sql(days, "ordered_on", "exposed_on") for days in windows}
    conditions["pre_{}"] = before_sql("ordered_on", "exposed_on")
    sums = [
        f"{sql.format(condition)} AS {name.format(column)}"
        for name, condition in conditions.items()
        for column, sql in (("orders", order), ("amount", amount))
    ]
    return f"""CREATE TEMP TABLE {WINDOWS} AS SELECT customer_id, {", ".join(sums)}
    FROM {EXPOSED} JOIN order_rows USING (customer_id)
    WHERE ordered_on BETWEEN exposed_on - {BEFORE_DAYS} AND exposed_on + {windows[-1]}
    GROUP BY customer_id"""  # noqa: S608


def _order_log_roles(
    metric: Metric, outcomes: Source, customers: Source | None, check: Callable[[CheckedColumn], None]
) -> Iterator[tuple[str, str]]:
    if metric.kind == "retention":
        yield VALUE, f"CAST(coalesce({WINDOWS}.orders_{metric.window_days}, 0) > 0 AS DOUBLE)"
    elif metric.kind == "proportion":
        raise DataError(
            f"The metric {metric.key!r} is a proportion, and {outcomes.label} is an order log without any.",
            "Use kind retention, or give one row a customer.",
        )
    else:
        yield VALUE, _in_window(metric, metric.value_column, outcomes)
    if metric.denominator is not None:
        yield DENOMINATOR, _in_window(metric, metric.denominator, outcomes)
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


def _in_window(metric: Metric, column: str, outcomes: Source) -> str:
    if column not in IN_WINDOW:
        raise DataError(
            f"The metric {metric.key!r} asks for {column!r}, and from the order log {outcomes.label} come "
            f"{' and '.join(IN_WINDOW)}.",
            f"Set column to {' or '.join(IN_WINDOW)}, or give one row a customer.",
        )
    return f"CAST(coalesce({WINDOWS}.{column}_{metric.window_days}, 0) AS DOUBLE)"
