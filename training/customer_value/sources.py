"""Order logs and customer summaries in files of any shop or study: Parquet or CSV, columns under any name."""

from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np

from features.columns import AMOUNT, CUSTOMER_ID, ORDERED_AT
from features.errors import DataError
from features.tables.contracts import Column, Kind
from features.tables.duckdb_engine import DuckDBEngine, identifier, literal
from features.tables.mapping import ColumnSource, CsvFormat, TableMapping
from features.tables.sources import SUFFIXES, SourceFile, open_source, unreadable
from features.tables.values import ISO_DATE, STAMPS, UnsuitableTypeError, Value, read_value, source_column
from training.customer_value.purchase_days import PurchaseDays, purchase_days
from training.customer_value.summary import CustomerSummary, as_text

ORDER_COLUMNS = (CUSTOMER_ID, ORDERED_AT, AMOUNT)
SUMMARY_COLUMNS = (CUSTOMER_ID, "frequency", "recency", "T", "monetary_value")
NUMBERS = SUMMARY_COLUMNS[1:]
KINDS = {CUSTOMER_ID: Kind.ID, ORDERED_AT: Kind.INSTANT, AMOUNT: Kind.DECIMAL}
REMEDY = "Name the columns: --columns customer_id=ID,frequency=x"


def parse_columns(text: str | None) -> dict[str, str]:
    """`customer_id=ID,frequency=x` as our name → the file's.

    Raises:
        DataError: a part is no `name=column`, or comes twice.
    """
    columns: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in (text or "").split(","))):
        ours, sign, theirs = (word.strip() for word in part.partition("="))
        if not (ours and sign and theirs) or ours in columns:
            raise DataError(f"--columns cannot be read at {part!r}.", REMEDY)
        columns[ours] = theirs
    return columns


def read_order_log(path: Path, columns: Mapping[str, str], zone: str) -> PurchaseDays:
    """Purchase days from a log of which only customer_id, ordered_at and amount are read.

    A day with a line of amount 0 or more is a purchase day, and the day's lines add up to its amount; a day
    of returns alone is none. Stamps without an offset are UTC; bare dates, and a column of stamps that are
    all midnight (how pandas writes dates), are local days of the shop.

    Args:
        path: Parquet or CSV.
        columns: our name → the file's, where they differ.
        zone: the shop's zone, which decides local days.

    Raises:
        DataError: the file or a column is missing or unreadable, or no line is acceptable.
    """
    with DuckDBEngine() as engine:
        source, types = _open(engine, path, columns, ORDER_COLUMNS, ORDER_COLUMNS)
        ordered_at = columns.get(ORDERED_AT, ORDERED_AT)
        if _only_days(engine, ordered_at, types):
            types = {**types, ordered_at: "DATE"}
        values = {name: _value(name, columns.get(name, name), types, zone, path) for name in ORDER_COLUMNS}
        reasons = " ".join(
            f"WHEN ({value.problem}) IS NOT NULL THEN {literal(name + ': ')} || ({value.problem}) "
            f"WHEN ({value.sql}) IS NULL THEN {literal(name + ': missing')}"
            for name, value in values.items()
        )
        try:
            engine.execute(
                f"CREATE TEMPORARY TABLE lines AS SELECT {values[CUSTOMER_ID].sql} AS customer_id, "  # noqa: S608
                f"timezone({literal(zone)}, timezone('UTC', {values[ORDERED_AT].sql})) AS local_at, "
                f"{values[AMOUNT].sql} AS amount, CASE {reasons} END AS problem FROM source"
            )
        except duckdb.Error as error:
            raise unreadable(source, error) from None
        problems = engine.query("SELECT problem, count(*) AS n FROM lines WHERE problem NOTNULL GROUP BY ALL")
        rejected = {row["problem"]: row["n"] for row in problems.to_pylist()}
        days = engine.query(
            "SELECT customer_id, CAST(local_at AS DATE) AS day, CAST(SUM(amount) AS DOUBLE) AS amount "
            "FROM lines WHERE problem IS NULL GROUP BY ALL HAVING MAX(amount) >= 0 ORDER BY customer_id, day"
        )
        if days.num_rows == 0:
            reason = max(rejected, key=lambda name: rejected[name], default="it holds no purchase")
            raise DataError(f"No line of {path} can be used: {reason}.", REMEDY)
        return purchase_days(days, rejected)


