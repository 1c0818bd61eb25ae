"""The contract as SQL: from the relation `source` to typed rows, each with its first problem."""

from dataclasses import dataclass
from datetime import UTC, datetime

from features.errors import DataError
from features.tables.contracts import ATTRIBUTE_PREFIX, Column, Contract, Kind
from features.tables.duckdb_engine import identifier, literal
from features.tables.mapping import ColumnSource, RejectRule
from features.tables.sources import ROW, SourceFile
from features.tables.values import UnsuitableTypeError, Value, as_number, read_value, source_column

COMPARISONS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


@dataclass(frozen=True)
class CheckedQuery:
    """A query over `source` and what it leaves unread.

    Attributes:
        sql: gives `#row`, the contract's columns, identity_hash, content_hash, latest_at, problem_column and
            problem_reason.
        stored: names of the columns that go into the lake.
        ignored: source columns that nothing reads.
    """

    sql: str
    stored: tuple[str, ...]
    ignored: tuple[str, ...]


def check_query(
    contract: Contract, source: SourceFile, types: dict[str, str], timezone: str, now: datetime | None
) -> CheckedQuery:
    """Build the query that types and checks every row of a file.

    Args:
        contract: the table's contract.
        source: the file and its mapping.
        types: SQL type of each of its columns.
        timezone: the shop's zone, for `local_at`.
        now: what is stamped later has not happened and is rejected; None: nothing is.

    Raises:
        DataError: a required column is missing, or a column has a type that can never fit.
    """
    origins = _origins(contract, source, types)
    columns, values = _values(contract, source, types, origins)
    latest, latest_problem = _latest(source, types)
    rules = [(r.column, _condition(r, types, source), r.stated_reason) for r in source.mapped.reject]
    typed = {column.name: f"({value.sql})" for column, value in zip(columns, values, strict=True)}
    reasons = [
        (column.name, _reason(column, value, typed, timezone, now))
        for column, value in zip(columns, values, strict=True)
    ]
    where, why = _first_problem(rules, [*reasons, *latest_problem])
    row_hash = _hash({name: f"CAST({source_column(name)} AS VARCHAR)" for name in types})
    inner = ", ".join(
        [identifier(ROW), f"{row_hash} AS row_hash", f"{latest} AS latest_at"]
        + [f"{sql} AS {identifier(name)}" for name, sql in typed.items()]
        + [f"{where} AS problem_column", f"{why} AS problem_reason"]
    )
    identity, content = _hashes(contract, columns, contract.identity in origins)
    names = [column.name for column in columns]
    outer = [identifier(ROW), *(identifier(name) for name in names)]
    if contract.local_of:
        outer.append(f"{_local(contract.local_of, timezone)} AS local_at")
        names.append("local_at")
    outer += [
        f"{identity} AS identity_hash",
        f"{content} AS content_hash",
        "latest_at",
        "problem_column",
        "problem_reason",
    ]
    used = {name for origin in origins.values() for name in origin.source_columns}
    used |= set(_named_beside(source))
    return CheckedQuery(
        sql=f"SELECT {', '.join(outer)} FROM (SELECT {inner} FROM source)",  # noqa: S608
        stored=tuple(names),
        ignored=tuple(name for name in types if name not in used),
    )


def _origins(contract: Contract, source: SourceFile, types: dict[str, str]) -> dict[str, ColumnSource]:
    """Where each contract column comes from; columns that come from nowhere are left out."""
    origins = dict(source.mapped.columns)
    for name in types:
        if name not in origins and contract.column(name) is not None:
            origins[name] = ColumnSource(column=name)
    wanted = [name for origin in origins.values() for name in origin.source_columns]
    wanted += _named_beside(source)
    for name in wanted:
        if name not in types:
            raise _missing(source, types, f"no column {name}, which the mapping names")
    for column in contract.columns:
        alternatives = [column.name, *column.also]
        if (column.required or column.also) and not any(name in origins for name in alternatives):
            raise _missing(
                source, types, f"no column {' or '.join(alternatives)}, which {contract.table} need"
            )
    return origins


def _named_beside(source: SourceFile) -> list[str]:
    """Source columns that the mapping names beside those of the contract's columns."""
    latest = source.mapped.latest_by
    return [*(rule.column for rule in source.mapped.reject), *(latest.source_columns if latest else ())]


def _missing(source: SourceFile, types: dict[str, str], what: str) -> DataError:
    remedy = (
        "Correct the mapping."
        if source.named
        else "Export it, or give --map with a file that renames columns."
    )
    return DataError(f"The file {source.path} has {what}; it has {', '.join(types)}.", remedy)


def _values(
    contract: Contract, source: SourceFile, types: dict[str, str], origins: dict[str, ColumnSource]
) -> tuple[list[Column], list[Value]]:
    attributes = sorted(name for name in origins if name.startswith(ATTRIBUTE_PREFIX))
    extra = [column for name in attributes if (column := contract.column(name)) is not None]
    columns, values = [*contract.columns, *extra], []
    for column in columns:
        origin = origins.get(column.name)
        if origin is None:
            values.append(Value(f"CAST(NULL AS {column.lake_type})"))
            continue
        values.append(_value(column, origin, source, types))
    return columns, values


def _value(column: Column, origin: ColumnSource, source: SourceFile, types: dict[str, str]) -> Value:
    try:
        return read_value(column, origin, types, source.mapped.csv)
    except UnsuitableTypeError as error:
        raise DataError(
            f"In {source.path} {error.message}.", "Export it as that, or map another column."
        ) from None


