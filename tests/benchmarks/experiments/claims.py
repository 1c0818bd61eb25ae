"""What a benchmark states: a number found, the bounds it must keep, and how it was found."""

from dataclasses import asdict, dataclass
from math import inf, sqrt
from typing import Any


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is simulated: the issue's sizes, fewer for a developer's look, next to none for a test.

    Attributes:
        name: full, quick or tiny.
        runs: simulated experiments of each kind of metric.
        customers: those of one such experiment, both variants together.
        walks: experiments looked at again and again.
        looks: times each of them is looked at.
        planned: customers at the last look, both variants together.
        matured_batches: batches of `matured_customers` for the bias of immature customers.
        matured_customers: see above.
        twins: end-to-end simulations in process.
        large: customers in the tables of the speed test.
        repeats: times each speed is measured; the median counts.
        ids: customers assigned at once.
    """

    name: str
    runs: int
    customers: int
    walks: int
    looks: int
    planned: int
    matured_batches: int
    matured_customers: int
    twins: int
    large: int
    repeats: int
    ids: int


FULL = Scale("full", 10_000, 2_000, 10_000, 500, 20_000, 20, 1_000_000, 2_000, 10_000_000, 5, 1_000_000)
QUICK = Scale("quick", 1_000, 2_000, 1_000, 500, 20_000, 4, 250_000, 100, 1_000_000, 3, 1_000_000)
TINY = Scale("tiny", 100, 400, 40, 20, 800, 2, 4_000, 4, 5_000, 1, 1_000)


@dataclass(frozen=True, slots=True)
class Claim:
    """A number with its bounds.

    Attributes:
        name: what is claimed.
        found: the number.
        low, high: between which it must lie.
        unit: of all three: "%", "points", "×", "µs", "s", "ms", "GB".
        settings: sizes, seeds and tables, for whoever wants the same number again.
    """

    name: str
    found: float
    low: float
    high: float
    unit: str
    settings: str

    @property
    def ok(self) -> bool:
        """Whether the claim holds."""
        return bool(self.low <= self.found <= self.high)

    def line(self) -> str:
        """As a person reads it."""
        if self.low == -inf:
            bounds = f"≤ {self.high:g}"
        elif self.high == inf:
            bounds = f"≥ {self.low:g}"
        else:
            bounds = f"{self.low:g}–{self.high:g}"
        state = "ok  " if self.ok else "FAIL"
        return f"{state} {self.name}: {self.found:.4g} {self.unit} ({bounds}) · {self.settings}"

    def to_dict(self) -> dict[str, Any]:
        """With None where there is no bound."""
        bounds = {
            name: None if abs(bound) == inf else bound
            for name, bound in (("low", self.low), ("high", self.high))
        }
        return {**asdict(self), **bounds, "found": float(self.found), "ok": self.ok}


def at_most(name: str, found: float, high: float, unit: str, settings: str) -> Claim:
    """Found must not exceed a bound."""
    return Claim(name, found, -inf, high, unit, settings)


def at_least(name: str, found: float, low: float, unit: str, settings: str) -> Claim:
    """Found must reach a bound."""
    return Claim(name, found, low, inf, unit, settings)


def share_near(name: str, hits: int, runs: int, share: float, settings: str) -> Claim:
    """A share of runs must lie within three standard errors of its nominal value: 4.35–5.65 % of 10,000."""
    error = 3 * sqrt(share * (1 - share) / runs)
    low, high = (round(100 * max(0.0, share + sign * error), 2) for sign in (-1, 1))
    return Claim(name, 100 * hits / runs, low, high, "%", settings)


def share_at_least(name: str, hits: int, runs: int, share: float, settings: str) -> Claim:
    """A share of runs may fall three standard errors short of its nominal value: 94.35 % of 10,000."""
    low = round(100 * (share - 3 * sqrt(share * (1 - share) / runs)), 2)
    return at_least(name, 100 * hits / runs, low, "%", settings)
