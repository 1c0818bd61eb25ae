"""`python -m tests.benchmarks.experiments`: every number the experiments promise, found again.

One line a claim, with its bounds and settings; the last line is one JSON object. Exit 1 if a claim fails.
`--quick` simulates a tenth, for a developer's look; `--only WORD` runs the parts whose name has the word.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable
from time import perf_counter

from tests.benchmarks.experiments.claims import FULL, QUICK, Claim, Scale
from tests.benchmarks.experiments.fixed_rule import fixed_rule
from tests.benchmarks.experiments.looks import looks
from tests.benchmarks.experiments.page import results_page
from tests.benchmarks.experiments.scale import large_tables
from tests.benchmarks.experiments.speed import assignment
from tests.benchmarks.experiments.twin import twins
from tests.benchmarks.experiments.windows import cuped_gain, matured_bias

PARTS: dict[str, Callable[[Scale], Iterable[Claim]]] = {
    "large_tables": large_tables,
    "assignment": assignment,
    "results_page": results_page,
    "fixed_rule": fixed_rule,
    "looks": looks,
    "cuped_gain": cuped_gain,
    "matured_bias": matured_bias,
    "twins": twins,
}


def main(arguments: list[str]) -> int:
    """Run the parts and print what they found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the simulations")
    parser.add_argument("--only", default="", metavar="WORD", help="parts whose name has this word")
    options = parser.parse_args(arguments)
    scale = QUICK if options.quick else FULL
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"Benchmark of experiments, {scale.name}: {machine}", flush=True)
    claims: list[Claim] = []
    seconds: dict[str, float] = {}
    for name, part in PARTS.items():
        if options.only in name:
            start = perf_counter()
            for claim in part(scale):
                print(claim.line(), flush=True)
                claims.append(claim)
            seconds[name] = round(perf_counter() - start, 1)
    ok = all(claim.ok for claim in claims)
    found = [claim.to_dict() for claim in claims]
    result = {"scale": scale.name, "machine": machine, "seconds": seconds, "claims": found, "ok": ok}
    print(json.dumps(result, ensure_ascii=False))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
