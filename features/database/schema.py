"""The tables of the database, as SQLAlchemy Core metadata.

Two column types hide what SQLite lacks: `Instant` keeps instants in UTC, `Money` keeps decimals exact.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
)
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

# Which release an alias such as `challenger` stands for, beside the live one.
release_aliases = Table(
    "release_aliases",
    metadata,
    Column("alias", String(128), primary_key=True),
    Column("release_id", String(128), nullable=False),
    Column("set_at", Instant, nullable=False),
)

# What every worker signs cookies with; created by the first one that asks.
server_secrets = Table(
    "server_secrets",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("secret", LargeBinary(32), nullable=False),
)

# Every version of every design, as canonical JSON; rows are never changed.
designs = Table(
    "designs",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("actor", String(128), nullable=False),
)

experiments = Table(
    "experiments",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("stopped_at", Instant),
    Column("decided_at", Instant),
    Column("decision", Text),
)

# The audit log: rows are only added.
experiment_log = Table(
    "experiment_log",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=True),
    Column("key", String(128), nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(16), nullable=False),
    Column("detail", Text, nullable=False),
)
Index("experiment_log_by_key", experiment_log.c.key, experiment_log.c.position)

exposures = Table(
    "exposures",
    metadata,
    Column("experiment", String(128), primary_key=True),
    Column("customer_id", String(128), primary_key=True),
    Column("variant", String(128), primary_key=True),
    Column("exposed_at", Instant, nullable=False),
    Column("tier", String(64)),
    Column("segment", String(64)),
    Column("lifecycle", String(64)),
    Column("placement", String(32)),
    Column("recommendation_id", String(128)),
    Column("release_id", String(128)),
    # Rows lie in the order of the key, so an experiment is read in one sweep.
    sqlite_with_rowid=False,
)

offer_claims = Table(
    "offer_claims",
    metadata,
    Column("claim_id", String(64), primary_key=True),
    Column("idempotency_key", String(255), nullable=False),
    Column("offer_id", String(128), nullable=False),
    Column("customer_id", String(128), nullable=False),
    Column("claimed_at", Instant, nullable=False),
    Column("recommendation_id", String(128)),
)
Index("offer_claims_by_idempotency_key", offer_claims.c.idempotency_key, unique=True)
# Caps count the claims of an offer, and of a customer within it.
Index("offer_claims_by_offer", offer_claims.c.offer_id, offer_claims.c.customer_id)

experiment_reports = Table(
    "experiment_reports",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=True),
    Column("key", String(128), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("data_through", Date),
    Column("body", Text, nullable=False),
)
Index("experiment_reports_by_key", experiment_reports.c.key, experiment_reports.c.position)
