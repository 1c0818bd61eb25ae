"""Offers taken: each claim once, never beyond its caps."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from itertools import starmap

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.engine import Connection

from features.database.records import ClaimStatus, OfferClaim
from features.database.schema import offer_claims
from features.database.transactions import Transactions, insert_into

COLUMNS = [offer_claims.c[each.name] for each in fields(OfferClaim)]
# Any number: it keeps these locks of PostgreSQL apart from others.
CLAIM_LOCKS = 4_151_210


class ClaimStore:
    """The claims part of `Database`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def claim(
        self, claim: OfferClaim, total_max: int | None, customer_max: int | None
    ) -> tuple[ClaimStatus, OfferClaim | None]:
        """Take an offer, in one transaction.

        Args:
            claim: what is claimed.
            total_max: claims of the offer at most, all customers together; None for no cap.
            customer_max: claims of the offer by this customer at most; None for no cap.

        Returns:
            `claimed` with the claim; `repeated` with the first claim, if this idempotency key made it;
            `conflict` if the key was used for another offer or customer; `exhausted` or
            `customer_exhausted` if a cap is reached. The last three come without a claim.
        """
        with self._transactions.writing() as connection:
            _one_at_a_time(connection, claim.offer_id)
            first = _claim_under(connection, claim.idempotency_key)
            if first is not None:
                return _again(first, claim)
            of_offer = offer_claims.c.offer_id == claim.offer_id
            if total_max is not None and _count(connection, of_offer) >= total_max:
                return "exhausted", None
            of_customer = of_offer & (offer_claims.c.customer_id == claim.customer_id)
            if customer_max is not None and _count(connection, of_customer) >= customer_max:
                return "customer_exhausted", None
            insert = insert_into(connection, offer_claims).on_conflict_do_nothing().values(asdict(claim))
            if connection.execute(insert.returning(offer_claims.c.claim_id)).first() is not None:
                return "claimed", claim
            # On PostgreSQL another offer's claim may have taken the key since we looked.
            winner = _claim_under(connection, claim.idempotency_key)
            return ("conflict", None) if winner is None else _again(winner, claim)

    def find(self, idempotency_key: str) -> OfferClaim | None:
        """The claim that was made with an idempotency key, or None."""
        with self._transactions.reading() as connection:
            return _claim_under(connection, idempotency_key)

    def claim_batches(self, size: int = 50_000) -> Iterator[list[OfferClaim]]:
        """Every claim, in no order, `size` at a time, from one snapshot.

        Close the iterator to leave early: it holds a connection.
        """
        for rows in self._transactions.stream(select(*COLUMNS), size):
            yield list(starmap(OfferClaim, rows))

    def count(self, offer_id: str) -> int:
        """How often an offer was claimed."""
        with self._transactions.reading() as connection:
            return _count(connection, offer_claims.c.offer_id == offer_id)


def _one_at_a_time(connection: Connection, offer_id: str) -> None:
    """Let the claims of an offer take turns; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(:space, hashtext(:offer))")
        connection.execute(lock, {"space": CLAIM_LOCKS, "offer": offer_id})


def _claim_under(connection: Connection, idempotency_key: str) -> OfferClaim | None:
    query = select(*COLUMNS).where(offer_claims.c.idempotency_key == idempotency_key)
    row = connection.execute(query).first()
    return None if row is None else OfferClaim(**row._mapping)


def _again(first: OfferClaim, claim: OfferClaim) -> tuple[ClaimStatus, OfferClaim | None]:
    same = (first.offer_id, first.customer_id) == (claim.offer_id, claim.customer_id)
    return ("repeated", first) if same else ("conflict", None)


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(offer_claims).where(condition)).scalar_one()
