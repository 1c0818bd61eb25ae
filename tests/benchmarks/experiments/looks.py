"""Looking again and again: the sequence, the hybrid, and the fixed test that they are held against.

All looks of all experiments are summed in arrays. The decision is the project's: at the look where a walk
comes nearest to leaving zero out, and where it stops, `compare` is called with the rule of that look.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.aggregates import VALUE, Aggregate
from experiments.analysis.arms import Estimate, Rule, compare
from experiments.analysis.metrics.mean import mean_arm
from experiments.analysis.sequential import FixedRule, SequenceRule, hybrid_rule
from tests.benchmarks.experiments.claims import Claim, Scale, at_least, at_most, share_at_least

ALPHA = 0.05
RETURN_SHARE, ORDERS = 0.3, 1.5
AT_ONCE = 200
Floats = NDArray[np.float64]
RuleAt = Callable[[int], Rule]


@dataclass(frozen=True)
class Walks:
    """Sums of simulated experiments at every look.

    Attributes:
        customers: float[looks], those of one variant so far; both variants have as many.
        sums, squares: float[2 variants, walks, looks], Σ and Σ² so far.
    """

    customers: Floats
    sums: Floats
    squares: Floats

    def statistics(self) -> Floats:
        """|lift| in standard errors, float[walks, looks]; 0 where there is no variation yet."""
        n = self.customers
        variances = (self.squares - self.sums**2 / n) / (n - 1)
        error = np.sqrt(variances.sum(axis=0) / n)
        lift = np.abs(self.sums[1] - self.sums[0]) / n
        return np.divide(lift, error, out=np.zeros_like(lift), where=error > 0)

    def estimate(self, walk: int, look: int, rule_at: RuleAt) -> Estimate:
        """The project's own answer for one walk at one look."""
        n = int(self.customers[look])
        arms = (
            mean_arm(
                Aggregate(
                    n,
                    {VALUE: float(self.sums[arm, walk, look])},
                    {(VALUE, VALUE): float(self.squares[arm, walk, look])},
                )
            )
            for arm in (0, 1)
        )
        return compare(*arms, rule_at(2 * n))


@dataclass(frozen=True)
class Ends:
    """How walks ended under a rule: bool[walks]."""

    rejected: NDArray[np.bool_]
    early: NDArray[np.bool_]
    covered: NDArray[np.bool_]


def walks_of(kind: str, effect: float, scale: Scale, rng: np.random.Generator) -> Iterator[Walks]:
    """Walks of matured repeat purchase (0 or 1) or of orders (counts), a few hundred at a time."""
    block = scale.planned // scale.looks // 2
    customers = block * np.arange(1.0, scale.looks + 1)
    for start in range(0, scale.walks, AT_ONCE):
        shape = (2, min(AT_ONCE, scale.walks - start), scale.looks)
        lifted = np.array([0.0, effect])[:, None, None]
        if kind == "retention":
            sums = rng.binomial(block, RETURN_SHARE + np.broadcast_to(lifted, shape))
            squares = sums
        else:
            orders = rng.poisson((ORDERS + lifted)[..., None], (*shape, block))
            sums, squares = orders.sum(axis=-1), (orders**2).sum(axis=-1)
        yield Walks(customers, sums.cumsum(axis=2, dtype=float), squares.cumsum(axis=2, dtype=float))


def ends_of(walks: Walks, rule_at: RuleAt, effect: float) -> Ends:
    """Stop each walk at the first look that leaves zero out, else at the last one."""
    statistics, last = walks.statistics(), len(walks.customers) - 1
    widths = np.array([rule_at(2 * int(n)).critical_value(2 * int(n), 2 * n - 2) for n in walks.customers])
    outside = statistics > widths
    stops = np.where(outside.any(axis=1), outside.argmax(axis=1), last)
    found = [walks.estimate(walk, int(stop), rule_at) for walk, stop in enumerate(stops)]
    return Ends(
        rejected=np.array([not e.ci_abs[0] <= 0 <= e.ci_abs[1] for e in found]),
        early=stops < last,
        covered=np.array([e.ci_abs[0] <= effect <= e.ci_abs[1] for e in found]),
    )


def together(ends: list[Ends]) -> Ends:
    """All batches as one."""
    return Ends(*(np.concatenate([getattr(e, name) for e in ends]) for name in Ends.__dataclass_fields__))


def looks(scale: Scale, seed: int = 20_241) -> Iterator[Claim]:
    """Errors, power and coverage of the rules over all looks."""
    rules: dict[str, RuleAt] = {
        "sequence": lambda _: SequenceRule(ALPHA, scale.planned),
        "hybrid": lambda n: hybrid_rule(ALPHA, n, scale.planned, scale.planned),
    }
    settings = f"{scale.walks:,} runs × {scale.looks} looks up to {scale.planned:,} customers, seed {seed}"
    variances = {"retention": RETURN_SHARE * (1 - RETURN_SHARE), "orders": ORDERS}
    for kind, variance in variances.items():
        rng = np.random.default_rng(seed)
        null = list(walks_of(kind, 0.0, scale, rng))
        peeked = np.mean(np.concatenate([(w.statistics() > 1.96).any(axis=1) for w in null]))
        for name, rule_at in rules.items():
            rejected = together([ends_of(walks, rule_at, 0.0) for walks in null]).rejected.mean()
            title = f"False positives over all looks, {name}, {kind}"
            yield at_most(
                title, 100 * rejected, 100 * ALPHA, "%", f"{settings}; by a fixed test {peeked:.0%}"
            )
        del null
        # What the fixed test finds four times in five at this size: 2.8016 standard errors.
        effect = 2.8016 * (4 * variance / scale.planned) ** 0.5
        batches = list(walks_of(kind, effect, scale, rng))
        yield from _with_effect(kind, effect, batches, rules["hybrid"], settings)


def _with_effect(
    kind: str, effect: float, batches: list[Walks], hybrid: RuleAt, settings: str
) -> Iterator[Claim]:
    once = [w.estimate(i, -1, lambda _: FixedRule(ALPHA)) for w in batches for i in range(w.sums.shape[1])]
    fixed = np.mean([found.p_value <= ALPHA for found in once])
    ends = together([ends_of(walks, hybrid, effect) for walks in batches])
    power = ends.rejected.mean()
    settings = f"true lift {effect:.4g}, {settings}"
    detail = f"{settings}; fixed {fixed:.1%}, hybrid {power:.1%}, {ends.early.mean():.0%} stop early"
    yield at_least(f"Power of the hybrid of the fixed test's, {kind}", 100 * power / fixed, 95.0, "%", detail)
    title = f"Coverage where the hybrid stops, {kind}"
    yield share_at_least(title, int(ends.covered.sum()), len(ends.covered), 1 - ALPHA, settings)
