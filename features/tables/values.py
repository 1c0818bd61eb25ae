"""How one source column becomes one contract value, in SQL: the value, or why it is none."""

from collections.abc import Callable
from dataclasses import dataclass

from features.errors import DataError
from features.tables.contracts import Column, Kind
from features.tables.duckdb_engine import identifier, literal
from features.tables.mapping import EPOCH_FORMATS, WHOLE_NUMBER, ColumnSource, CsvFormat

WHOLE = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
)
FLOATING = ("FLOAT", "DOUBLE")
STAMPS = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
ZONED = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS")
# What may stand between groups of three digits: a space or an apostrophe comes in more than one form.
THOUSANDS = {"": "", ".": r"\.", ",": ",", " ": "[ \u00a0\u202f]", "'": "['\u2019]"}
ISO_DATE = r"\d{4}-\d{1,2}-\d{1,2}"
OFFSET = r"(Z|[+-]\d{2}(:?\d{2})?)"
CLOCK = r"[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
# Stamps outside are typing errors or placeholders such as 9999-12-31, and would stretch every window.
EARLIEST, LATEST = "TIMESTAMP '1900-01-01'", "TIMESTAMP '2200-01-01'"


@dataclass(frozen=True)
class Value:
    """SQL for a value and for what is wrong with it.

    Attributes:
        sql: the typed value; NULL where the source is empty or wrong.
        problem: a short reason, NULL where nothing is wrong.
    """

    sql: str
    problem: str = "NULL"

    @property
    def never_wrong(self) -> bool:
        """Whether no source value of this type can be wrong."""
        return self.problem == "NULL"


class UnsuitableTypeError(DataError):
    """A source column's type can never give the contract's kind."""


def read_value(column: Column, source: ColumnSource, types: dict[str, str], csv: CsvFormat) -> Value:
    """SQL that reads a contract column from a source.

    Args:
        column: the contract column.
        source: where its values come from.
        types: SQL type of each source column.
        csv: how numbers in text are written.

    Raises:
        UnsuitableTypeError: the source column's type cannot hold such values at all.
    """
    if source.constant is not None:
        text = str(source.constant).lower() if isinstance(source.constant, bool) else str(source.constant)
        return _one(column.kind, literal(text), "VARCHAR", source, CsvFormat())
    terms = []
    for name in source.source_columns:
        kind = types[name]
        x, plain = source_column(name), _plain(kind)
        if source.words is not None:
            x, plain = _reworded(x, source.words), "VARCHAR"
        try:
            terms.append(_one(column.kind, x, plain, source, csv))
        except UnsuitableTypeError:
            raise UnsuitableTypeError(
                f"the column {name} holds {kind}, but {column.name} must be {_wanted(column.kind)}"
            ) from None
    if source.sum is not None:
        return _sum(terms)
    if source.multiply is not None:
        return _product(terms)
    return _first(terms)


def source_column(name: str) -> str:
    """A source column, told apart from a contract column of the same name."""
    return f"source.{identifier(name)}"


def as_number(name: str, types: dict[str, str], csv: CsvFormat) -> str:
    """SQL of a source column as a float, NULL where it holds no number."""
    x = source_column(name)
    if _plain(types[name]) != "VARCHAR":
        return f"TRY_CAST({x} AS DOUBLE)"
    is_number, plain = _number(x, csv)
    return f"CASE WHEN {is_number} THEN TRY_CAST({plain} AS DOUBLE) END"


def _reworded(x: str, words: dict[str, str]) -> str:
    text = f"CAST({x} AS VARCHAR)"
    cases = " ".join(
        f"WHEN lower(trim({text})) GLOB {literal(pattern.lower())} THEN {literal(word)}"
        for pattern, word in words.items()
    )
    # Without the first case a fallback such as "*" would make a word of no value.
    return f"CASE WHEN trim({text}) = '' THEN NULL {cases} ELSE {text} END"


