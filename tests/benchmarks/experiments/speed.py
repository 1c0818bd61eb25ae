"""How long an assignment takes: one customer in the pipeline, a million at once."""

from collections.abc import Iterator
from datetime import date
from statistics import median
from time import perf_counter

from experiments.assignment import assign_many
from experiments.design import parse_design
from experiments.running import RunningExperiments
from tests.benchmarks.experiments.claims import Claim, Scale, at_most
from tests.benchmarks.experiments.fixed_rule import VARIANTS

CALLS = 20_000


def assignment(scale: Scale) -> Iterator[Claim]:
    """Median over the repeats, so that one pause of the machine does not count."""
    design = parse_design({"key": "win-back", "rule": "fixed", "variants": VARIANTS})
    running, day = RunningExperiments([design]), date(2024, 6, 1)
    ids = [f"customer-{number:08}" for number in range(scale.ids)]
    alone, together = [], []
    for _ in range(scale.repeats):
        some = ids[:CALLS]
        start = perf_counter()
        for customer_id in some:
            running(customer_id, {}, day)
        alone.append((perf_counter() - start) / len(some))
        start = perf_counter()
        assign_many(design.hash_seed, ids, [0.5, 0.5])
        together.append(perf_counter() - start)
    settings = f"ids of {len(ids[0])} characters, one thread, median of {scale.repeats}"
    yield at_most(
        "Assignment of one customer", 1e6 * median(alone), 20.0, "µs", f"{CALLS:,} calls, {settings}"
    )
    yield at_most("Assignment of many", median(together), 2.0, "s", f"{len(ids):,} customers, {settings}")
