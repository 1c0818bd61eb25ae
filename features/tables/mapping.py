"""A mapping says how a shop's own export becomes the contract's tables.

It is a TOML file: data only, nothing in it is ever evaluated as code.

    note = "shown to whoever loads it"

    [orders]
    file = "invoices-*.csv"                 # a name or pattern inside the source folder
    [orders.csv]                            # of files that are not Parquet
    delimiter = ";"                         # "\\t" for tabs
    quote = '"'                             # "" where nothing is quoted
    encoding = "gb18030"                    # utf-8 unless stated, with or without a byte order mark
    decimal_point = ","
    thousands = "."
    null_values = ["", "NULL"]
    [orders.columns]
    order_id = "Invoice"                    # rename
    customer_id = {column = "Customer ID", format = "whole_number"}   # 13085.0 is 13085
    ordered_at = {column = "InvoiceDate", format = "%d/%m/%Y %H:%M", zone = "Europe/London"}
    amount = {multiply = ["Quantity", "Price"]}
    discount = {sum = ["coupon", "rebate"]} # an empty term counts as nothing; all empty: no value
    channel = {column = "Shop", words = {"web*" = "web", "*" = "store"}}   # the first pattern that fits
    outlet_id = {constant = "1"}
    [[orders.reject]]
    column = "StockCode"
    op = "in"
    value = ["POST", "BANK CHARGES"]
    reason = "not a product"

    [products]
    file = "invoices-*.csv"                 # one file may bring several tables
    latest_by = {column = "InvoiceDate", format = "%d/%m/%Y %H:%M"}   # many rows a product: the newest holds

A contract column that `columns` does not name is taken from a source column of the same name, if there
is one.
"""

import codecs
import hashlib
import math
import re
import tomllib
from array import array
from pathlib import Path, PurePath
from typing import Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from features.errors import DataError
from features.tables.contracts import CONTRACTS, Kind

EPOCH_FORMATS = ("epoch_seconds", "epoch_milliseconds")
WHOLE_NUMBER = "whole_number"
# A stamp's text: anything but %, or one of the directives that DuckDB reads.
STAMP_FORMAT = re.compile(r"([^%]|%(-?[dHIjmMSy]|[aAbBcfgGhnpTuUVwWxXYzZ%]))+")
WORDS_FIT = (Kind.TEXT, Kind.BOOLEAN, Kind.CONSENT)
REMEDY = "See the head of features/tables/mapping.py and examples/mappings/ for what a mapping may say."


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CsvFormat(_Strict):
    """How a CSV file is written.

    Attributes:
        delimiter: between two values.
        quote: around a value that holds a delimiter, a line end or, doubled, a quote; empty: never.
        encoding: as Python names it.
        decimal_point: in numbers; the other sign is then no part of a number, unless it separates thousands.
        thousands: between groups of three digits, where numbers have them; a space may be a no-break one.
        null_values: texts that mean no value.
    """

    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    encoding: str = "utf-8"
    decimal_point: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    null_values: tuple[str, ...] = ("",)

    @field_validator("delimiter", "quote")
    @classmethod
    def _plain_sign(cls, value: str) -> str:
        if not value.isascii() or value in ("\r", "\n"):
            raise ValueError(f"{value!r} is no ASCII character within a line")
        return value

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        if self.thousands == self.decimal_point:
            raise ValueError(f"{self.thousands!r} cannot be both decimal_point and thousands")
        if self.delimiter == self.quote:
            raise ValueError(f"{self.quote!r} cannot be both delimiter and quote")
        return self

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        probe = "a,b\n"
        try:
            # As pyarrow calls it, with a mere buffer; rot13, hex, punycode and the like want something else.
            known = codecs.getdecoder(value)(array("B", probe.encode(value)))[0] == probe
        except (LookupError, UnicodeError, TypeError, AttributeError):
            known = False
        if not known:
            raise ValueError(f"{value!r} is not a text encoding such as utf-8 or gb18030")
        return value


