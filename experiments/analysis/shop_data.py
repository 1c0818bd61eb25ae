"""What exposed customers did: orders, redemptions, clicks of the lake, clicks and claims of the database."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import pyarrow as pa

from experiments.analysis.exposed import EXPOSED, Exposed
from experiments.analysis.metrics.retention import BEFORE_DAYS
from experiments.analysis.windows import HAPPENED, Happened
from features.database.store import Database
from features.errors import DataError, NotReadyError
from features.tables.duckdb_engine import DuckDBEngine, literal

NUMBERS = (
    "orders", "amount", "margin", "units", "sold", "returned", "recommendation_clicks",
    "recommendation_conversions", "claims", "offer_cost",
)  # fmt: skip
CONVERTS_WITHIN_DAYS = 7
CLICKS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("recommendation_id", pa.string()),
        ("product_id", pa.string()),
        ("happened_at", pa.timestamp("us", tz="UTC")),
    ]
)
CLAIMS = pa.schema([("customer_id", pa.string()), ("happened_at", pa.timestamp("us", tz="UTC"))])
# One row a customer, order and local day: an order counts where something was paid.
_ORDERS = """SELECT lines.customer_id AS customer_id, CAST(lines.local_at AS DATE) AS day,
        CAST(MAX(CASE WHEN lines.amount > 0 THEN 1 ELSE 0 END) AS DOUBLE) AS orders,
        SUM(CAST(lines.amount AS DOUBLE)) AS amount,
        SUM(CAST(lines.amount AS DOUBLE) * COALESCE(CAST(products.margin AS DOUBLE), 0)) AS margin,
        SUM(CASE WHEN lines.amount > 0 THEN CAST(lines.quantity AS DOUBLE) ELSE 0 END) AS units,
        SUM(CASE WHEN lines.amount > 0 THEN CAST(lines.amount AS DOUBLE) ELSE 0 END) AS sold,
        SUM(CASE WHEN lines.amount < 0 THEN -CAST(lines.amount AS DOUBLE) ELSE 0 END) AS returned
    FROM orders AS lines LEFT JOIN products ON products.product_id = lines.product_id
    WHERE lines.customer_id IN (SELECT customer_id FROM exposed)
    GROUP BY lines.customer_id, lines.order_id, CAST(lines.local_at AS DATE)"""
_CLICKS = """SELECT customer_id, day, CAST(COUNT(*) AS DOUBLE) AS recommendation_clicks
    FROM first_clicks GROUP BY customer_id, day"""
# Dated by the order, so that what a closed window holds never changes. One click converts once.
_CONVERSIONS = f"""SELECT customer_id, day, CAST(COUNT(*) AS DOUBLE) AS recommendation_conversions
    FROM (
        SELECT clicks.customer_id, MIN(CAST(lines.local_at AS DATE)) AS day
        FROM first_clicks AS clicks JOIN orders AS lines
            ON lines.customer_id = clicks.customer_id AND lines.product_id = clicks.product_id
        WHERE lines.amount > 0 AND lines.ordered_at >= clicks.clicked_at
            AND lines.ordered_at <= clicks.clicked_at + INTERVAL {CONVERTS_WITHIN_DAYS} DAY
        GROUP BY clicks.customer_id, clicks.recommendation_id, clicks.product_id
    ) AS converted GROUP BY customer_id, day"""  # noqa: S608
_CLAIMS = """SELECT customer_id, day, CAST(COUNT(*) AS DOUBLE) AS claims
    FROM claimed WHERE customer_id IN (SELECT customer_id FROM exposed) GROUP BY customer_id, day"""
_REDEMPTIONS = """SELECT customer_id, CAST(local_at AS DATE) AS day, SUM(CAST(amount AS DOUBLE)) AS offer_cost
    FROM redemptions WHERE customer_id IN (SELECT customer_id FROM exposed)
    GROUP BY customer_id, CAST(local_at AS DATE)"""
# Each part with the numbers that it knows; the others are zero in its rows.
_PARTS = {
    _ORDERS: ("orders", "amount", "margin", "units", "sold", "returned"),
    _CLICKS: ("recommendation_clicks",),
    _CONVERSIONS: ("recommendation_conversions",),
    _CLAIMS: ("claims",),
    _REDEMPTIONS: ("offer_cost",),
}


def load_happened(
    engine: DuckDBEngine, database: Database, exposed: Exposed, *, zone: str, today: date
) -> Happened:
    """Create the table `happened` of exposed customers, from 28 days before the first exposure on.

    Args:
        engine: has the lake's views and the view `exposed`.
        database: has clicks and claims.
        exposed: who was exposed.
        zone: the shop's time zone.
        today: the local day of the analysis; no order may lie after it.

    Raises:
        NotReadyError: the lake holds no orders.
        DataError: an order lies in the future.
    """
    newest = _newest_day(engine, today)
    _load_clicks(engine, database, zone)
    batches = database.claims.claim_batches()
    claims = ([(claim.customer_id, claim.claimed_at) for claim in batch] for batch in batches)
    load_rows(engine, "claim_rows", CLAIMS, claims)
    engine.execute(
        f"""CREATE VIEW claimed AS
        SELECT customer_id, CAST(happened_at AT TIME ZONE {literal(zone)} AS DATE) AS day
        FROM claim_rows"""  # noqa: S608
    )
    rows = " UNION ALL ".join(
        f"SELECT customer_id, day, {_numbers(known)} FROM ({part}) AS part_{place}"  # noqa: S608
        for place, (part, known) in enumerate(_PARTS.items())
    )
    engine.execute(
        f"""CREATE TEMP TABLE {HAPPENED} AS SELECT * FROM ({rows}) AS parts
        WHERE day >= CAST($first AS DATE) - {BEFORE_DAYS}""",  # noqa: S608
        {"first": exposed.first_day},
    )
    return Happened("the lake and the database", NUMBERS, newest)


def lines_without_margin(engine: DuckDBEngine, days: int) -> int:
    """Order lines within `days` after exposure that are of products without a margin."""
    counted = engine.query(
        f"""SELECT COUNT(*) - COUNT(products.margin) AS unknown
        FROM {EXPOSED} JOIN orders AS lines ON lines.customer_id = {EXPOSED}.customer_id
        LEFT JOIN products ON products.product_id = lines.product_id
        WHERE CAST(lines.local_at AS DATE) BETWEEN {EXPOSED}.exposed_on + 1
            AND {EXPOSED}.exposed_on + CAST($days AS INTEGER)""",  # noqa: S608
        {"days": days},
    ).to_pylist()[0]
    return int(counted["unknown"])


def load_rows(
    engine: DuckDBEngine, name: str, schema: pa.Schema, batches: Iterable[Sequence[tuple[object, ...]]]
) -> None:
    """Create a table from batches of rows, one batch at a time in memory."""

    def columns() -> Iterator[pa.RecordBatch]:
        for batch in filter(None, batches):
            arrays = zip(zip(*batch, strict=True), schema.types, strict=True)
            yield pa.record_batch([pa.array(values, kind) for values, kind in arrays], schema=schema)

    engine.register(f"{name}_stream", pa.RecordBatchReader.from_batches(schema, columns()))
    engine.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {name}_stream")  # noqa: S608


def _newest_day(engine: DuckDBEngine, today: date) -> date:
    seen = engine.query(
        """SELECT MAX(CAST(local_at AS DATE)) AS newest,
            COUNT(*) FILTER (WHERE CAST(local_at AS DATE) > $today) AS future FROM orders""",
        {"today": today},
    ).to_pylist()[0]
    if seen["newest"] is None:
        raise NotReadyError("The lake holds no orders.", "Run `huitou ingest` with the shop's orders.")
    if seen["future"]:
        # One order of next year would make every customer look matured.
        raise DataError(
            f"The lake has {seen['future']:,} order lines in the future, up to {seen['newest']}.",
            "Correct ordered_at in the export (stamps without an offset are read as UTC) and ingest it anew.",
        )
    newest: date = seen["newest"]
    return newest


def _load_clicks(engine: DuckDBEngine, database: Database, zone: str) -> None:
    """The first click of each customer on each product of each recommendation, on or after exposure's day."""
    clicks = (
        [
            (click.customer_id, click.recommendation_id, click.product_id, click.occurred_at)
            for click in batch
            if click.customer_id and click.recommendation_id and click.product_id
        ]
        for batch in database.event_batches(("click",))
    )
    load_rows(engine, "click_rows", CLICKS, clicks)
    engine.execute(
        f"""CREATE TEMP TABLE first_clicks AS
        SELECT *, CAST(clicked_at AT TIME ZONE 'UTC' AT TIME ZONE {literal(zone)} AS DATE) AS day
        FROM (
            SELECT click_rows.customer_id, recommendation_id, product_id,
                MIN(happened_at) AT TIME ZONE 'UTC' AS clicked_at
            FROM (
                SELECT customer_id, recommendation_id, product_id, happened_at FROM click_rows
                UNION ALL
                -- A click may also come with the shop's export; the first of the same click counts.
                SELECT customer_id, recommendation_id, product_id, occurred_at AT TIME ZONE 'UTC'
                FROM events
                WHERE type = 'click' AND recommendation_id IS NOT NULL AND product_id IS NOT NULL
            ) AS click_rows JOIN {EXPOSED} ON {EXPOSED}.customer_id = click_rows.customer_id
            WHERE CAST(happened_at AT TIME ZONE {literal(zone)} AS DATE) >= {EXPOSED}.exposed_on
            GROUP BY click_rows.customer_id, recommendation_id, product_id
        ) AS clicks"""  # noqa: S608
    )


def _numbers(known: tuple[str, ...]) -> str:
    return ", ".join(name if name in known else f"CAST(0 AS DOUBLE) AS {name}" for name in NUMBERS)
