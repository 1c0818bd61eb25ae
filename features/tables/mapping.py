"""A mapping says how a shop's own export becomes the contract's tables.

It is a TOML file: data only, nothing in it is ever evaluated as code.

    note = "shown to whoever loads it"

    [orders]
    file = "invoices-*.csv"                 # a name or pattern inside the source folder
    [orders.csv]
    delimiter = ";"
    encoding = "gbk"
    [orders.columns]
    order_id = "Invoice"                    # rename
    ordered_at = {column = "InvoiceDate", format = "%d/%m/%Y %H:%M", zone = "Europe/London"}
    amount = {multiply = ["Quantity", "Price"]}
    discount = {sum = ["coupon", "rebate"]} # an empty term counts as nothing; all empty: no value
    channel = {constant = "store"}
    [[orders.reject]]
    column = "StockCode"
    op = "in"
    value = ["POST", "BANK CHARGES"]
    reason = "not a product"

A contract column that `columns` does not name is taken from a source column of the same name, if there
is one.
"""

import codecs
import hashlib
import tomllib
from pathlib import Path, PurePath
from typing import Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from features.errors import DataError
from features.tables.contracts import CONTRACTS, Kind

EPOCH_FORMATS = ("epoch_seconds", "epoch_milliseconds")
REMEDY = "See the head of features/tables/mapping.py and examples/mappings/ for what a mapping may say."


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CsvFormat(_Strict):
    """How a CSV file is written."""

    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', min_length=1, max_length=1)
    encoding: str = "utf-8"
    decimal_point: Literal[".", ","] = "."
    null_values: tuple[str, ...] = ("",)

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError:
            raise ValueError(f"{value!r} is not a text encoding such as utf-8 or gbk") from None
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
            `epoch_milliseconds` for whole numbers.
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
        return self

    @property
    def stated_reason(self) -> str:
        """The reason given, or the rule itself."""
        shown = "" if self.value is None else f" {self.value}"
        return self.reason or f"rejected by rule: {self.op}{shown}"


class TableMapping(_Strict):
    """How one contract table is read."""

    file: str = Field(min_length=1)
    columns: dict[str, ColumnSource] = Field(default_factory=dict)
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
    def _short_form(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: {"column": s} if isinstance(s, str) else s for name, s in value.items()}


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
    timed = column.kind in (Kind.INSTANT, Kind.DATE)
    if (source.format and not timed) or (source.zone and column.kind is not Kind.INSTANT):
        raise ValueError(f"{table}.{name} is no instant, so it takes no format or zone")


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
    return hashlib.sha256(mapped.model_dump_json(exclude={"file"}).encode()).hexdigest()
