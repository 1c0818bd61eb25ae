"""The tables of the database, as SQLAlchemy Core metadata.

Two column types hide what SQLite lacks: `Instant` keeps instants in UTC, `Money` keeps decimals exact.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, DateTime, Index, Integer, MetaData, Numeric, String, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = MetaData()


class Instant(TypeDecorator[datetime]):
    """An instant in UTC; a value without a zone is refused, because its meaning would be a guess."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware value to UTC; SQLite stores it without the zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        instant = value.astimezone(UTC)
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Always an aware value in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Money(TypeDecorator[Decimal]):
    """DECIMAL(18,4); SQLite has no decimals, so there it is text, never a float."""

    impl = Numeric(18, 4)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, NUMERIC elsewhere."""
        return dialect.type_descriptor(String(24) if dialect.name == "sqlite" else Numeric(18, 4))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Four decimals, as the data contract says."""
        if value is None:
            return None
        exact = value.quantize(Decimal("0.0001"))
        return str(exact) if dialect.name == "sqlite" else exact

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """Always a Decimal."""
        return None if value is None else Decimal(value)


# History of what was live; the row with the highest position is live now.
live_releases = Table(
    "live_releases",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=True),
    Column("release_id", String(128), nullable=False),
    Column("set_at", Instant, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("event_id", String(128), primary_key=True),
    Column("type", String(16), nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("customer_id", String(128)),
    Column("session_id", String(128)),
    Column("product_id", String(128)),
    Column("recommendation_id", String(128)),
    Column("quantity", Money),
    Column("amount", Money),
    Column("channel", String(64)),
    Column("dwell_seconds", Money),
    Column("received_at", Instant, nullable=False),
)
# The request path asks for the last events of one customer or session.
Index("events_by_customer", events.c.customer_id, events.c.received_at)
Index("events_by_session", events.c.session_id, events.c.received_at)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)
