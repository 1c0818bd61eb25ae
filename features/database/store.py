"""Reads and writes of the database: the one thing that must never lose a row.

A method that returns has committed. Every failure and every wait beyond its budget is a
DatabaseUnavailableError, so callers decide on one error only.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from itertools import starmap
from typing import Self

from sqlalchemy import Row, select, update
from sqlalchemy.engine import Connection

from features.database.address import shown_address
from features.database.claim_store import ClaimStore
from features.database.engines import Engines, open_engines
from features.database.experiment_store import ExperimentStore, running_experiments
from features.database.records import ApiKey, Control, Event, EventStatus, LiveRelease, RecentEvent
from features.database.schema import api_keys, events, live_releases, release_aliases, server_secrets
from features.database.transactions import Transactions, insert_into, stated_failure

SECRET_BYTES = 32


def open_database(url: str, read_timeout_ms: int = 5000, write_timeout_ms: int = 5000) -> "Database":
    """Open (and where needed create or migrate) the database.

    Args:
        url: SQLAlchemy address of SQLite or PostgreSQL, as `settings.database_url` gives it.
        read_timeout_ms: budget of one read; the request path passes a short one.
        write_timeout_ms: budget of one write, waiting for other writers included.

    Raises:
        SettingsError: the address is of no supported database.
        DatabaseUnavailableError: the database cannot be reached.
    """
    with stated_failure(shown_address(url)):
        return Database(open_engines(url, read_timeout_ms, write_timeout_ms))


class Database:
    """Open with `open_database`. Safe to use from several threads.

    Attributes:
        experiments: designs, states, the audit log, exposures and reports.
        claims: offers taken.
    """

    def __init__(self, engines: Engines) -> None:
        self._transactions = Transactions(engines)
        self.experiments = ExperimentStore(self._transactions)
        self.claims = ClaimStore(self._transactions)

    def close(self) -> None:
        """Close every connection."""
        self._transactions.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def set_live(self, release_id: str, at: datetime) -> None:
        """Make a release the live one; the one before stays in the history."""
        with self._transactions.writing() as connection:
            connection.execute(live_releases.insert().values(release_id=release_id, set_at=at))

    def live_release(self) -> str | None:
        """The release that is live, or None before the first publish."""
        with self._transactions.reading() as connection:
            return _live_release(connection)

    def live_history(self, limit: int = 100) -> list[LiveRelease]:
        """What was set live, latest first."""
        query = select(live_releases).order_by(live_releases.c.position.desc()).limit(limit)
        with self._transactions.reading() as connection:
            return [LiveRelease(row.release_id, row.set_at) for row in connection.execute(query)]

    def insert_events(self, batch: Sequence[Event], received_at: datetime) -> list[EventStatus]:
        """Store events in one transaction.

        Returns:
            A status for each event, in order: `duplicate` where the event_id is known or came earlier in
            the batch.
        """
        rows = [asdict(item) | {"received_at": received_at} for item in batch]
        with self._transactions.writing() as connection:
            insert = insert_into(connection, events)
            statement = insert.on_conflict_do_nothing().returning(events.c.event_id)
            stored = set(connection.scalars(statement, rows)) if rows else set()
        statuses: list[EventStatus] = []
        for item in batch:
            statuses.append("stored" if item.event_id in stored else "duplicate")
            stored.discard(item.event_id)
        return statuses

    def recent_events(self, subject: str, limit: int, since: datetime) -> list[RecentEvent]:
        """The last events about a product of `c:` + customer or `s:` + session, latest first.

        Latest by arrival, the only clock that no client can set; within one arrival by `occurred_at`.
        """
        kind, _, identity = subject.partition(":")
        column = {"c": events.c.customer_id, "s": events.c.session_id}[kind]
        query = (
            select(events.c.type, events.c.product_id, events.c.received_at)
            .where(column == identity, events.c.received_at >= since, events.c.product_id.is_not(None))
            .order_by(events.c.received_at.desc(), events.c.occurred_at.desc(), events.c.event_id)
            .limit(limit)
        )
        with self._transactions.reading() as connection:
            return [RecentEvent(*row) for row in connection.execute(query)]

    def event_batches(self, types: Sequence[str], size: int = 50_000) -> Iterator[list[Event]]:
        """Every event of some types, in no order, `size` at a time, from one snapshot.

        Close the iterator to leave early: it holds a connection.
        """
        names = [each.name for each in fields(Event)]
        query = select(*(events.c[name] for name in names)).where(events.c.type.in_(types))
        for rows in self._transactions.stream(query, size):
            yield list(starmap(Event, rows))

    def create_key(self, key_id: str, key_hash: str, scopes: Sequence[str], at: datetime) -> None:
        """Keep the hash of a new API key."""
        values = {"key_id": key_id, "hash": key_hash, "scopes": " ".join(scopes), "created_at": at}
        with self._transactions.writing() as connection:
            connection.execute(api_keys.insert().values(values))

    def list_keys(self) -> list[ApiKey]:
        """Every key, revoked ones too, oldest first."""
        with self._transactions.reading() as connection:
            return _keys(connection)

    def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Revoke a key; False if no such key exists. Revoking twice keeps the first instant."""
        known = select(api_keys.c.revoked_at).where(api_keys.c.key_id == key_id)
        revoke = update(api_keys).where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
        with self._transactions.writing() as connection:
            if connection.execute(known).first() is None:
                return False
            connection.execute(revoke.values(revoked_at=at))
            return True

    def control(self) -> Control:
        """What a server follows, read in one transaction."""
        with self._transactions.reading() as connection:
            return Control(
                _live_release(connection),
                tuple(_keys(connection)),
                tuple(running_experiments(connection)),
                _aliases(connection),
            )

    def set_alias(self, alias: str, release_id: str, at: datetime) -> None:
        """Let an alias stand for a release, in place of the one it stood for."""
        values = {"release_id": release_id, "set_at": at}
        with self._transactions.writing() as connection:
            insert = insert_into(connection, release_aliases).values(alias=alias, **values)
            connection.execute(insert.on_conflict_do_update(index_elements=["alias"], set_=values))

    def aliases(self) -> dict[str, str]:
        """The release of every alias."""
        with self._transactions.reading() as connection:
            return _aliases(connection)

    def server_secret(self, name: str) -> bytes:
        """32 random bytes that all servers on this database share, made by the first one that asks."""
        query = select(server_secrets.c.secret).where(server_secrets.c.name == name)
        with self._transactions.reading() as connection:
            known = connection.execute(query).scalar()
        if known is not None:
            return bytes(known)
        fresh = {"name": name, "secret": secrets.token_bytes(SECRET_BYTES)}
        with self._transactions.writing() as connection:
            connection.execute(insert_into(connection, server_secrets).on_conflict_do_nothing(), fresh)
            return bytes(connection.execute(query).scalar_one())


def _live_release(connection: Connection) -> str | None:
    query = select(live_releases.c.release_id).order_by(live_releases.c.position.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else str(row.release_id)


def _aliases(connection: Connection) -> dict[str, str]:
    rows = connection.execute(select(release_aliases).order_by(release_aliases.c.alias))
    return {row.alias: row.release_id for row in rows}


def _keys(connection: Connection) -> list[ApiKey]:
    query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id)
    return [_key(row) for row in connection.execute(query)]


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(row.key_id, row.hash, tuple(row.scopes.split()), row.created_at, row.revoked_at)
