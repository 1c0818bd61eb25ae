"""What happened after exposure, as one joined row a customer; here from a wide table, with one already."""

from dataclasses import dataclass, field
from datetime import date

from experiments.analysis.aggregates import COVARIATE, DENOMINATOR, VALUE
from experiments.analysis.exposed import EXPOSED
from experiments.analysis.sources import Source
from experiments.design import Metric
from features.errors import DataError
from features.tables.duckdb_engine import identifier


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
    return Joined(
        joined_from(outcomes, customers), f"{outcomes.view}.customer_id IS NOT NULL", values, checked
    )


def joined_from(outcomes: Source, customers: Source | None) -> str:
    """The FROM clause that puts outcomes and customers beside the exposed customers."""
    joins = [
        f"LEFT JOIN {source.view} ON {source.text('customer_id')} = {EXPOSED}.customer_id"
        for source in (outcomes, customers)
        if source is not None
    ]
    return " ".join([f"FROM {EXPOSED}", *joins])
