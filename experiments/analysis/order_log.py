"""Outcomes from an order log: one row an order line, with customer_id, ordered_at and amount."""

from datetime import date

from experiments.analysis.exposed import EXPOSED
from experiments.analysis.outcomes import Joined
from experiments.analysis.sources import Source
from experiments.analysis.windows import HAPPENED, Happened, join_windows
from experiments.design import Metric
from features.errors import DataError
from features.tables.engine import Engine

IN_AN_ORDER_LOG = ("orders", "amount")


def is_order_log(outcomes: Source) -> bool:
    """Whether the outcomes are one row an order rather than one row a customer."""
    return "ordered_at" in outcomes.columns


def join_order_log(
    engine: Engine,
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
    for metric in metrics:
        if metric.kind == "proportion" and metric.value_column not in IN_AN_ORDER_LOG:
            raise DataError(
                f"The metric {metric.key!r} is a proportion, and {outcomes.label} is an order log, which has "
                "none.",
                "Use kind retention, or give one row a customer.",
            )
    newest, nobody = _load(engine, outcomes, zone, today)
    # Lines of one instant are one order; what was only returned is none.
    engine.execute(
        f"""CREATE VIEW {HAPPENED} AS SELECT customer_id, ordered_on AS day,
            CAST(max(CASE WHEN amount > 0 THEN 1 ELSE 0 END) AS DOUBLE) AS orders, sum(amount) AS amount
        FROM order_rows WHERE customer_id IN (SELECT customer_id FROM {EXPOSED})
        GROUP BY customer_id, ordered_at, ordered_on"""  # noqa: S608
    )
    return join_windows(
        engine,
        metrics,
        Happened(f"the order log {outcomes.label}", IN_AN_ORDER_LOG, newest, nobody),
        customers,
    )


def _load(engine: Engine, outcomes: Source, zone: str, today: date) -> tuple[date, int]:
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
