"""Everything an analysis takes from tables, gathered at once; what comes after sees sums only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from experiments.analysis.aggregates import Aggregate
from experiments.analysis.cumulative import Daily
from experiments.analysis.exposed import EXPOSED, Exposed
from experiments.analysis.measure import Measured, Segment, measure
from experiments.analysis.metrics.survival import LifeTable
from experiments.analysis.outcomes import Joined
from experiments.analysis.retention import life_tables
from experiments.design import Design, Metric
from features.tables.duckdb_engine import DuckDBEngine

EVERYBODY = "NULL::VARCHAR"


@dataclass(frozen=True)
class Cut:
    """Every metric by the values of one column, known at exposure."""

    by: str
    segments: tuple[Segment, ...]
    measured: tuple[Measured, ...]


@dataclass(frozen=True)
class Evidence:
    """Sums of an experiment.

    Attributes:
        measured: of every metric.
        cuts: the same within segments.
        newest_day: local day of the newest order; None for wide outcomes.
        counts: what was left out or filled in, by the code of its note.
        daily: the primary metric of matured customers by day of exposure; empty for wide outcomes.
        life_tables: days until the first order, by variant; empty likewise.
        offers: margin (value) and offer cost (denominator); None where costs are not known.
    """

    measured: tuple[Measured, ...]
    cuts: tuple[Cut, ...] = ()
    newest_day: date | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    daily: Daily = ()
    life_tables: Mapping[str, LifeTable] = field(default_factory=dict)
    offers: Measured | None = None

    def matured_on(self, day: date, window_days: int) -> int:
        """Customers who counted for the primary metric when the newest order was of that day."""
        window = timedelta(days=window_days)
        return sum(
            arm.n for exposed_on, arms in self.daily if exposed_on + window < day for arm in arms.values()
        )


def gather(
    engine: DuckDBEngine,
    design: Design,
    metrics: tuple[Metric, ...],
    joined: Joined,
    exposed: Exposed,
    *,
    cuts: Mapping[str, str],
    counts: Mapping[str, int],
    offers: Metric | None = None,
) -> Evidence:
    """Sum everything.

    Args:
        engine: has `exposed` and whatever `joined` names.
        design: names variants and primary metric.
        metrics: what to report.
        joined: where the values of metrics (and of `offers`) come from.
        exposed: how many customers there are.
        cuts: column → SQL of its value.
        counts: what loading the tables has counted.
        offers: margin over offer cost as a ratio, where costs are known.

    Raises:
        DataError: as `measure`.
    """
    asked = metrics if offers is None else (*metrics, offers)
    found = {
        by: measure(engine, asked, joined, exposed, sql) for by, sql in (cuts or {"": EVERYBODY}).items()
    }
    whole = next(iter(found.values()))
    kept = slice(len(metrics))
    primary = next(metric for metric in metrics if metric.key == design.primary_key)
    newest = joined.newest_day
    # In an order log, no order is an outcome; in a wide table, no row is a gap that was filled.
    absent = {} if newest else {"without_outcome": whole.without_outcome}
    return Evidence(
        measured=whole.metrics[kept],
        cuts=tuple(Cut(by, each.segments, each.metrics[kept]) for by, each in found.items() if by),
        newest_day=newest,
        counts={**absent, "orders_without_customer": joined.orders_without_customer, **counts},
        daily=_daily(engine, primary, joined, exposed) if newest else (),
        life_tables=life_tables(engine, design, newest, primary.window_days) if newest else {},
        offers=None if offers is None else whole.metrics[-1],
    )


def _daily(engine: DuckDBEngine, primary: Metric, joined: Joined, exposed: Exposed) -> Daily:
    by_day = f"CAST({EXPOSED}.exposed_on AS VARCHAR)"
    found = measure(engine, (primary,), joined, exposed, by_day, most_segments=None)
    days: dict[str, dict[str, Aggregate]] = {}
    for (day, variant), sums in found.metrics[0].cells.items():
        if day is not None and sums.n:
            days.setdefault(day, {})[variant] = sums
    return [(date.fromisoformat(day), days[day]) for day in sorted(days)]
