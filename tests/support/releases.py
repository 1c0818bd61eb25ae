"""A small, readable release for tests: 6 customers, 40 products, 4 categories."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from features.loyalty.offers import OfferCatalogue
from features.release.format import HISTORY_DTYPE, SOURCES
from features.release.write import ProductColumns, ReleaseContents, Rows

CUSTOMERS = ("ada", "bo", "客户三", "no-consent", "empty", "f")
PRODUCTS = 40
ROW_PRODUCTS = 12
BUY_AGAIN, DISCOVER = SOURCES.index("buy_again"), SOURCES.index("discover")


def small_contents(seed: int = 1, **changes: Any) -> ReleaseContents:
    """Contents of a valid release; `seed` changes rows, `changes` replaces fields."""
    rng = np.random.default_rng(seed)
    recommendable = np.ones(PRODUCTS, dtype=bool)
    recommendable[-2:] = False
    ranked = np.array([rng.permutation(PRODUCTS - 2)[:ROW_PRODUCTS] for _ in CUSTOMERS], dtype=np.int32)
    scores = np.sort(rng.random(ranked.shape, dtype=np.float32))[:, ::-1].copy()
    buy_again = ranked.copy()
    buy_again[:, 5:] = -1
    buy_again[CUSTOMERS.index("empty")] = -1
    history = np.array(
        [(int(p), 4 - i % 3, 8 + i, 9, 0.5) for row in ranked for i, p in enumerate(row[:5])],
        dtype=HISTORY_DTYPE,
    )
    similar = np.array([[(p + 1) % 38, (p + 2) % 38, -1] for p in range(PRODUCTS)], dtype=np.int32)
    contents = ReleaseContents(
        as_of=date(2018, 1, 1),
        created_at=datetime(2018, 1, 2, tzinfo=UTC),
        products=ProductColumns(
            ids=[f"p{i}" for i in range(PRODUCTS)],
            names=[f"Product {i}" if i % 7 else "" for i in range(PRODUCTS)],
            categories=[("tea", "coffee", "fruit", "bread")[i % 4] for i in range(PRODUCTS)],
            brands=["" if i % 2 else "Hill" for i in range(PRODUCTS)],
            prices=np.where(np.arange(PRODUCTS) % 5 == 0, np.nan, np.arange(PRODUCTS) * 1.5),
            in_stock=np.ones(PRODUCTS, dtype=bool),
            recommendable=recommendable,
        ),
        customer_ids=CUSTOMERS,
        personalization=np.array([c != "no-consent" for c in CUSTOMERS]),
        rows={
            "home": Rows(ranked, scores, np.full(ranked.shape, DISCOVER, dtype=np.uint8)),
            "buy_again": Rows(buy_again, scores, np.full(ranked.shape, BUY_AGAIN, dtype=np.uint8)),
            "discover": Rows(ranked[:, ::-1].copy(), scores, np.full(ranked.shape, DISCOVER, dtype=np.uint8)),
        },
        profiles=[json.dumps({"customer_id": c, "tier": "gold"}).encode() for c in CUSTOMERS],
        history=history,
        history_offsets=np.arange(len(CUSTOMERS) + 1, dtype=np.int64) * 5,
        similar_product=similar,
        similar_score=np.linspace(1, 0.1, PRODUCTS * 3, dtype=np.float32).reshape(PRODUCTS, 3),
        trending=np.flatnonzero(recommendable)[::-1].astype(np.int32),
        offers=OfferCatalogue(offers=()),
        models={
            "home": {"model": "blend"},
            "buy_again": {"model": "personal_frequency"},
            "discover": {"model": "rp3beta"},
        },
        data_fingerprint="test",
    )
    return replace(contents, **changes)


def with_more_customers(contents: ReleaseContents, customer_ids: Sequence[str]) -> ReleaseContents:
    """The same release with further customers, each of them ada under another name."""
    more = len(customer_ids)
    profile = json.loads(contents.profiles[0])
    own = contents.history[: contents.history_offsets[1]]

    def copied(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, np.repeat(values[:1], more, axis=0)])

    offsets = contents.history_offsets[-1] + len(own) * np.arange(1, more + 1)
    return replace(
        contents,
        customer_ids=(*contents.customer_ids, *customer_ids),
        personalization=copied(contents.personalization),
        rows={
            placement: Rows(copied(rows.product), copied(rows.score), copied(rows.source))
            for placement, rows in contents.rows.items()
        },
        profiles=[
            *contents.profiles,
            *(json.dumps(profile | {"customer_id": customer}).encode() for customer in customer_ids),
        ],
        history=np.concatenate([contents.history, *[own] * more]),
        history_offsets=np.concatenate([contents.history_offsets, offsets]),
    )
