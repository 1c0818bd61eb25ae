"""Where recommended products come from: named sources, walked until the list is full. Pure functions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.release.format import SOURCES, unpack_row
from features.release.read import Release
from serving.filters import Mask

RECENT_SEEDS = 4
NEIGHBOURS = 20
FIRST_CHUNK = 128
_RECENT = SOURCES.index("recent_activity")
_TRENDING = SOURCES.index("trending")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product that may be recommended, by index, and the products that led to it."""

    product: int
    score: float
    source: str
    because: tuple[int, ...] = ()


def unpack_trusted(row: bytes | None, products: int) -> NDArray[np.void] | None:
    """A cached row as a structured array, or None if it is missing or cannot be a row of this release."""
    if row is None or len(row) % 7:
        return None
    entries = unpack_row(row)
    if len(entries) and (entries["product"].max() >= products or entries["source"].max() >= len(SOURCES)):
        return None
    return entries


def from_row(row: NDArray[np.void], mask: Mask) -> Iterator[Candidate]:
    """The packed row of a placement, best first."""
    if not len(row):
        return
    kept = row[mask(row["product"])]
    for product, score, source in kept.tolist():
        yield Candidate(product, score, SOURCES[source])


def from_recent_activity(release: Release, seeds: Sequence[int], mask: Mask) -> Iterator[Candidate]:
    """Products similar to the ones just seen, taking turns, the latest seed first."""
    queues: list[tuple[int, Iterator[tuple[int, float]]]] = []
    for seed in seeds[:RECENT_SEEDS]:
        products, scores = release.similar(seed)
        if not len(products):
            products, scores = _best_of_category(release, seed)
        keep = mask(products)
        queues.append((seed, zip(products[keep].tolist(), scores[keep].tolist(), strict=True)))
    while queues:
        unfinished = []
        for seed, queue in queues:
            entry = next(queue, None)
            if entry is not None:
                yield Candidate(entry[0], entry[1], SOURCES[_RECENT], (seed,))
                unfinished.append((seed, queue))
        queues = unfinished


def _best_of_category(release: Release, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.float16]]:
    """For a product that too few people bought to have neighbours: the best sellers beside it."""
    codes = release.products.category_code
    same = release.trending[codes[release.trending] == codes[seed]]
    products = same[same != seed][:NEIGHBOURS]
    return products, np.zeros(len(products), dtype=np.float16)


def from_trending(release: Release, mask: Mask) -> Iterator[Candidate]:
    """Every valid product, best first; its score is one over its place.

    Read in growing chunks: most answers need a few products, a narrow filter may need them all.
    """
    start, size = 0, FIRST_CHUNK
    while start < len(release.trending):
        chunk = release.trending[start : start + size]
        for place in np.flatnonzero(mask(chunk)).tolist():
            yield Candidate(int(chunk[place]), 1.0 / (start + place + 1), SOURCES[_TRENDING])
        start, size = start + size, size * 4


def interleave(own: Iterable[Candidate], recent: Iterable[Candidate], limit: int) -> Iterator[Candidate]:
    """Let recent activity into a row: places 2, 4, 6 and so on, up to a quarter of the list.

    Without a row, recent activity is all there is and comes first. A product takes one turn only, so that
    what was just seen shows even where the row begins with the same products.
    """
    passed: set[int] = set()

    def fresh(source: Iterable[Candidate]) -> Iterator[Candidate]:
        for candidate in source:
            if candidate.product not in passed:
                passed.add(candidate.product)
                yield candidate

    rest, turns = fresh(own), fresh(recent)
    first = next(rest, None)
    if first is None:
        yield from turns
        return
    yield first
    for _ in range(max(1, limit // 4)):
        for source in (turns, rest):
            candidate = next(source, None)
            if candidate is not None:
                yield candidate
    yield from rest


def walk(sources: Iterable[Iterable[Candidate]], limit: int) -> list[Candidate]:
    """The first `limit` distinct candidates, in the order of the sources."""
    passed: set[int] = set()
    chosen: list[Candidate] = []
    for source in sources:
        for candidate in source:
            if candidate.product not in passed:
                passed.add(candidate.product)
                chosen.append(candidate)
                if len(chosen) == limit:
                    return chosen
    return chosen
