"""The numbers that the shop's measures are made of, for every cell of a report, from one pass over the lake.

A cell is a dimension and a group of it: ("", "") is the whole shop, ("tier", "gold") one tier. Money is
summed as DECIMAL, so the cells of a dimension add up to the whole shop to the last digit.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from features.measures.windows import Span
from features.tables.engine import Engine, read_sql

Number = int | float | Decimal
Cell = tuple[str, str]
# Materialised, in the order in which each needs those before it.
STEPS = ("orders", "sessions", "deeds", "cells", "cost_shares")
QUERIES = (
    "customers",
    "firsts",
    "sales",
    "lines",
    "visits",
    "feedback",
    "tickets",
    "return_handling",
    "costs",
    "program",
)


@dataclass(frozen=True, slots=True)
class ShopNumbers:
    """What was counted.

    Attributes:
        cells: cell → name → number; a name that is not there is 0.
        cohorts: month of the first order → month → customers who ordered in it; months count from year 0.
    """

    cells: Mapping[Cell, Mapping[str, Number]]
    cohorts: Mapping[int, Mapping[int, int]]


def count_shop(engine: Engine, span: Span, windows: pa.Table, traits: pa.Table) -> ShopNumbers:
    """Count every number in every cell.

    Args:
        engine: with the lake's views.
        span: what the report looks at.
        windows: as `Span.table` gives them.
        traits: the groups of every customer, as `traits.trait_table` gives them.
    """
    engine.register("measure_windows", windows)
    engine.register("measure_traits", traits)
    parameters: dict[str, object] = {"as_of": span.as_of, "newest_day": span.newest_day, "days": span.days}
    cells: dict[Cell, dict[str, Number]] = defaultdict(dict)
    with _steps(engine, parameters):
        for query in QUERIES:
            for row in _ask(engine, query, parameters):
                cell = (str(row.pop("dimension")), str(row.pop("grp")))
                cells[cell] |= {name: _number(value) for name, value in row.items() if value is not None}
        cohorts = _cohorts(engine, span)
    return ShopNumbers(cells, cohorts)


def _cohorts(engine: Engine, span: Span) -> dict[int, dict[int, int]]:
    cohorts: dict[int, dict[int, int]] = defaultdict(dict)
    if span.months:
        days: dict[str, object] = {"begin_day": span.months[0], "end_day": span.end_of_months}
        for row in _ask(engine, "cohorts", days):
            cohorts[row["cohort"]][row["month"]] = row["customers"]
    return cohorts


@contextmanager
def _steps(engine: Engine, parameters: Mapping[str, object]) -> Iterator[None]:
    """Materialise the steps, and drop them again."""
    made: list[str] = []
    try:
        for step in STEPS:
            sql = read_sql(f"measure_{step}")
            if step == "orders":
                sql = f"WITH net_sales AS ({read_sql('sales_net_of_returns')}) {sql}"
            engine.execute(
                f"CREATE OR REPLACE TEMPORARY TABLE measure_{step} AS {sql}", _used(sql, parameters)
            )
            made.append(step)
        yield
    finally:
        for step in made:
            engine.execute(f"DROP TABLE measure_{step}")


def _ask(engine: Engine, query: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
    sql = read_sql(f"measure_{query}")
    return list(engine.query(sql, _used(sql, parameters)).to_pylist())


def _number(value: Number) -> Number:
    """Engines add whole numbers up as decimals without digits."""
    return int(value) if isinstance(value, Decimal) and value.as_tuple().exponent == 0 else value


def _used(sql: str, parameters: Mapping[str, object]) -> dict[str, object]:
    return {name: parameters[name] for name in set(re.findall(r"\$(\w+)", sql))}