def _wanted(kind: Kind) -> str:
    names = {Kind.ID: "an id (text or whole numbers)", Kind.DECIMAL: "a number", Kind.INSTANT: "an instant"}
    return names.get(kind, f"a {kind.value}")


def _plain(kind: str) -> str:
    """The type without its parameters: DECIMAL(9,2) is a DECIMAL; an enumeration, or only nulls, is text."""
    if kind.startswith("ENUM") or kind in ("NULL", '"NULL"'):
        return "VARCHAR"
    return "DECIMAL" if kind.startswith("DECIMAL(") else kind


def _one(kind: Kind, x: str, type_: str, source: ColumnSource, csv: CsvFormat) -> Value:
    readers: dict[Kind, Callable[[], Value]] = {
        Kind.ID: lambda: _id(x, type_, source.format),
        Kind.TEXT: lambda: _text(x, type_),
        Kind.DECIMAL: lambda: _decimal(x, type_, csv),
        Kind.INSTANT: lambda: _instant(x, type_, source),
        Kind.DATE: lambda: _date(x, type_, source),
        Kind.BOOLEAN: lambda: _boolean(x, type_, consent=False),
        Kind.CONSENT: lambda: _boolean(x, type_, consent=True),
        Kind.JSON: lambda: _json(x, type_),
    }
    return readers[kind]()


def _blank_is_null(x: str) -> str:
    return f"CASE WHEN trim({x}) <> '' THEN {x} END"


def _id(x: str, type_: str, format_: str | None) -> Value:
    if type_ == "VARCHAR" and format_ == WHOLE_NUMBER:
        digits = f"regexp_extract(trim({x}), '^(-?[0-9]+)([.]0*)?$', 1)"
        return Value(
            f"CASE WHEN {digits} <> '' THEN {digits} END",
            f"CASE WHEN trim({x}) <> '' AND {digits} = '' THEN 'not a whole number' END",
        )
    if type_ == "VARCHAR":
        return Value(_blank_is_null(x))
    if type_ in WHOLE or type_ == "UUID":
        return Value(f"CAST({x} AS VARCHAR)")
    if type_ in FLOATING or type_ == "DECIMAL":
        # A column of whole numbers with gaps often arrives as floats: 13085.0 is the id 13085.
        whole = f"TRY_CAST({x} AS BIGINT)"
        exact = f"abs({x}) < 9007199254740992 AND {whole} = {x}"
        return Value(
            f"CASE WHEN {exact} THEN CAST({whole} AS VARCHAR) END",
            f"CASE WHEN {x} IS NOT NULL AND NOT coalesce({exact}, FALSE) THEN 'not a whole number' END",
        )
    raise UnsuitableTypeError(type_)


def _text(x: str, type_: str) -> Value:
    if type_ == "VARCHAR":
        return Value(_blank_is_null(x))
    if type_ == "BLOB" or type_.endswith("]") or type_.startswith(("STRUCT", "MAP", "UNION")):
        raise UnsuitableTypeError(type_)
    return Value(f"CAST({x} AS VARCHAR)")


def _decimal(x: str, type_: str, csv: CsvFormat) -> Value:
    decimal = f"TRY_CAST({x} AS DECIMAL(18,4))"
    too_large = f"WHEN {x} IS NOT NULL AND {decimal} IS NULL THEN 'out of range'"
    if type_ in WHOLE or type_ == "DECIMAL":
        return Value(decimal, f"CASE {too_large} END")
    if type_ in FLOATING:
        return Value(decimal, f"CASE WHEN NOT isfinite({x}) THEN 'not finite' {too_large} END")
    if type_ != "VARCHAR":
        raise UnsuitableTypeError(type_)
    is_number, plain = _number(x, csv)
    decimal = f"TRY_CAST({plain} AS DECIMAL(18,4))"
    return Value(
        f"CASE WHEN {is_number} THEN {decimal} END",
        f"CASE WHEN {x} IS NULL OR trim({x}) = '' THEN NULL "
        f"WHEN NOT {is_number} THEN CASE WHEN lower(ltrim(trim({x}), '+-')) IN ('nan', 'inf', 'infinity') "
        f"THEN 'not finite' ELSE 'not a number' END WHEN {decimal} IS NULL THEN 'out of range' END",
    )


