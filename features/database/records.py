"""What goes into the database and comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from features.cache.keys import customer_subject, session_subject

EventStatus = Literal["stored", "duplicate"]
ExperimentState = Literal["draft", "running", "stopped", "decided"]
Decision = Literal["ship", "roll_back", "inconclusive"]
LogAction = Literal["created", "revised", "started", "stopped", "decided", "reported"]
ClaimStatus = Literal["claimed", "repeated", "exhausted", "customer_exhausted", "conflict"]


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
class Exposure:
    """A customer was really served a variant, with the profile fields as they were at that moment.

    Attributes:
        placement: where it was served; None if not in a recommendation.
        recommendation_id: the answer that served it; None likewise.
    """

    experiment: str
    customer_id: str
    variant: str
    exposed_at: datetime
    tier: str | None = None
    segment: str | None = None
    lifecycle: str | None = None
    placement: str | None = None
    recommendation_id: str | None = None
    release_id: str | None = None


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """An experiment as it stands.

    Attributes:
        version: of its current design, from 1.
        design: that design as canonical JSON.
        simulated: its customers are made up.
        decision: what was decided in the end, in the operator's words.
    """

    key: str
    version: int
    state: ExperimentState
    design: str
    simulated: bool
    created_at: datetime
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    decided_at: datetime | None = None
    decision: str | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the audit log of experiments, which only ever grows."""

    key: str
    version: int
    at: datetime
    actor: str
    action: LogAction
    detail: str


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as it was made.

    Attributes:
        data_through: the last local day whose orders it counts; None if it saw none.
        body: JSON.
    """

    key: str
    version: int
    created_at: datetime
    data_through: date | None
    body: str


@dataclass(frozen=True, slots=True)
class OfferClaim:
    """An offer taken by a customer."""

    claim_id: str
    idempotency_key: str
    offer_id: str
    customer_id: str
    claimed_at: datetime
    recommendation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """What a server asks for at every poll.

    Attributes:
        release_id: the live release.
        keys: every API key.
        experiments: those that run.
        aliases: release id of each alias, such as `challenger`.
    """

    release_id: str | None
    keys: tuple[ApiKey, ...]
    experiments: tuple[ExperimentRecord, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
