"""Who was exposed to which variant: one row a customer, with what had to be left out counted."""

from dataclasses import dataclass
from datetime import date

from experiments.analysis.sources import Source
from experiments.design import Design
from features.errors import DataError
from features.tables.duckdb_engine import DuckDBEngine

# The engine's view of exposed customers: customer_id, variant, exposed_on (DATE or NULL), segment (or NULL).
EXPOSED = "exposed"


@dataclass(frozen=True)
class Exposed:
    """What the exposures hold.

    Attributes:
        rows: rows read.
        customers: customers analysed.
        variants: those in each variant of the design, in its order.
        in_two_variants: customers dropped because they were served more than one variant.
        forced: customers left out because the design forces their variant.
        repeated_rows: rows of analysed customers beyond their first, which say nothing new.
        first_day, last_day: local days between which customers were first exposed; None without `exposed_at`.
    """

    rows: int
    customers: int
    variants: dict[str, int]
    in_two_variants: int
    forced: int
    repeated_rows: int
    first_day: date | None
    last_day: date | None


def load_exposed(
    engine: DuckDBEngine, source: Source, design: Design, *, by: str | None, zone: str, today: date
) -> Exposed:
    """Create the view `exposed` over the rows of exposures (customer_id, variant[, exposed_at][, by]).

    Args:
        engine: where the tables are.
        source: the exposures.
        design: names the variants.
        by: a column of the exposures to keep as segment, as it was at the first exposure; None for none.
        zone: the shop's time zone.
        today: the local day of the analysis; no exposure may lie after it.

    Raises:
        DataError: a column is missing, a value is empty, a variant is unknown or a stamp is in the future.
    """
    timed = "exposed_at" in source.columns
    day = source.local_day("exposed_at", zone) if timed else "NULL::DATE"
    at = source.instant("exposed_at", zone) if timed else "NULL::TIMESTAMPTZ"
    segment = source.text(by) if by is not None else "NULL::VARCHAR"
    # A view, because copying the rows of millions of customers costs more than reading them again.
    engine.execute(
        f"""CREATE VIEW exposure_rows AS
        SELECT {source.text("customer_id")} AS customer_id, {source.text("variant")} AS variant,
            {at} AS exposed_at, {day} AS exposed_on, {segment} AS segment
        FROM {source.view}"""  # noqa: S608 — names are quoted by Source
    )
    rows = _check_rows(engine, source, design, timed, today)
    # Most customers have one row, which speaks for itself; only those of the others are put together.
    engine.execute(
        """CREATE TEMP TABLE put_together AS
        SELECT customer_id, min(variant) AS variant, min(variant) <> max(variant) AS in_two,
            count(*) AS times, min(exposed_on) AS exposed_on,
            CASE WHEN count(exposed_at) > 0 THEN arg_min(segment, exposed_at) ELSE min(segment) END
                AS segment,
            list_contains($forced::VARCHAR[], customer_id) AS forced
        FROM exposure_rows WHERE customer_id IN (
            SELECT customer_id FROM exposure_rows GROUP BY customer_id HAVING count(*) > 1
            UNION ALL SELECT unnest($forced::VARCHAR[]))
        GROUP BY customer_id""",
        {"forced": list(design.forced)},
    )
    engine.execute(
        f"""CREATE VIEW {EXPOSED} AS
        SELECT customer_id, variant, exposed_on, segment FROM exposure_rows
        ANTI JOIN put_together USING (customer_id)
        UNION ALL
        SELECT customer_id, variant, exposed_on, segment FROM put_together
        WHERE NOT in_two AND NOT forced"""  # noqa: S608
    )
    return _count(engine, design, rows)


def _check_rows(engine: DuckDBEngine, source: Source, design: Design, timed: bool, today: date) -> int:
    seen = engine.query(
        """SELECT count(*) AS n, count(customer_id) AS customers, count(variant) AS variants,
            count(*) FILTER (WHERE isfinite(exposed_at)) AS stamps,
            CAST(max(exposed_on) AS VARCHAR) AS newest,
            count(*) FILTER (WHERE exposed_on > $today) AS future FROM exposure_rows""",
        {"today": today},
    ).to_pylist()[0]
    if seen["n"] == 0:
        raise DataError(f"{source.label} has no rows.", "Export the exposures of the experiment.")
    for name, count in (("customer_id", seen["customers"]), ("variant", seen["variants"])):
        if count < seen["n"]:
            raise DataError(f"{source.label} has {seen['n'] - count:,} rows without {name}.", "Remove them.")
    if timed and seen["stamps"] < seen["n"]:
        raise DataError(
            f"{source.label} has {seen['n'] - seen['stamps']:,} rows whose exposed_at is empty or no time.",
            "Correct or remove them.",
        )
    if seen["future"]:
        raise DataError(
            f"{source.label} has {seen['future']:,} exposures in the future, up to {seen['newest']}.",
            "Correct exposed_at; stamps without an offset are read as UTC.",
        )
    known = [variant.key for variant in design.variants]
    strangers = engine.query(
        """SELECT variant, count(*) AS n FROM exposure_rows
        WHERE NOT list_contains($known, variant) GROUP BY variant ORDER BY n DESC, variant LIMIT 1""",
        {"known": known},
    ).to_pylist()
    if strangers:
        raise DataError(
            f"{source.label} has {strangers[0]['n']:,} rows of the variant {strangers[0]['variant']!r}, "
            f"which the design does not have; it has {', '.join(known)}.",
            "Correct the rows or the design's variants.",
        )
    return int(seen["n"])


def _count(engine: DuckDBEngine, design: Design, rows: int) -> Exposed:
    total = engine.query(
        """SELECT count(*) FILTER (WHERE forced) AS forced,
            count(*) FILTER (WHERE in_two AND NOT forced) AS in_two,
            coalesce(sum(times - 1) FILTER (WHERE NOT in_two AND NOT forced), 0) AS repeated
        FROM put_together"""
    ).to_pylist()[0]
    groups = engine.query(
        f"""SELECT variant, count(*) AS n, min(exposed_on) AS first_day, max(exposed_on) AS last_day
        FROM {EXPOSED} GROUP BY variant"""  # noqa: S608
    ).to_pylist()
    found = {row["variant"]: int(row["n"]) for row in groups}
    if not found:
        raise DataError(
            "No exposed customer is left to analyse: every one is forced or was served two variants.",
            "Check how exposures are logged.",
        )
    days = [day for row in groups for day in (row["first_day"], row["last_day"]) if day is not None]
    return Exposed(
        rows=rows,
        customers=sum(found.values()),
        variants={variant.key: found.get(variant.key, 0) for variant in design.variants},
        in_two_variants=int(total["in_two"]),
        forced=int(total["forced"]),
        repeated_rows=int(total["repeated"]),
        first_day=min(days, default=None),
        last_day=max(days, default=None),
    )