def _number(x: str, csv: CsvFormat) -> tuple[str, str]:
    """SQL that says whether a text is a number as the file writes them, and SQL of its plain digits."""
    point, group = f"[{csv.decimal_point}]", THOUSANDS[csv.thousands]
    form = rf"[+-]?(\d+{point}?\d*|{point}\d+)([eE][+-]?\d+)?"
    plain = f"trim({x})"
    if group:
        form += rf"|[+-]?\d{{1,3}}({group}\d{{3}})+({point}\d*)?"
        plain = f"regexp_replace({plain}, {literal(group)}, '', 'g')"
    if csv.decimal_point == ",":
        plain = f"replace({plain}, ',', '.')"
    return f"regexp_full_match(trim({x}), {literal(form)})", plain


def _sum(terms: list[Value]) -> Value:
    total = " + ".join(f"CAST(coalesce({term.sql}, 0) AS DECIMAL(38,4))" for term in terms)
    return _combined(
        terms, f"CASE WHEN coalesce({', '.join(t.sql for t in terms)}) IS NOT NULL THEN {total} END"
    )


def _product(terms: list[Value]) -> Value:
    # Through floats, because two DECIMAL(18,4) have eight digits after the point; the cast rounds to four.
    return _combined(terms, " * ".join(f"CAST({term.sql} AS DOUBLE)" for term in terms))


def _combined(terms: list[Value], result: str) -> Value:
    decimal = f"TRY_CAST({result} AS DECIMAL(18,4))"
    too_large = f"CASE WHEN ({result}) IS NOT NULL AND {decimal} IS NULL THEN 'out of range' END"
    return Value(decimal, f"coalesce({', '.join(term.problem for term in terms)}, {too_large})")


def _first(terms: list[Value]) -> Value:
    if len(terms) == 1:
        return terms[0]
    problems = [term.problem for term in terms if not term.never_wrong]
    return Value(
        f"coalesce({', '.join(term.sql for term in terms)})",
        f"coalesce({', '.join(problems)}, NULL)" if problems else "NULL",
    )


def _instant(x: str, type_: str, source: ColumnSource) -> Value:
    if type_ in ZONED:
        return _stamp(x, utc=f"timezone('UTC', CAST({x} AS TIMESTAMPTZ))")
    if type_ in STAMPS or type_ == "DATE":
        return _stamp(x, wall=f"CAST({x} AS TIMESTAMP)", zone=source.zone)
    if source.format in EPOCH_FORMATS and type_ in ("VARCHAR", *WHOLE):
        return _stamp(x, utc=_epoch(f"TRY_CAST({x} AS BIGINT)", source.format))
    if type_ != "VARCHAR":
        raise UnsuitableTypeError(type_)
    if source.format is None:
        return _iso_instant(x, source.zone)
    parsed = f"try_strptime({x}, {literal(source.format)})"
    if "%z" in source.format:
        return _stamp(x, utc=f"timezone('UTC', {parsed})")
    return _stamp(x, wall=parsed, zone=source.zone)


def _iso_instant(x: str, zone: str | None) -> Value:
    # DuckDB's own cast to a plain stamp drops an offset, so the two forms are told apart first.
    zoned = f"regexp_full_match({x}, {literal(ISO_DATE + CLOCK + OFFSET)})"
    plain = f"regexp_full_match({x}, {literal(f'{ISO_DATE}({CLOCK})?')})"
    return _stamp(
        x,
        utc=f"CASE WHEN {zoned} THEN timezone('UTC', TRY_CAST({x} AS TIMESTAMPTZ)) END",
        wall=f"CASE WHEN {plain} THEN TRY_CAST({x} AS TIMESTAMP) END",
        zone=zone,
    )


