"""What goes into the database and comes out of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from features.cache.keys import customer_subject, session_subject

EventStatus = Literal["stored", "duplicate"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in the shop; instants carry a zone."""

    event_id: str
    type: str
    occurred_at: datetime
    customer_id: str | None = None
    session_id: str | None = None
    product_id: str | None = None
    recommendation_id: str | None = None
    quantity: Decimal | None = None
    amount: Decimal | None = None
    channel: str | None = None
    dwell_seconds: Decimal | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """Whose next answer this event changes."""
        customer = (customer_subject(self.customer_id),) if self.customer_id else ()
        session = (session_subject(self.session_id),) if self.session_id else ()
        return customer + session


@dataclass(frozen=True, slots=True)
class RecentEvent:
    """What the request path needs of an event."""

    type: str
    product_id: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class LiveRelease:
    """One row of the history of live releases."""

    release_id: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is kept: the hash of its secret, never the secret."""

    key_id: str
    hash: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Control:
    """What a server asks for at every poll: which release is live, and which keys exist."""

    release_id: str | None
    keys: tuple[ApiKey, ...]
