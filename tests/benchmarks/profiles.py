"""`python -m tests.benchmarks.profiles`: what profiles and lifetime value cost, as ratios taken in one run.

Profiles of 10 M order lines (500,000 customers, 50,000 products) beside one GROUP BY customer_id with count,
sum, min and max over the same lake; the cost a line from 1 M to 10 M; lifetime value of a million customers.
One line a claim; the last line is one JSON object. Exit 1 if a claim fails. `--lines N` takes another size.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from features.profiles.build import build_profiles
from features.settings import Settings, load_settings
from features.tables.duckdb_engine import DuckDBEngine, literal, open_lake
from features.tables.ingest import ingest
from features.tables.lake import Lake
from tests.benchmarks import customer_value

AS_OF = date(2025, 1, 1)
LINES_PER_CUSTOMER, PRODUCTS, ROUNDS = 20, 50_000, 3
PLAIN = """SELECT customer_id, COUNT(*), SUM(amount), MIN(ordered_at), MAX(ordered_at)
    FROM orders GROUP BY customer_id"""


def write_shop(folder: Path, lines: int) -> None:
    """Two years of orders; a few customers and products have most of them."""
    folder.mkdir(parents=True)
    customers = max(1, lines // LINES_PER_CUSTOMER)
    orders = f"""
        SELECT 'o' || (customer * 8 + basket) AS order_id, 'c' || customer AS customer_id,
            'p' || product AS product_id,
            TIMESTAMP '2023-01-01'
                + to_seconds(CAST(hash(customer * 8 + basket) % 63072000 AS BIGINT)) AS ordered_at,
            CAST(1 + chance % 3 AS DECIMAL(18, 4)) AS quantity,
            CAST((chance % 5000 + 100) / 100.0 AS DECIMAL(18, 4)) AS amount,
            CAST(CASE WHEN chance % 4 = 0 THEN chance % 300 / 100.0 ELSE 0 END AS DECIMAL(18, 4)) AS discount
        FROM (
            SELECT CAST(floor({customers} * pow(hash(i) % 1000003 / 1000003.0, 1.3)) AS BIGINT) AS customer,
                CAST(floor({PRODUCTS} * pow(hash(i + 7919) % 1000003 / 1000003.0, 3)) AS BIGINT) AS product,
                CAST(hash(i * 31) % 8 AS BIGINT) AS basket, CAST(hash(i * 37) % 1000003 AS BIGINT) AS chance
            FROM range({lines}) AS t(i))"""
    products = f"""
        SELECT 'p' || i AS product_id, 'Product ' || i AS name, 'category ' || i % 200 AS category,
            'brand ' || i % 900 AS brand, CAST(1 + hash(i) % 5000 / 100.0 AS DECIMAL(18, 4)) AS price
        FROM range({PRODUCTS}) AS t(i)"""
    with DuckDBEngine() as engine:
        for name, sql in (("orders", orders), ("products", products)):
            engine.execute(f"COPY ({sql}) TO {literal(folder / f'{name}.parquet')} (FORMAT parquet)")


def measure(workspace: Path, lines: int) -> dict[str, Any]:
    """Seconds of the plain GROUP BY and of the profiles, in turn, and this process's peak memory in MiB."""
    settings = load_settings(workspace=workspace)
    write_shop(workspace / "export", lines)
    ingest(workspace / "export", None, settings)
    rounds = [_round(settings) for _ in range(ROUNDS)]
    return {
        "lines": lines,
        "plain_seconds": median(plain for plain, _ in rounds),
        "profile_seconds": median(profiles for _, profiles in rounds),
        "ratio": median(profiles / plain for plain, profiles in rounds),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _round(settings: Settings) -> tuple[float, float]:
    with open_lake(Lake(settings.lake), temp_folder=settings.workspace / "spill") as engine:
        started = perf_counter()
        engine.query(PLAIN)
        plain = perf_counter() - started
        started = perf_counter()
        build_profiles(engine, AS_OF, settings)
        return plain, perf_counter() - started


def main(arguments: list[str]) -> int:
    """Measure each size in a process of its own, whose peak memory is its own; print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=10_000_000, help="order lines of the large shop")
    options = parser.parse_args(arguments)
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="huitou-bench-") as folder:
        sizes = []
        for lines in (options.lines // 10, options.lines):
            with ProcessPoolExecutor(1, fresh) as pool:
                sizes.append(pool.submit(measure, Path(folder) / str(lines), lines).result())
    small, large = sizes
    growth = large["profile_seconds"] / large["lines"] / (small["profile_seconds"] / small["lines"])
    with ProcessPoolExecutor(1, fresh) as pool:
        value = pool.submit(customer_value.run).result()
    claims = {
        "profiles / plain GROUP BY": (large["ratio"], 20.0),
        "profiles, peak MiB": (large["peak_mib"], 6144.0),
        "cost of a line, large / small": (growth, 1.1),
        "lifetime value, weekly, seconds": (value["week"]["seconds"], 10.0),
        "lifetime value, daily, seconds": (value["day"]["seconds"], 30.0),
        "lifetime value, weekly: plain numpy / ours": (-value["week"]["times_faster"], -3.0),
        "lifetime value, peak MiB": (value["peak_mib"], 2048.0),
    }
    for name, (found, most) in claims.items():
        word = "at least" if most < 0 else "at most"
        print(
            f"{'ok  ' if found <= most else 'MISS'} {name}: {abs(found):.2f} ({word} {abs(most):g})",
            flush=True,
        )
    ok = all(found <= most for found, most in claims.values())
    print(json.dumps({"profiles": sizes, "line_cost_growth": growth, "customer_value": value, "ok": ok}))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
