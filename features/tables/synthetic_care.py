"""What a made-up shop and its customers say to each other, and what that costs.

Feedback, tickets, contacts and redemptions each follow an order line, so nobody complains, answers or is
written to before the first purchase.
"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.columns import TICKET_CATEGORIES

# Shares of the order lines that each kind of row follows.
FEEDBACK_SHARE = 0.03
TICKET_SHARE = 0.01
CONTACT_SHARE = 0.05
REDEMPTION_SHARE = 0.02
SCORES = {"nps": (0, 10), "csat": (1, 5), "review": (1, 5)}
CHANNELS = ("email", "sms")
OPEN_SHARE = 0.1
HOUR = 3_600_000_000  # in microseconds
DAY = 24 * HOUR

Ints = NDArray[np.int64]


def write_care(folder: Path, orders: pa.Table, *, seed: int, days: int) -> None:
    """Write the five tables as Parquet; one that a small shop leaves empty is not written.

    Args:
        folder: where to write.
        orders: the shop's order lines in contract columns.
        seed: equal seeds give equal files. The draws are apart from those of the shop itself.
        days: length of the history; costs come once in 28 days.
    """
    rng = np.random.default_rng([seed, 1])
    sales = orders.filter(pc.greater(orders["quantity"], 0))
    tables = {
        "feedback": _feedback(rng, _some(rng, sales, FEEDBACK_SHARE)),
        "tickets": _tickets(rng, _some(rng, sales, TICKET_SHARE)),
        "contacts": _contacts(rng, _some(rng, sales, CONTACT_SHARE)),
        "redemptions": _redemptions(_some(rng, sales, REDEMPTION_SHARE)),
        "costs": _costs(rng, sales, days),
    }
    for name, table in tables.items():
        if len(table):
            pq.write_table(table, folder / f"{name}.parquet", compression="zstd")


def _some(rng: np.random.Generator, lines: pa.Table, share: float) -> pa.Table:
    return lines.take(np.flatnonzero(rng.random(len(lines)) < share))


def _feedback(rng: np.random.Generator, lines: pa.Table) -> pa.Table:
    """Answers two days after a purchase; only a review is about the product."""
    n = len(lines)
    kind = pa.array(list(SCORES)).take(pa.array(rng.integers(0, len(SCORES), n)))
    low = _by_word(kind, {word: bounds[0] for word, bounds in SCORES.items()})
    high = _by_word(kind, {word: bounds[1] for word, bounds in SCORES.items()})
    review = pc.equal(kind, "review")
    # The better of two draws: most customers who answer are content.
    score = np.maximum(rng.integers(low, high + 1), rng.integers(low, high + 1))
    return pa.table(
        {
            "feedback_id": _ids("f", n),
            "customer_id": lines["customer_id"],
            "kind": kind,
            "occurred_at": _later(lines["ordered_at"], np.full(n, 2 * DAY)),
            "score": score,
            "text": pc.if_else(review, "as described", pa.scalar(None, pa.string())),
            "product_id": pc.if_else(review, lines["product_id"], pa.scalar(None, pa.string())),
        }
    )


def _tickets(rng: np.random.Generator, lines: pa.Table) -> pa.Table:
    """Complaints the day after; answered within two days, and most of them resolved within four more."""
    n = len(lines)
    category = rng.integers(0, len(TICKET_CATEGORIES), n)
    opened = _later(lines["ordered_at"], np.full(n, DAY))
    answered = _later(opened, rng.integers(HOUR, 2 * DAY, n))
    resolved = _later(answered, rng.integers(HOUR, 4 * DAY, n))
    is_open = pa.array(rng.random(n) < OPEN_SHARE)
    satisfied = pa.array(rng.random(n) < 0.7)
    return pa.table(
        {
            "ticket_id": _ids("t", n),
            "customer_id": lines["customer_id"],
            "category": pa.array(TICKET_CATEGORIES).take(pa.array(category)),
            "opened_at": opened,
            "first_response_at": answered,
            "resolved_at": pc.if_else(is_open, pa.scalar(None, resolved.type), resolved),
            "satisfied": pc.if_else(is_open, pa.scalar(None, pa.bool_()), satisfied),
        }
    )


def _contacts(rng: np.random.Generator, lines: pa.Table) -> pa.Table:
    n = len(lines)
    channel = rng.integers(0, len(CHANNELS), n)
    return pa.table(
        {
            "contact_id": _ids("m", n),
            "customer_id": lines["customer_id"],
            "kind": pa.array(CHANNELS).take(pa.array(channel)),
            "sent_at": _later(lines["ordered_at"], np.full(n, 7 * DAY)),
            "amount": np.where(channel == 0, 0.001, 0.05),
            "campaign": pa.array(np.full(n, "come-back")),
        }
    )


def _redemptions(lines: pa.Table) -> pa.Table:
    """Offers used on an order, worth a tenth of the line."""
    n = len(lines)
    return pa.table(
        {
            "redemption_id": _ids("x", n),
            "customer_id": lines["customer_id"],
            "offer_id": pa.array(np.full(n, "ten-percent")),
            "redeemed_at": lines["ordered_at"],
            "amount": np.round(np.abs(lines["amount"].to_numpy()) / 10, 2),
            "order_id": lines["order_id"],
            "campaign": pa.array(np.full(n, "come-back")),
        }
    )


def _costs(rng: np.random.Generator, lines: pa.Table, days: int) -> pa.Table:
    """One sum of each kind for every 28 days from the first order on."""
    kinds = ("acquisition", "retention", "program")
    first = pc.min(lines["ordered_at"]).as_py().astimezone(UTC)
    midnight = int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()) * 1_000_000
    period = np.repeat(np.arange(days // 28), len(kinds))
    starts = pa.array(midnight + period * 28 * DAY).cast(pa.timestamp("us", tz="UTC"))
    return pa.table(
        {
            "cost_id": _ids("k", len(period)),
            "kind": pa.array(kinds * (days // 28)),
            "occurred_at": starts,
            "amount": np.round(rng.uniform(50, 200, len(period)), 2),
            "campaign": pa.array(np.full(len(period), "always-on")),
            "period_end": _later(starts, np.full(len(period), 27 * DAY)).cast(pa.date32()),
        }
    )


def _by_word(words: pa.Array, numbers: dict[str, int]) -> Ints:
    return np.array([numbers[word] for word in words.to_pylist()], dtype=np.int64)


def _ids(prefix: str, n: int) -> pa.Array:
    return pa.array([f"{prefix}{i:07d}" for i in range(n)], pa.string())


def _later(stamps: pa.ChunkedArray | pa.Array, microseconds: Ints) -> pa.Array:
    return pc.add(stamps, pa.array(microseconds.astype(np.int64)).cast(pa.duration("us")))
