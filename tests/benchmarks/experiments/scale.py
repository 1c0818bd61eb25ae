"""Ten million customers: our sums against the bare GROUP BY that has the same sums, and the memory it takes.

`python -m tests.benchmarks.experiments.scale FOLDER pairs REPEATS | whole` is what the benchmark runs in
processes of their own, so that the memory of one is not that of another. Linux only.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from experiments.analysis.aggregates import DENOMINATOR, VALUE, pairs_of
from experiments.analysis.analyze import analyze
from experiments.analysis.exposed import load_exposed
from experiments.analysis.measure import measure, segment_column
from experiments.analysis.outcomes import join_wide
from experiments.analysis.sources import open_table
from experiments.design import parse_design
from features.tables.duckdb_engine import DuckDBEngine, identifier, literal
from tests.benchmarks.experiments.claims import Claim, Scale, at_most
from tests.benchmarks.experiments.fixed_rule import VARIANTS

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
THREADS, SLOWER_AT_MOST, MEMORY_GB = 2, 1.5, 2.0
DESIGN = parse_design(
    {
        "key": "large",
        "rule": "fixed",
        "variants": VARIANTS,
        "metrics": [
            {"key": "visit", "kind": "proportion"},
            {"key": "orders", "kind": "mean", "covariate": "orders_before"},
            {"key": "revenue", "kind": "mean"},
            {"key": "margin", "kind": "mean"},
            {"key": "orders_per_session", "kind": "ratio", "column": "orders", "denominator": "sessions"},
        ],
    }
)
# The outcomes come in another order than the exposures, as two exports do.
EXPOSURES_SQL = """SELECT 'C' || lpad(CAST(i AS VARCHAR), 8, '0') AS customer_id,
    CASE WHEN hash(i) % 2 = 0 THEN 'control' ELSE 'offer' END AS variant,
    TIMESTAMPTZ '2024-01-01 00:00:00+00' + INTERVAL 1 SECOND * CAST(hash(i + 1) % 2592000 AS INTEGER)
        AS exposed_at
    FROM range($customers) AS ids(i)"""
OUTCOMES_SQL = """SELECT 'C' || lpad(CAST((i * 7919) % $customers AS VARCHAR), 8, '0') AS customer_id,
    CAST(hash(i + 2) % 10 < 3 AS INTEGER) AS visit, CAST(hash(i + 3) % 5 AS INTEGER) AS orders,
    CAST(hash(i + 4) % 4 AS INTEGER) AS orders_before, 1 + CAST(hash(i + 5) % 8 AS INTEGER) AS sessions,
    (hash(i + 6) % 10000) / 100 AS revenue, (hash(i + 7) % 6000) / 100 AS margin
    FROM range($customers) AS ids(i)"""


def write_tables(folder: Path, customers: int) -> None:
    """E.parquet and O.parquet."""
    with DuckDBEngine(THREADS) as engine:
        for name, sql in (("E", EXPOSURES_SQL), ("O", OUTCOMES_SQL)):
            engine.copy_to_parquet(sql, folder / f"{name}.parquet", {"customers": customers})


def bare_sql(folder: Path) -> str:
    """What one would write by hand: the same sums, nothing checked, nothing filled in."""
    sums: dict[str, None] = {}
    for metric in DESIGN.metrics:
        columns = {VALUE: metric.value_column, DENOMINATOR: metric.denominator, "covariate": metric.covariate}
        names = {role: identifier(name) for role, name in columns.items() if name is not None}
        sums |= dict.fromkeys(f"sum({name})" for name in names.values())
        sums |= dict.fromkeys(f"sum({names[a]} * {names[b]})" for a, b in pairs_of(names))
    exposures, outcomes = (f"read_parquet({literal(folder / name)})" for name in ("E.parquet", "O.parquet"))
    return (
        f"SELECT variant, count(*), {', '.join(sums)} FROM {exposures} "
        f"LEFT JOIN {outcomes} USING (customer_id) GROUP BY variant"
    )


def pairs(folder: Path, repeats: int) -> dict[str, Any]:
    """Seconds of the bare statement and of ours, in turns."""
    with DuckDBEngine(THREADS) as engine:
        exposures = open_table(engine, "exposures", folder / "E.parquet", "exposures")
        outcomes = open_table(engine, "outcomes", folder / "O.parquet", "outcomes")
        kept, segment_sql = segment_column(None, exposures, None)
        exposed = load_exposed(engine, exposures, DESIGN, by=kept, zone="UTC", today=date(2024, 6, 1))
        bare, ours = [], []
        for _ in range(repeats + 1):
            start = perf_counter()
            engine.query(bare_sql(folder))
            between = perf_counter()
            measure(engine, DESIGN.metrics, join_wide(DESIGN.metrics, outcomes, None), exposed, segment_sql)
            bare.append(between - start)
            ours.append(perf_counter() - between)
    # The first pair warms the files up.
    return {"bare": bare[1:], "ours": ours[1:]}


def whole(folder: Path) -> dict[str, Any]:
    """Seconds and peak memory of the whole analysis, exposures checked."""
    start = perf_counter()
    report = analyze(DESIGN, folder / "E.parquet", folder / "O.parquet", zone="UTC", now=NOW)
    seconds = perf_counter() - start
    peak = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return {
        "seconds": seconds,
        "memory_gb": int(peak.split()[1]) / 1024**2,
        "customers": report.exposed.customers,
    }


def large_tables(scale: Scale) -> Iterator[Claim]:
    """Time beside the bare statement, and memory."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_tables(folder, scale.large)
        timed = _apart(folder, "pairs", str(scale.repeats))
        once = _apart(folder, "whole")
    bare, ours = timed["bare"], timed["ours"]
    ratio = median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    settings = f"{scale.large:,} customers × 5 metrics, {THREADS} threads, Parquet, median of {scale.repeats}"
    seconds = f"bare {median(bare):.2f} s, ours {median(ours):.2f} s, whole analysis {once['seconds']:.2f} s"
    yield at_most("Our sums beside the bare GROUP BY", ratio, SLOWER_AT_MOST, "×", f"{settings}; {seconds}")
    yield at_most("Peak memory of the whole analysis", once["memory_gb"], MEMORY_GB, "GB", settings)


def _apart(folder: Path, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.experiments.scale", str(folder), *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    place, what, *more = sys.argv[1:]
    print(json.dumps(pairs(Path(place), int(more[0])) if what == "pairs" else whole(Path(place))))
