"""The loyalty measures of the whole shop on a day: overall, by group, by month, and as cohorts.

from features.measures.shop_report import measure_shop
report = measure_shop(engine, settings)
report.to_dict()["measures"][0]      # {"measure": "order_value", "by": None, "value": …}
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from features.columns import SEGMENTS, TIERS
from features.errors import DataError
from features.measures import intervals
from features.measures.measure import BY_ALL, BY_MONTH, TRAITS, Measure
from features.measures.needs import missing_needs
from features.measures.outcomes import WINDOW_DAYS
from features.measures.registry import SHOP_MEASURES
from features.measures.shop_numbers import Cell, Number, ShopNumbers, count_shop
from features.measures.traits import AGE_BANDS, NO_SEGMENT, UNKNOWN, trait_table
from features.measures.windows import OVERALL, Span
from features.profiles.build import build_profiles, require_orders
from features.settings import Settings
from features.tables.engine import Engine, read_sql

# A value about fewer people than this says too much about each of them, and too little about anything else.
PEOPLE_MIN = 5
TOO_FEW, NOTHING_TO_DIVIDE_BY = "fewer_than_5_customers", "denominator_is_zero"
GROUP_ORDER = {group: place for place, group in enumerate((*SEGMENTS, *TIERS, *AGE_BANDS.values()))}


@dataclass(frozen=True, slots=True)
class Value:
    """One measure in one cell.

    Attributes:
        measure: the measure.
        by: what the shop was split by; None: the whole shop.
        group: which part of it.
        people: customers behind the value.
        value: None where it is withheld or nothing can be divided by.
        numerator: None where withheld.
        denominator: likewise; also where the measure is a sum.
        interval: 95 %, of shares of customers and of means.
        reason: why there is no value.
    """

    measure: Measure
    by: str | None
    group: str | None
    people: int
    value: int | float | None
    numerator: int | float | None
    denominator: int | float | None
    interval: tuple[float, float] | None
    reason: str | None

    @property
    def withheld(self) -> bool:
        """Whether too few people stand behind it."""
        return self.reason == TOO_FEW

    def without_number(self) -> "Value":
        """The same cell with its numbers withheld."""
        return replace(self, value=None, numerator=None, denominator=None, interval=None, reason=TOO_FEW)

    def to_dict(self) -> dict[str, Any]:
        """For JSON and CSV."""
        return {
            "measure": self.measure.key,
            "by": self.by,
            "group": self.group,
            "value": self.value,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "ci": self.interval and list(self.interval),
            "unit": self.measure.unit,
            "withheld": self.withheld,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class ShopReport:
    """Every value, and what could not be measured.

    Attributes:
        span: the day, the window and the newest order.
        values: measure by measure, the whole shop first.
        cohorts: one a complete month: cohort, customers, withheld, and months: months_since, value,
            numerator, denominator for each complete month after it.
        not_measured: measure and what it needs.
        not_split: dimension and what it needs.
    """

    span: Span
    values: tuple[Value, ...]
    cohorts: tuple[dict[str, Any], ...]
    not_measured: tuple[dict[str, str], ...]
    not_split: tuple[dict[str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "as_of": self.span.as_of.isoformat(),
            "window_days": self.span.days,
            "newest_order_day": self.span.newest_day.isoformat(),
            "measures": [value.to_dict() for value in self.values],
            "cohorts": list(self.cohorts),
            "not_measured": list(self.not_measured),
            "not_split": list(self.not_split),
        }


def measure_shop(
    engine: Engine,
    settings: Settings,
    *,
    as_of: date | None = None,
    by: Sequence[str] = BY_ALL,
    measures: Sequence[str] | None = None,
    days: int = WINDOW_DAYS,
) -> ShopReport:
    """Measure the shop.

    Args:
        engine: with the lake's views.
        settings: sections shop, profiles and tiers (of the segments and tiers).
        as_of: only local days before it are read; None: the day after the newest order.
        by: what to split by, of `measure.BY_ALL`.
        measures: keys of `registry.SHOP_MEASURES`; None: all.
        days: length of the window before as_of.

    Raises:
        DataError: a dimension or measure is none, or the window is empty.
        NotReadyError: the lake has no orders before the day.
    """
    _refuse_unknown("dimension", by, BY_ALL)
    chosen = tuple(SHOP_MEASURES) if measures is None else tuple(dict.fromkeys(measures))
    _refuse_unknown("measure of the shop", chosen, SHOP_MEASURES)
    if days < 1:
        raise DataError(f"A window of {days} days is empty.", "Give --days at least 1.")
    span = _span(engine, settings, as_of, days)
    wanted = [SHOP_MEASURES[key] for key in chosen]
    missing = missing_needs(engine, [need for measure in wanted for need in measure.needs], span.as_of)
    profiles = build_profiles(engine, span.as_of, settings) if set(by) & set(TRAITS) else None
    traits = trait_table(profiles, tuple(by))
    not_split = _not_split(engine, span, by, set(traits["dimension"].to_pylist()))
    dimensions = tuple(name for name in BY_ALL if name in by and name not in not_split)
    numbers = count_shop(engine, span, span.table(dimensions, settings.shop.zone), traits)
    return ShopReport(
        span=span,
        values=tuple(
            value
            for measure in wanted
            if not missing & set(measure.needs)
            for dimension in (OVERALL, *(name for name in dimensions if name in measure.splits))
            for value in _values(measure, dimension, numbers)
        ),
        cohorts=tuple(_cohorts(numbers, span)),
        not_measured=tuple(
            {"measure": measure.key, "needs": need}
            for measure in wanted
            for need in measure.needs
            if need in missing
        ),
        not_split=tuple({"by": name, "needs": need} for name, need in not_split.items()),
    )


def _refuse_unknown(what: str, given: Sequence[str], known: Sequence[str] | dict[str, Measure]) -> None:
    for name in given:
        if name not in known:
            raise DataError(f"There is no {what} {name!r}.", f"Choose of: {', '.join(known)}.")


def _span(engine: Engine, settings: Settings, as_of: date | None, days: int) -> Span:
    # Without a day given, the whole lake is looked at.
    require_orders(engine, as_of or date.max, settings)
    row = engine.query(read_sql("measure_span"), {"as_of": as_of or date.max}).to_pylist()[0]
    newest = row["newest_day"]
    return Span(as_of or newest + timedelta(days=1), days, row["oldest_day"], newest)


def _not_split(engine: Engine, span: Span, by: Sequence[str], known: set[str]) -> dict[str, str]:
    """Dimension → what it needs, of those that have no group."""
    columns = {"region": "region", "age": "birth_date", "gender": "gender"}
    found = {
        name: f"customers with a {columns[name]}" for name in by if name in columns and name not in known
    }
    channels = {"orders with a channel", "events with a channel"}
    if "channel" in by and missing_needs(engine, channels, span.as_of) == channels:
        found["channel"] = "orders or events with a channel"
    if "month" in by and not span.months:
        found["month"] = "a complete month of orders"
    return found


def _values(measure: Measure, dimension: str, numbers: ShopNumbers) -> list[Value]:
    """The measure in every cell of a dimension; groups without anybody are left out, months are not."""
    groups = sorted((group for name, group in numbers.cells if name == dimension), key=place_of_group)
    values = [_value(measure, (dimension, group), numbers) for group in groups]
    values = [value for value in values if value.people or value.numerator or dimension in (OVERALL, "month")]
    if dimension in TRAITS:
        _hide_differences(values)
    return values


def place_of_group(group: str) -> tuple[int, str]:
    """Segments, tiers and ages in their own order, other groups by name, and last those without a name."""
    last = len(GROUP_ORDER) + 1 if group in (UNKNOWN, NO_SEGMENT) else len(GROUP_ORDER)
    return GROUP_ORDER.get(group, last), group


def _hide_differences(values: list[Value]) -> None:
    """What few people did must not follow from the whole less the other groups: withhold one more group."""
    # Who only returned something is nobody's customer in this window, and still somebody.
    while 0 < sum(max(1, value.people) for value in values if value.withheld) < PEOPLE_MIN:
        shown = [place for place, value in enumerate(values) if not value.withheld and value.people]
        if not shown:
            return
        smallest = min(shown, key=lambda place: values[place].people)
        values[smallest] = values[smallest].without_number()


def _value(measure: Measure, cell: Cell, numbers: ShopNumbers) -> Value:
    counted = numbers.cells[cell]

    def number(name: str | None) -> Number:
        return counted.get(name, 0) if name else 0

    numerator, denominator = number(measure.numerator), number(measure.denominator)
    people = int(number(measure.people))
    by, group = (None, None) if cell[0] == OVERALL else cell
    found = Value(
        measure=measure,
        by=by,
        group=group,
        people=people,
        value=None,
        numerator=_plain(numerator),
        denominator=_plain(denominator) if measure.denominator else None,
        interval=None,
        reason=None,
    )
    # Nobody behind a number means somebody outside the window, unless it is what the shop itself spent.
    spent_only = not people and measure.splits == BY_MONTH
    if people < PEOPLE_MIN and (people or numerator or denominator) and not spent_only:
        return found.without_number()
    if measure.denominator is None:
        return replace(found, value=found.numerator)
    if denominator <= 0:
        return replace(found, reason=NOTHING_TO_DIVIDE_BY)
    share = float(numerator) / float(denominator)
    squares = number(f"{measure.numerator}_squared")
    return replace(found, value=share, interval=_interval(measure, numerator, denominator, squares))


def _plain(number: Number) -> int | float:
    return float(number) if isinstance(number, Decimal) else number


def _interval(
    measure: Measure, numerator: Number, denominator: Number, squares: Number
) -> tuple[float, float] | None:
    if measure.kind == "proportion":
        return intervals.wilson(float(numerator), float(denominator))
    if measure.kind == "mean":
        return intervals.normal(float(numerator), float(squares), float(denominator))
    return None


def _cohorts(numbers: ShopNumbers, span: Span) -> list[dict[str, Any]]:
    """The customers of each complete month, and the share of them that ordered in each later one."""
    months = [first.year * 12 + first.month - 1 for first in span.months]
    found = []
    for cohort, first in zip(months, span.months, strict=True):
        ordered = numbers.cohorts.get(cohort, {})
        customers = ordered.get(cohort, 0)
        withheld = 0 < customers < PEOPLE_MIN
        shares = [
            {
                "months_since": month - cohort,
                "value": ordered.get(month, 0) / customers if customers and not withheld else None,
                "numerator": None if withheld else ordered.get(month, 0),
                "denominator": None if withheld else customers,
            }
            for month in months
            if month > cohort
        ]
        found.append(
            {
                "cohort": f"{first:%Y-%m}",
                "customers": None if withheld else customers,
                "withheld": withheld,
                "months": shares,
            }
        )
    return found