class ColumnSource(_Strict):
    """Where the values of one contract column come from: exactly one of the first five.

    Attributes:
        column: one source column.
        first_of: the first of several source columns that is not empty.
        sum: several source columns added; an empty one counts as nothing.
        multiply: two source columns multiplied; an empty one makes the product empty.
        constant: one value for every row.
        format: how text is read as an instant or date (`%d/%m/%Y %H:%M`), or `epoch_seconds` or
            `epoch_milliseconds` for whole numbers; of an id, `whole_number`: 13085.0 is the id 13085, and
            anything but a whole number is rejected.
        words: patterns (`*` any text, `?` one character; small and capital letters alike) and the word that
            replaces a value the pattern fits; the first that fits, in the order written. Other values stay.
        zone: the zone of stamps that carry no offset; without it they are UTC. A wall-clock time that the
            zone skips (clocks go forward) is rejected; one that it has twice (clocks go back) is the second,
            standard time.
    """

    column: str | None = None
    first_of: tuple[str, ...] | None = Field(default=None, min_length=1)
    sum: tuple[str, ...] | None = Field(default=None, min_length=1)
    multiply: tuple[str, str] | None = None
    constant: str | int | float | bool | None = None
    format: str | None = None
    words: dict[str, str] | None = Field(default=None, min_length=1)
    zone: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        origins = (self.column, self.first_of, self.sum, self.multiply, self.constant)
        if sum(origin is not None for origin in origins) != 1:
            raise ValueError("say exactly one of column, first_of, sum, multiply and constant")
        if self.zone is not None and self.zone not in available_timezones():
            raise ValueError(f"{self.zone!r} is not an IANA time zone such as Europe/London")
        return self

    @property
    def source_columns(self) -> tuple[str, ...]:
        """Source columns that this column reads."""
        single = () if self.column is None else (self.column,)
        return single or self.first_of or self.sum or self.multiply or ()


class RejectRule(_Strict):
    """Rows to send to quarantine by a rule of the shop: `column op value`.

    Numbers compare as numbers, text as text; a row without a value in the column is only caught by `is_null`.
    """

    column: str
    op: Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "starts_with", "is_null"]
    value: bool | int | float | str | tuple[int | float | str, ...] | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _value_fits(self) -> Self:
        if (self.op == "is_null") != (self.value is None):
            raise ValueError(f"op {self.op!r} {'takes no' if self.op == 'is_null' else 'needs a'} value")
        if (self.op == "in") != isinstance(self.value, tuple):
            raise ValueError("a list of values goes with op 'in', and only with it")
        if self.op == "starts_with" and not isinstance(self.value, str):
            raise ValueError("op 'starts_with' needs a text value")
        if isinstance(self.value, float) and not math.isfinite(self.value):
            raise ValueError("a number to compare with must be finite")
        return self

    @property
    def stated_reason(self) -> str:
        """The reason given, or the rule itself."""
        shown = "" if self.value is None else f" {self.value}"
        return self.reason or f"rejected by rule: {self.op}{shown}"


