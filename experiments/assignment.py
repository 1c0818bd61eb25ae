"""Which variant a customer gets: a pure, salted hash; no clock, no store, no randomness.

The hash is GrowthBook's, so its SDKs agree with every answer here
(https://docs.growthbook.io/lib/build-your-own#hashing).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from experiments.design import Treatment

FNV_OFFSET = 0x811C9DC5
FNV_PRIME = 0x01000193


@dataclass(frozen=True, slots=True)
class Assignment:
    """A customer's variant of one experiment, and what that variant changes.

    Attributes:
        key: of the experiment.
        variant: key of the variant.
        treatment: what the variant changes.
        forced: the design names this customer, for testing; left out of the analysis.
        control: what applies instead while no exposure can be kept.
    """

    key: str
    variant: str
    treatment: Treatment = Treatment()
    forced: bool = False
    control: Treatment = Treatment()


# The seam of the serving pipeline: the assignments of a customer, given the id, the profile to show and the
# shop's local day.
Assigner = Callable[[str, Mapping[str, Any], date], Sequence[Assignment]]


def none_running(customer_id: str, profile: Mapping[str, Any], day: date) -> Sequence[Assignment]:  # noqa: ARG001
    """The assigner while no experiment runs."""
    return ()


def fnv1a32(text: str) -> int:
    """FNV-1a, 32 bits, over UTF-16 code units, as JavaScript's `charCodeAt` sees them."""
    data = text.encode("utf-16-le", "surrogatepass")
    value = FNV_OFFSET
    for low, high in zip(data[::2], data[1::2], strict=True):
        value = ((value ^ (low | high << 8)) * FNV_PRIME) & 0xFFFFFFFF
    return value


def hash_fraction(seed: str, unit_id: str) -> float:
    """Where a unit falls in [0, 1), in steps of 1/10,000 (version 2 of the hash)."""
    return fnv1a32(str(fnv1a32(seed + unit_id))) % 10_000 / 10_000


def layer_fraction(layer: str, unit_id: str) -> float:
    """Where a unit falls within a layer, in steps of 1/1,000 (version 1 of the hash)."""
    return fnv1a32(f"{unit_id}__{layer}") % 1_000 / 1_000


def assign(seed: str, unit_id: str, weights: Sequence[float], coverage: float = 1.0) -> int | None:
    """The position of the unit's variant, or None if the unit is outside the coverage.

    Variant i owns [start_i, start_i + coverage · w_i) with start_i the sum of the earlier weights, unscaled:
    raising the coverage adds units to every variant and moves none.

    Args:
        seed: salt of the experiment.
        unit_id: the customer.
        weights: one per variant; a sum outside .99–1.01 makes them equal, as GrowthBook does.
        coverage: share of units in the experiment, clipped to 0..1.
    """
    if not 0.99 <= sum(weights) <= 1.01:
        weights = [1 / len(weights)] * len(weights)
    coverage = min(max(coverage, 0.0), 1.0)
    fraction = hash_fraction(seed, unit_id)
    start = 0.0
    for position, weight in enumerate(weights):
        if start <= fraction < start + coverage * weight:
            return position
        start += weight
    return None
