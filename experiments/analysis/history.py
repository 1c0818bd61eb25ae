"""The shop's own past as if an experiment had run in it: what customers did, and how fast they came.

A made-up launch lies so far back that whoever is first seen in the 28 days from it has matured. Such a
customer is "exposed" on the day first seen: a day with an event where the lake's events reach back that far,
else one with an order. Outcomes, windows and covariates are then those of every experiment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

from experiments.analysis.aggregates import COVARIATE, VALUE
from experiments.analysis.estimates import plain_mean
from experiments.analysis.evidence import EVERYBODY
from experiments.analysis.exposed import EXPOSED, Exposed
from experiments.analysis.measure import measure
from experiments.analysis.metrics.mean import mean_arm
from experiments.analysis.metrics.ratio import ratio_arm
from experiments.analysis.metrics.retention import BEFORE_DAYS
from experiments.analysis.power import Arrivals
from experiments.analysis.shop_data import load_happened
from experiments.analysis.windows import join_windows
from experiments.design import Metric
from features.database.store import Database
from features.errors import DataError, NotReadyError
from features.profiles.build import build_profiles
from features.settings import Settings
from features.tables.duckdb_engine import DuckDBEngine, identifier, open_lake
from features.tables.engine import read_sql
from features.tables.lake import Lake

ENROLMENT_DAYS = 28
ONE_ARM = "everyone"
_SEEN = {
    "events": "SELECT customer_id, CAST(local_at AS DATE) AS day FROM events WHERE customer_id IS NOT NULL",
    "orders": "SELECT customer_id, CAST(local_at AS DATE) AS day FROM orders",
}


@dataclass(frozen=True)
class History:
    """What the past says of a metric.

    Attributes:
        metric: what was measured.
        customers: matured customers it was measured on.
        mean, variance: of one of them; of a ratio by the delta method.
        rho_squared: the share of the variance that orders before exposure explain; None for ratios.
        launch: the made-up first day.
        seen_by: events or orders, by which a customer was seen.
        arrivals: customers first seen on each day from the launch on.
    """

    metric: Metric
    customers: int
    mean: float
    variance: float
    rho_squared: float | None
    launch: date
    seen_by: str
    arrivals: Arrivals


def read_history(
    settings: Settings,
    database: Database,
    metric: Metric,
    *,
    targeting: Mapping[str, Sequence[str]],
    coverage: float,
    today: date,
) -> History:
    """Measure a metric on the shop's past.

    Args:
        settings: name the lake and the zone.
        database: has clicks and claims, for the measures made of them.
        metric: what to measure; its covariate gives ρ².
        targeting: profile field → values, as on the morning of the made-up launch.
        coverage: the share of customers that will join.
        today: the local day; no order may lie after it.

    Raises:
        NotReadyError: the lake's orders do not reach back far enough, or nobody was seen.
        DataError: the metric has no variation, or a targeted field does not exist.
    """
    with open_lake(Lake(settings.lake), threads=settings.training.threads) as engine:
        launch = _launch(engine, metric)
        seen_by = _load_seen(engine, launch)
        if targeting:
            _keep_targeted(engine, launch, targeting, settings)
        exposed = _expose(engine, launch)
        arrivals = _arrivals(engine, launch)
        happened = load_happened(engine, database, exposed, zone=settings.shop.timezone, today=today)
        joined = join_windows(engine, (metric,), happened, None)
        sums = measure(engine, (metric,), joined, exposed, EVERYBODY).metrics[0].whole_arm(ONE_ARM)
    mean = plain_mean(metric, sums)
    arm = None if mean is None or sums.n < 2 else (ratio_arm if metric.kind == "ratio" else mean_arm)(sums)
    if arm is None or arm.variance == 0:
        raise DataError(
            f"{metric.key} is the same for all {sums.n:,} customers seen in the 28 days from {launch}, so "
            "nothing can be planned with it.",
            "Choose another measure with --metric, or widen --targeting.",
        )
    rho_squared = None
    if metric.covariate is not None:
        of_covariate = sums.variance(COVARIATE)
        explained = sums.covariance(VALUE, COVARIATE) ** 2
        rho_squared = explained / (of_covariate * arm.variance) if of_covariate else 0.0
    return History(
        metric, sums.n, arm.mean, arm.variance, rho_squared, launch, seen_by, Arrivals(arrivals, coverage)
    )


def _launch(engine: DuckDBEngine, metric: Metric) -> date:
    days = engine.query(
        "SELECT MIN(CAST(local_at AS DATE)) AS oldest, MAX(CAST(local_at AS DATE)) AS newest FROM orders"
    ).to_pylist()[0]
    if days["newest"] is None:
        raise NotReadyError("The lake holds no orders.", "Run `huitou ingest` with the shop's orders.")
    # The last one seen matures on the day before the newest order's.
    launch: date = days["newest"] - timedelta(days=metric.window_days + ENROLMENT_DAYS)
    first_needed = launch - timedelta(days=BEFORE_DAYS)
    if days["oldest"] > first_needed:
        have = (days["newest"] - days["oldest"]).days
        need = (days["newest"] - first_needed).days
        raise NotReadyError(
            f"The lake's orders span {have} days, and planning {metric.key} needs {need}: {BEFORE_DAYS} "
            f"before, {ENROLMENT_DAYS} in which customers are seen, {metric.window_days} of the window.",
            "Ingest older orders, or choose a measure with a shorter window, such as repeat_purchase_d7.",
        )
    return launch


def _load_seen(engine: DuckDBEngine, launch: date) -> str:
    """The table `first_seen`: customer_id and day from the launch on, of those who may take part."""
    reach = engine.query(
        f"SELECT COUNT(*) AS n FROM ({_SEEN['events']}) AS seen WHERE day <= $launch",  # noqa: S608
        {"launch": launch},
    ).to_pylist()[0]
    seen_by = "events" if reach["n"] else "orders"
    engine.execute(
        f"""CREATE TEMP TABLE first_seen AS
        SELECT seen.customer_id AS customer_id, MIN(seen.day) AS day
        FROM ({_SEEN[seen_by]}) AS seen JOIN ({read_sql("consent")}) AS consent
            ON consent.customer_id = seen.customer_id AND consent.personalization
        WHERE seen.day >= $launch GROUP BY seen.customer_id""",  # noqa: S608
        {"launch": launch},
    )
    return seen_by


def _keep_targeted(
    engine: DuckDBEngine, launch: date, targeting: Mapping[str, Sequence[str]], settings: Settings
) -> None:
    profiles = build_profiles(engine, launch, settings).customers
    for field in targeting:
        if field not in profiles.column_names or pa.types.is_nested(profiles.schema.field(field).type):
            raise DataError(
                f"Profiles have no field {field!r} to target.",
                "See `huitou profiles describe` for the fields.",
            )
    engine.register("launch_profiles", profiles)
    conditions = " AND ".join(
        f"list_contains(${place}::VARCHAR[], CAST({identifier(field)} AS VARCHAR))"
        for place, field in ((f"values_{i}", field) for i, field in enumerate(targeting))
    )
    engine.execute(
        f"""DELETE FROM first_seen WHERE customer_id NOT IN (
            SELECT customer_id FROM launch_profiles WHERE {conditions})""",  # noqa: S608
        {f"values_{i}": list(values) for i, values in enumerate(targeting.values())},
    )


def _expose(engine: DuckDBEngine, launch: date) -> Exposed:
    engine.execute(
        f"""CREATE TEMP TABLE {EXPOSED} AS
        SELECT customer_id, '{ONE_ARM}' AS variant, day AS exposed_on, NULL::VARCHAR AS segment
        FROM first_seen WHERE day < CAST($launch AS DATE) + {ENROLMENT_DAYS}""",  # noqa: S608
        {"launch": launch},
    )
    found = engine.query(
        f"SELECT COUNT(*) AS n, MIN(exposed_on) AS first, MAX(exposed_on) AS last FROM {EXPOSED}"  # noqa: S608
    ).to_pylist()[0]
    if not found["n"]:
        raise NotReadyError(
            f"No such customer was seen in the {ENROLMENT_DAYS} days from {launch}.",
            "Ingest the orders or events of that time, or widen --targeting.",
        )
    n = int(found["n"])
    return Exposed(n, n, {ONE_ARM: n}, 0, 0, 0, found["first"], found["last"])


def _arrivals(engine: DuckDBEngine, launch: date) -> list[int]:
    """Customers first seen on each whole day from the launch on; the newest day is still going on."""
    whole_days = engine.query(
        "SELECT MAX(CAST(local_at AS DATE)) - CAST($launch AS DATE) AS days FROM orders", {"launch": launch}
    ).to_pylist()[0]["days"]
    rows = engine.query(
        """SELECT day - CAST($launch AS DATE) AS since, COUNT(*) AS n FROM first_seen GROUP BY 1""",
        {"launch": launch},
    ).to_pylist()
    new = dict.fromkeys(range(whole_days), 0) | {row["since"]: row["n"] for row in rows}
    return [new[since] for since in range(whole_days)]
