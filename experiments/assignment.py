"""Which variant a customer gets: a pure, salted hash; no clock, no store, no randomness.

The hash is GrowthBook's, so its SDKs agree with every answer here
(https://docs.growthbook.io/lib/build-your-own#hashing).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.design import Treatment

FNV_OFFSET = 0x811C9DC5
FNV_PRIME = 0x01000193
SEED_STEPS, LAYER_STEPS = 10_000, 1_000
# Ids hashed together: the arrays of one block stay in the processor's cache.
BLOCK = 65_536
NO_CHANGE = Treatment()


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
    treatment: Treatment = NO_CHANGE
    forced: bool = False
    control: Treatment = NO_CHANGE


# The seam of the serving pipeline: the assignments of a customer, given the id, the profile to show and the
# shop's local day.
Assigner = Callable[[str, Mapping[str, Any], date], Sequence[Assignment]]


def fnv1a32(text: str, value: int = FNV_OFFSET) -> int:
    """FNV-1a, 32 bits, over UTF-16 code units, as JavaScript's `charCodeAt` sees them.

    Args:
        text: what is hashed.
        value: the hash of what stands before the text.
    """
    if text.isascii():
        for unit in text.encode():
            value = ((value ^ unit) * FNV_PRIME) & 0xFFFFFFFF
        return value
    data = text.encode("utf-16-le", "surrogatepass")
    for low, high in zip(data[::2], data[1::2], strict=True):
        value = ((value ^ (low | high << 8)) * FNV_PRIME) & 0xFFFFFFFF
    return value


def hash_fraction(seed: str, unit_id: str) -> float:
    """Where a unit falls in [0, 1), in steps of 1/10,000 (version 2 of the hash)."""
    return fnv1a32(str(fnv1a32(seed + unit_id))) % SEED_STEPS / SEED_STEPS


def layer_fraction(layer: str, unit_id: str) -> float:
    """Where a unit falls within a layer, in steps of 1/1,000 (version 1 of the hash)."""
    return fnv1a32(f"{unit_id}__{layer}") % LAYER_STEPS / LAYER_STEPS


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
    fraction = hash_fraction(seed, unit_id)
    for position, (start, end) in enumerate(_ranges(weights, coverage)):
        if start <= fraction < end:
            return position
    return None


def hash_fractions(seed: str, ids: Sequence[str]) -> NDArray[np.float64]:
    """float64[n]: `hash_fraction` of each id."""
    first = _hashes(ids, fnv1a32(seed))
    return _hash_of_decimals(first) % SEED_STEPS / SEED_STEPS


def layer_fractions(layer: str, ids: Sequence[str]) -> NDArray[np.float64]:
    """float64[n]: `layer_fraction` of each id."""
    values = _hashes(ids, FNV_OFFSET)
    for unit in np.frombuffer(f"__{layer}".encode("utf-16-le", "surrogatepass"), np.uint16):
        values = _step(values, unit)
    return values % LAYER_STEPS / LAYER_STEPS


def assign_many(
    seed: str, ids: Sequence[str], weights: Sequence[float], coverage: float = 1.0
) -> NDArray[np.int8]:
    """int8[n]: `assign` of each id, −1 for those outside the coverage."""
    fractions = hash_fractions(seed, ids)
    positions = np.full(len(ids), -1, dtype=np.int8)
    for position, (start, end) in enumerate(_ranges(weights, coverage)):
        positions[(start <= fractions) & (fractions < end)] = position
    return positions


def _ranges(weights: Sequence[float], coverage: float) -> list[tuple[float, float]]:
    """What each variant owns of [0, 1)."""
    if not 0.99 <= sum(weights) <= 1.01:
        weights = [1 / len(weights)] * len(weights)
    coverage = min(max(coverage, 0.0), 1.0)
    ranges, start = [], 0.0
    for weight in weights:
        ranges.append((start, start + coverage * weight))
        start += weight
    return ranges


def _step(values: NDArray[np.uint32], units: NDArray[Any] | np.uint16) -> NDArray[np.uint32]:
    """FNV-1a by one code unit; uint32 wraps as the hash wants."""
    return np.multiply(values ^ units, np.uint32(FNV_PRIME), dtype=np.uint32)


def _hashes(ids: Sequence[str], value: int) -> NDArray[np.uint32]:
    """uint32[n]: `fnv1a32(id, value)` of each id."""
    found = np.empty(len(ids), dtype=np.uint32)
    for start in range(0, len(ids), BLOCK):
        found[start : start + BLOCK] = _hash_block(ids[start : start + BLOCK], value)
    return found


def _hash_block(ids: Sequence[str], value: int) -> NDArray[np.uint32]:
    units = np.frombuffer("".join(ids).encode("utf-16-le", "surrogatepass"), dtype=np.uint16)
    lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
    if lengths.sum() != len(units):
        # Characters beyond the first plane are two units each.
        encoded = (len(each.encode("utf-16-le", "surrogatepass")) // 2 for each in ids)
        lengths = np.fromiter(encoded, dtype=np.int64, count=len(ids))
    # Longest first: those that still have a unit at a place are always the first few.
    order = np.argsort(-lengths, kind="stable")
    starts = (np.cumsum(lengths) - lengths)[order]
    longer = np.searchsorted(-lengths[order], -np.arange(lengths.max(initial=0)), side="left")
    values = np.full(len(ids), value, dtype=np.uint32)
    for place, count in enumerate(longer):
        values[:count] = _step(values[:count], units[starts[:count] + place])
    found = np.empty_like(values)
    found[order] = values
    return found


def _hash_of_decimals(numbers: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """uint32[n]: `fnv1a32(str(number))` of each number, without making strings."""
    values = np.full(len(numbers), FNV_OFFSET, dtype=np.uint32)
    for power in 10 ** np.arange(9, -1, -1, dtype=np.uint32):
        written = numbers >= power if power > 1 else np.ones(len(numbers), dtype=bool)
        digit = numbers // power % np.uint32(10)
        values = np.where(written, _step(values, digit + np.uint32(ord("0"))), values)
    return values