class TableMapping(_Strict):
    """How one contract table is read.

    Attributes:
        file: a name or pattern inside the source folder.
        columns: where contract columns come from.
        latest_by: for a file with many rows of one id, such as order lines that also describe the product:
            the instant that orders them. The newest row is loaded and the others count as duplicates of it;
            of equally new rows one is chosen by its content, wherever it stands. Without it two different
            rows of an id in one file contradict each other.
        csv: how the file is written.
        reject: the shop's own rules, which come before the contract's.
    """

    file: str = Field(min_length=1)
    columns: dict[str, ColumnSource] = Field(default_factory=dict)
    latest_by: ColumnSource | None = None
    csv: CsvFormat = CsvFormat()
    reject: tuple[RejectRule, ...] = ()

    @field_validator("file")
    @classmethod
    def _inside_the_source(cls, value: str) -> str:
        path = PurePath(value)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError("give a name or pattern inside the source folder")
        return value

    @field_validator("columns", mode="before")
    @classmethod
    def _short_forms(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: {"column": s} if isinstance(s, str) else s for name, s in value.items()}

    @field_validator("latest_by", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return {"column": value} if isinstance(value, str) else value


class Mapping(_Strict):
    """A whole mapping file.

    Attributes:
        note: shown to whoever loads the data, such as a licence or a caveat.
        orders, products, … : the contract's tables that it brings; None for those it does not.
    """

    note: str = ""
    orders: TableMapping | None = None
    products: TableMapping | None = None
    customers: TableMapping | None = None
    events: TableMapping | None = None
    feedback: TableMapping | None = None
    tickets: TableMapping | None = None
    contacts: TableMapping | None = None
    redemptions: TableMapping | None = None
    costs: TableMapping | None = None

    @model_validator(mode="after")
    def _fits_the_contract(self) -> Self:
        if not self.tables:
            raise ValueError(f"name at least one table: {', '.join(f'[{table}]' for table in CONTRACTS)}")
        for table, mapped in self.tables.items():
            for name, source in mapped.columns.items():
                _check_column(table, name, source)
            if mapped.latest_by is not None:
                _check_latest_by(table, mapped.latest_by)
        return self

    @property
    def tables(self) -> dict[str, TableMapping]:
        """The tables this mapping brings, in contract order."""
        found = {table: getattr(self, table) for table in CONTRACTS}
        return {table: mapped for table, mapped in found.items() if mapped is not None}


def _check_column(table: str, name: str, source: ColumnSource) -> None:
    column = CONTRACTS[table].column(name)
    if column is None:
        known = ", ".join(c.name for c in CONTRACTS[table].columns)
        raise ValueError(f"{table} has no column {name!r}; it has {known}")
    if (source.sum or source.multiply) and column.kind is not Kind.DECIMAL:
        raise ValueError(f"{table}.{name} is not a number, so it cannot be a sum or product")
    if source.words and (column.kind not in WORDS_FIT or not (source.column or source.first_of)):
        raise ValueError(f"{table}.{name} is no text of the source, so it takes no words")
    if column.kind is Kind.ID and source.format not in (None, WHOLE_NUMBER):
        raise ValueError(f"{table}.{name} is an id, whose only format is {WHOLE_NUMBER!r}")
    _check_format(f"{table}.{name}", source.format)
    timed = column.kind in (Kind.INSTANT, Kind.DATE, Kind.ID)
    if (source.format and not timed) or (source.zone and column.kind is not Kind.INSTANT):
        raise ValueError(f"{table}.{name} is no instant, so it takes no format or zone")


def _check_latest_by(table: str, source: ColumnSource) -> None:
    if not CONTRACTS[table].versioned:
        kept = ", ".join(name for name, contract in CONTRACTS.items() if contract.versioned)
        raise ValueError(f"{table} keep every row; latest_by is for {kept}")
    if not (source.column or source.first_of) or source.words:
        raise ValueError(f"{table}.latest_by is an instant: say column or first_of, and format and zone")
    _check_format(f"{table}.latest_by", source.format)


def _check_format(name: str, format_: str | None) -> None:
    if format_ is not None and not STAMP_FORMAT.fullmatch(format_):
        raise ValueError(f"the format {format_!r} of {name} is none such as %d.%m.%Y %H:%M")


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping file.

    Raises:
        DataError: the file is missing, is not TOML, or says something a mapping cannot say.
    """
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return Mapping.model_validate(values)
    except FileNotFoundError:
        raise DataError(f"The mapping {path} does not exist.", "Check --map.") from None
    except IsADirectoryError:
        raise DataError(f"The mapping {path} is a folder, not a file.", "Check --map.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"The mapping {path} is not valid TOML: {error}.", REMEDY) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        raise DataError(
            f"The mapping {path} is wrong{' at ' + where if where else ''}: {problem}.", REMEDY
        ) from None


def digest_of(mapped: TableMapping) -> str:
    """A fingerprint of how a table is read, wherever it lies: a changed mapping reads a known file anew."""
    # Without defaults, so that what a later version adds to mappings changes nothing for files loaded before.
    said = mapped.model_dump_json(exclude={"file"}, exclude_defaults=True)
    return hashlib.sha256(said.encode()).hexdigest()