def _epoch(x: str, format_: str) -> str:
    # Outside these bounds make_timestamp raises instead of answering NULL; 7.3e9 s is the year 2200.
    factor, bound = (1_000_000, 7_300_000_000) if format_ == "epoch_seconds" else (1_000, 7_300_000_000_000)
    return f"CASE WHEN abs({x}) < {bound} THEN make_timestamp(CAST({x} AS BIGINT) * {factor}) END"


def _stamp(x: str, *, utc: str | None = None, wall: str | None = None, zone: str | None = None) -> Value:
    """An instant that is `utc`, or else the wall clock `wall` of a zone (None: UTC)."""
    skipped = ""
    if wall is not None and zone is not None:
        place = literal(zone)
        moment = f"timezone({place}, {wall})"
        # A wall clock that the zone skipped comes back as another one.
        skipped = (
            f"WHEN {_in_range(wall)} AND timezone({place}, {moment}) <> {wall} "
            f"THEN {literal(f'not a time in {zone}')}"
        )
        wall = f"CASE WHEN {_in_range(wall)} THEN timezone('UTC', {moment}) ELSE {wall} END"
    value = f"coalesce({', '.join(part for part in (utc, wall) if part)})"
    return _bounded(x, value, "not an instant", skipped)


def _in_range(stamp: str) -> str:
    return f"({stamp} >= {EARLIEST} AND {stamp} < {LATEST})"


def _bounded(x: str, value: str, unparsable: str, extra: str = "") -> Value:
    return Value(
        f"CASE WHEN {_in_range(value)} THEN {value} END",
        f"CASE WHEN {x} IS NULL OR trim(CAST({x} AS VARCHAR)) = '' THEN NULL {extra} "
        f"WHEN {value} IS NULL THEN {literal(unparsable)} "
        f"WHEN NOT {_in_range(value)} THEN 'out of range' END",
    )


def _date(x: str, type_: str, source: ColumnSource) -> Value:
    if type_ == "DATE" or type_ in STAMPS:
        return _bounded(x, f"CAST({x} AS DATE)", "not a date")
    if type_ != "VARCHAR":
        raise UnsuitableTypeError(type_)
    if source.format is not None:
        return _bounded(x, f"CAST(try_strptime({x}, {literal(source.format)}) AS DATE)", "not a date")
    is_date = f"regexp_full_match({x}, {literal(ISO_DATE)})"
    return _bounded(x, f"CASE WHEN {is_date} THEN TRY_CAST({x} AS DATE) END", "not a date")


def _boolean(x: str, type_: str, consent: bool) -> Value:
    if type_ not in ("BOOLEAN", "VARCHAR", *WHOLE, *FLOATING):
        raise UnsuitableTypeError(type_)
    word = f"lower(trim(CAST({x} AS VARCHAR)))"
    truth = (
        f"CASE WHEN {word} IN ('true', 't', 'yes', 'y', '1', '1.0') THEN TRUE "
        f"WHEN {word} IN ('false', 'f', 'no', 'n', '0', '0.0') THEN FALSE END"
    )
    problem = f"CASE WHEN {word} <> '' AND {truth} IS NULL THEN 'not true or false' END"
    # Where a shop keeps consent at all, silence is no consent.
    return Value(f"coalesce({truth}, FALSE)" if consent else truth, problem)


def _json(x: str, type_: str) -> Value:
    if type_ not in ("VARCHAR", "JSON"):
        return Value(f"CAST(to_json({x}) AS VARCHAR)")
    problem = f"CASE WHEN trim(CAST({x} AS VARCHAR)) <> '' AND NOT json_valid({x}) THEN 'not JSON' END"
    return Value(_blank_is_null(f"CAST({x} AS VARCHAR)"), problem)
