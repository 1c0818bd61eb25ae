"""The end-to-end simulation without server and shop: does the interval hold the planted lift?"""

from collections.abc import Iterator

import numpy as np

from experiments.analysis.estimates import estimate
from experiments.analysis.sequential import FixedRule
from experiments.design import Metric, parse_design
from experiments.simulate import simulate_twin
from tests.benchmarks.experiments.claims import Claim, Scale

ALPHA, CUSTOMERS, DAYS, TRUE_LIFT = 0.05, 4_000, 55, 0.06
DESIGN = parse_design(
    {
        "key": "twin",
        "rule": "fixed",
        "variants": [
            {"key": "control", "weight": 0.5},
            {"key": "offer", "weight": 0.5, "treatment": {"offer_policy": "win_back"}},
        ],
        "primary": "repeat_purchase_d30",
    }
)


def twins(scale: Scale, seed: int = 20_244) -> Iterator[Claim]:
    """Share of simulations whose interval holds the true lift."""
    metric = Metric(key="repeat_purchase_d30", kind="retention")
    covered, errors, naive = 0, [], []
    for run in range(scale.twins):
        design = DESIGN.model_copy(update={"seed": f"{seed}-{run}"})
        rng = np.random.default_rng((seed, run))
        twin = simulate_twin(rng, design, customers=CUSTOMERS, days=DAYS, true_lift=TRUE_LIFT)
        found, everyone = (
            estimate(metric, sums["control"], sums["offer"], FixedRule(ALPHA))
            for sums in (twin.matured, twin.everyone)
        )
        covered += found.ci_abs[0] <= twin.true_lift <= found.ci_abs[1]
        errors.append(found.lift_abs - twin.true_lift)
        naive.append(everyone.lift_abs - twin.true_lift_everyone)
    noise = 100 * np.std(errors) / len(errors) ** 0.5
    settings = (
        f"{scale.twins:,} runs of {CUSTOMERS:,} customers over {DAYS} days, true lift {TRUE_LIFT:g}, "
        f"fixed rule, seed {seed}; bias {100 * np.mean(errors):+.3f} ± {noise:.3f} points, "
        f"counting everyone {100 * np.mean(naive):+.3f}"
    )
    # Of fewer runs than 2,000 more chance is allowed for.
    spread = 1.5 * max(1.0, (2_000 / scale.twins) ** 0.5)
    share = 100 * covered / scale.twins
    yield Claim(
        "Coverage of the planted lift, end to end", share, 95 - spread, min(100.0, 95 + spread), "%", settings
    )