def _latest(source: SourceFile, types: dict[str, str]) -> tuple[str, list[tuple[str, str]]]:
    """SQL of the instant by which the newest of several rows holds, and (column, reason) where it is none."""
    origin = source.mapped.latest_by
    if origin is None:
        return "CAST(NULL AS TIMESTAMP)", []
    name = " or ".join(origin.source_columns)
    value = _value(Column(name, Kind.INSTANT), origin, source, types)
    return value.sql, [] if value.never_wrong else [(name, value.problem)]


def _local(instant: str, timezone: str) -> str:
    """SQL of the shop's wall clock at a UTC instant."""
    return f"timezone({literal(timezone)}, timezone('UTC', {instant}))"


def _reason(column: Column, value: Value, typed: dict[str, str], timezone: str, now: datetime | None) -> str:
    """SQL of the first thing wrong with a contract column, NULL where nothing is."""
    found = [] if value.never_wrong else [value.problem]
    x = value.sql
    if column.required:
        found.append(f"CASE WHEN ({x}) IS NULL THEN 'missing' END")
    if column.also:
        either = ", ".join(typed[name] for name in (column.name, *column.also))
        found.append(f"CASE WHEN coalesce({either}) IS NULL THEN 'missing' END")
    if column.minimum is not None:
        found.append(f"CASE WHEN ({x}) < {column.minimum} THEN 'below {column.minimum:g}' END")
    if column.maximum is not None:
        found.append(f"CASE WHEN ({x}) > {column.maximum} THEN 'above {column.maximum:g}' END")
    if column.vocabulary is not None:
        words = ", ".join(literal(word) for word in column.vocabulary)
        found.append(f"CASE WHEN ({x}) NOT IN ({words}) THEN 'not a known word' END")
    if now is not None and (column.past or column.kind is Kind.INSTANT):
        latest = f"TIMESTAMP {literal(now.astimezone(UTC).replace(tzinfo=None).isoformat(' '))}"
        latest = f"CAST({_local(latest, timezone)} AS DATE)" if column.kind is Kind.DATE else latest
        found.append(f"CASE WHEN ({x}) > {latest} THEN 'in the future' END")
    if column.ranges_by is not None:
        found.append(_outside(x, *column.ranges_by, typed))
    if column.not_before is not None:
        earlier = f"({typed[column.not_before]})"
        if column.kind is Kind.DATE:
            earlier = f"CAST({_local(earlier, timezone)} AS DATE)"
        found.append(f"CASE WHEN ({x}) < {earlier} THEN {literal(f'before {column.not_before}')} END")
    return f"coalesce({', '.join(found)}, NULL)" if found else "NULL"


def _outside(x: str, by: str, ranges: tuple[tuple[str, float, float], ...], typed: dict[str, str]) -> str:
    """SQL of the reason why a number lies outside the range that the word in the column `by` gives it."""
    cases = " ".join(
        f"WHEN {typed[by]} = {literal(word)} AND ({x}) NOT BETWEEN {low} AND {high} "
        f"THEN {literal(f'not between {low:g} and {high:g}, the range of {word}')}"
        for word, low, high in ranges
    )
    return f"CASE {cases} END"


def _first_problem(rules: list[tuple[str, str, str]], checked: list[tuple[str, str]]) -> tuple[str, str]:
    """SQL of the column and of the reason of the first problem: the shop's rules, then contract order."""
    cases = [(condition, literal(name), literal(reason)) for name, condition, reason in rules]
    cases += [(f"({sql}) IS NOT NULL", literal(name), sql) for name, sql in checked if sql != "NULL"]
    where = " ".join(f"WHEN {condition} THEN {name}" for condition, name, _ in cases)
    why = " ".join(f"WHEN {condition} THEN {reason}" for condition, _, reason in cases)
    return f"CASE {where} END", f"CASE {why} END"


def _condition(rule: RejectRule, types: dict[str, str], source: SourceFile) -> str:
    """SQL that is true for the rows a reject rule catches."""
    x = source_column(rule.column)
    text = f"CAST({x} AS VARCHAR)"
    if rule.op == "is_null":
        return f"({x} IS NULL OR trim({text}) = '')"
    if rule.op == "starts_with":
        return f"starts_with({text}, {literal(str(rule.value))})"
    if isinstance(rule.value, tuple):
        return f"{text} IN ({', '.join(literal(str(value)) for value in rule.value)})"
    sign = COMPARISONS[rule.op]
    if isinstance(rule.value, bool):
        return f"{text} {sign} {literal(str(rule.value).lower())}"
    if isinstance(rule.value, str):
        return f"{text} {sign} {literal(rule.value)}"
    return f"{as_number(rule.column, types, source.mapped.csv)} {sign} {rule.value!r}"


def _hash(texts: dict[str, str]) -> str:
    """SQL of a 128-bit hash over named texts; absent and empty-handed columns do not count.

    Names and lengths are in it, so that no two different rows spell the same text.
    """
    parts = [
        f"coalesce({literal(name + '=')} || length({sql}) || ':' || {sql}, '')"
        for name, sql in sorted(texts.items())
    ]
    return f"CAST(md5({' || '.join(parts)}) AS UUID)"


def _hashes(contract: Contract, columns: list[Column], known_by_id: bool) -> tuple[str, str]:
    """SQL of identity_hash and content_hash. A row without an id is its source columns, and nothing else."""
    if not known_by_id:
        return "row_hash", "CAST(NULL AS UUID)"
    identity = identifier(contract.identity)
    by_id = _hash({contract.identity: identity})
    content = _hash({c.name: f"CAST({identifier(c.name)} AS VARCHAR)" for c in columns})
    return (
        f"CASE WHEN {identity} IS NULL THEN row_hash ELSE {by_id} END",
        f"CASE WHEN {identity} IS NOT NULL THEN {content} END",
    )