def read_summary(path: Path, columns: Mapping[str, str], time_unit: str) -> CustomerSummary:
    """A summary with customer_id, frequency, recency, T and, where there is one, monetary_value.

    Args:
        path: Parquet or CSV.
        columns: our name → the file's, where they differ.
        time_unit: in which recency and T count, day or week.

    Raises:
        DataError: the file or a column is missing or unreadable, or a row is no purchase history.
    """
    with DuckDBEngine() as engine:
        source, types = _open(engine, path, columns, SUMMARY_COLUMNS, SUMMARY_COLUMNS[:-1])
        names = [name for name in NUMBERS if columns.get(name, name) in types]
        customer = _value(CUSTOMER_ID, columns.get(CUSTOMER_ID, CUSTOMER_ID), types, "UTC", path).sql
        numbers = ", ".join(
            f"TRY_CAST({source_column(columns.get(name, name))} AS DOUBLE) AS {identifier(name)}"
            for name in names
        )
        try:
            rows = engine.query(f'SELECT {customer} AS customer_id, {numbers} FROM source ORDER BY "#row"')  # noqa: S608
        except duckdb.Error as error:
            raise unreadable(source, error) from None
    ids = as_text(rows[CUSTOMER_ID])
    if ids.null_count or len(ids.unique()) < len(ids):
        what = "without a customer_id" if ids.null_count else "of a customer who has another row"
        raise DataError(f"The summary {path} has a row {what}.", "Give one row per customer.")
    found = {name: rows[name].to_numpy().astype(np.float64) for name in names}
    return CustomerSummary(
        customer_id=ids,
        frequency=found["frequency"],
        recency=found["recency"],
        T=found["T"],
        monetary_value=found.get("monetary_value"),
        time_unit=time_unit,
    )


def _open(
    engine: DuckDBEngine,
    path: Path,
    columns: Mapping[str, str],
    known: tuple[str, ...],
    required: tuple[str, ...],
) -> tuple[SourceFile, dict[str, str]]:
    """Make the file the relation `source`; returns it and its columns with their SQL types."""
    for name in columns:
        if name not in known:
            raise DataError(f"--columns names {name}, but only {', '.join(known)} are read.", REMEDY)
    if not path.is_file():
        raise DataError(f"The file {path} does not exist.", "Check --orders or --summary.")
    if not path.name.endswith(SUFFIXES):
        raise DataError(f"The file {path} is not one of {', '.join(SUFFIXES)}.", "Give Parquet or CSV.")
    source = SourceFile(path, path.name, TableMapping(file=path.name), named=True)
    try:
        types, malformed = open_source(engine, source)
    except duckdb.Error as error:
        raise unreadable(source, error) from None
    if malformed:
        raise DataError(
            f"Line {malformed[0].row} of {path} has another number of values than the header.",
            "Repair or remove the line.",
        )
    for name in dict.fromkeys((*required, *columns)):
        if columns.get(name, name) not in types:
            raise DataError(
                f"The file {path} has no column {columns.get(name, name)}; it has {', '.join(types)}.", REMEDY
            )
    return source, types


def _only_days(engine: DuckDBEngine, theirs: str, types: Mapping[str, str]) -> bool:
    """Whether a column of stamps without an offset holds days: midnights and nothing else."""
    if types[theirs] not in STAMPS:
        return False
    stamp = source_column(theirs)
    found = engine.query(f"SELECT bool_and({stamp} = date_trunc('day', {stamp})) AS only_days FROM source")  # noqa: S608
    return bool(found["only_days"][0].as_py())


def _value(name: str, theirs: str, types: dict[str, str], zone: str, path: Path) -> Value:
    """SQL of a column by the data contract; a bare date is a local day of the shop."""
    column = Column(name, KINDS[name])
    try:
        plain = read_value(column, ColumnSource(column=theirs), types, CsvFormat())
        if KINDS[name] is not Kind.INSTANT or types[theirs] not in ("DATE", "VARCHAR"):
            return plain
        local = read_value(column, ColumnSource(column=theirs, zone=zone), types, CsvFormat())
    except UnsuitableTypeError as error:
        raise DataError(f"In {path} {error.message}.", REMEDY) from None
    if types[theirs] == "DATE":
        return local
    bare = f"regexp_full_match({source_column(theirs)}, {literal(ISO_DATE)})"
    return Value(
        f"CASE WHEN {bare} THEN {local.sql} ELSE {plain.sql} END",
        f"CASE WHEN {bare} THEN {local.problem} ELSE {plain.problem} END",
    )
