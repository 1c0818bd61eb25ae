"""The section of a report on when customers came back: a curve an arm, and how soon against the control."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from experiments.analysis.arms import Withheld
from experiments.analysis.exposed import EXPOSED
from experiments.analysis.metrics.survival import (
    CurvePoint,
    LifeTable,
    RestrictedMeanDifference,
    curve,
    log_rank,
    restricted_mean_difference,
)
from experiments.analysis.windows import HAPPENED
from experiments.design import Design
from features.tables.engine import Engine


@dataclass(frozen=True, slots=True)
class ArmCurve:
    """The share of one arm that has come back by each day; n customers were seen for a day at least."""

    variant: str
    n: int
    points: tuple[CurvePoint, ...]

    def to_dict(self) -> dict[str, Any]:
        """`{variant, n, curve}`; the curve starts at nobody on day 0."""
        start = CurvePoint(0, 0.0, 0.0, 0.0, self.n)
        fields = ("day", "returned", "low", "high", "at_risk")
        points = (start, *self.points) if self.points else ()
        shown = [{name: getattr(point, name) for name in fields} for point in points]
        return {"variant": self.variant, "n": self.n, "curve": shown}


@dataclass(frozen=True, slots=True)
class ReturnPace:
    """One variant against the control: how many days sooner (below zero) customers came back.

    Attributes:
        variant: its key.
        difference: of restricted means; None where withheld.
        log_rank_p: of the log-rank test; None where no day can tell.
        withheld: why there is no difference.
    """

    variant: str
    difference: RestrictedMeanDifference | None
    log_rank_p: float | None
    withheld: Withheld | None

    def to_dict(self) -> dict[str, Any]:
        """Numbers are None where withheld."""
        found = self.difference
        return {
            "variant": self.variant,
            "restricted_mean_difference": found and found.days,
            "ci": found and list(found.interval),
            "p_value": found and found.p_value,
            "log_rank_p": self.log_rank_p,
            "withheld": self.withheld and self.withheld.value,
        }


@dataclass(frozen=True, slots=True)
class Retention:
    """Time to the first order after exposure, up to `days`, of everybody whose first day is known.

    Customers who have not ordered count for as long as they were seen, to the day before the newest order's.
    Intervals are at 1 − α for a single look, whatever the design's rule: there is no sequence for them.
    """

    days: int
    arms: tuple[ArmCurve, ...]
    variants: tuple[ReturnPace, ...]

    def to_dict(self) -> dict[str, Any]:
        """`{days, arms, variants}`."""
        return {
            "days": self.days,
            "arms": [arm.to_dict() for arm in self.arms],
            "variants": [variant.to_dict() for variant in self.variants],
        }


def life_tables(engine: Engine, design: Design, newest_day: date, days: int) -> dict[str, LifeTable]:
    """The life table of each variant, from `exposed` and `happened`, in one GROUP BY.

    Args:
        engine: where the tables are.
        design: names the variants.
        newest_day: local day of the newest order; the last whole day is the one before.
        days: how far to look.
    """
    rows = engine.query(
        f"""WITH seen AS (
            SELECT customer_id, variant, exposed_on,
                least(CAST($days AS INTEGER), CAST($newest AS DATE) - 1 - exposed_on) AS days
            FROM {EXPOSED}
        ), first_order AS (
            SELECT seen.customer_id, min(happened.day - seen.exposed_on) AS day
            FROM seen JOIN {HAPPENED} AS happened ON happened.customer_id = seen.customer_id
            WHERE happened.orders > 0
                AND happened.day - seen.exposed_on BETWEEN 1 AND seen.days
            GROUP BY seen.customer_id
        )
        SELECT seen.variant AS variant, coalesce(first_order.day, seen.days) AS day,
            first_order.day IS NOT NULL AS came_back, count(*) AS n
        FROM seen LEFT JOIN first_order ON first_order.customer_id = seen.customer_id
        WHERE seen.days >= 1
        GROUP BY 1, 2, 3""",  # noqa: S608 — names are our own
        {"days": days, "newest": newest_day},
    ).to_pylist()
    return {
        variant.key: LifeTable.of(
            days, ((row["day"], row["came_back"], row["n"]) for row in rows if row["variant"] == variant.key)
        )
        for variant in design.variants
    }


def retention(design: Design, tables: Mapping[str, LifeTable]) -> Retention:
    """The section, from a life table a variant; the first variant is the control."""
    control, *others = tables.values()
    return Retention(
        len(control.returned),
        tuple(ArmCurve(key, table.n, tuple(curve(table, design.alpha))) for key, table in tables.items()),
        tuple(
            _pace(key, control, table, design.alpha)
            for key, table in zip(list(tables)[1:], others, strict=True)
        ),
    )


def _pace(key: str, control: LifeTable, treatment: LifeTable, alpha: float) -> ReturnPace:
    if not (control.n and treatment.n):
        return ReturnPace(key, None, None, Withheld.NO_CUSTOMERS)
    pace = log_rank(control, treatment)
    if min(control.known_days, treatment.known_days) < len(control.returned):
        return ReturnPace(key, None, pace, Withheld.WINDOW_OPEN)
    difference = restricted_mean_difference(control, treatment, alpha)
    return ReturnPace(key, difference, pace, None if difference else Withheld.NO_VARIATION)
