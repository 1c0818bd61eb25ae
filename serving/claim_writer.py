"""Claims of offers on their way to the database; a claim is acknowledged only once it is there."""

from collections.abc import Sequence
from dataclasses import dataclass

from features.database.records import ClaimStatus, OfferClaim
from serving.batch_writer import BatchWriter
from serving.database_access import DatabaseAccess


@dataclass(frozen=True, slots=True)
class CappedClaim:
    """A claim, and how often its offer may be claimed by everybody and by one customer."""

    claim: OfferClaim
    total_max: int | None
    customer_max: int | None


ClaimResult = tuple[ClaimStatus, OfferClaim | None]


class ClaimWriter(BatchWriter[CappedClaim, ClaimResult]):
    """A bounded queue in front of the database. Sending a claim again is safe: its key makes it one claim.

    Args:
        database: where claims go, each in a transaction of its own, because its caps are checked in it.
        queue_claims: how many may wait at most.
        timeout_ms: how long a caller waits for the commit.

    Attributes:
        exhausted: offers that a claim has found exhausted, by id and maximum. Claims are never taken back, so
            they stay so; each worker learns it from the first claim that it has to refuse.
    """

    def __init__(self, database: DatabaseAccess, queue_claims: int, timeout_ms: int) -> None:
        self.exhausted: set[tuple[str, int | None]] = set()

        def store(claims: Sequence[CappedClaim]) -> list[ClaimResult]:
            return [take(each) for each in claims]

        def take(each: CappedClaim) -> ClaimResult:
            result = database.opened.claims.claim(each.claim, each.total_max, each.customer_max)
            if result[0] == "exhausted":
                self.exhausted.add((each.claim.offer_id, each.total_max))
            return result

        super().__init__("claims", store, queue_claims, timeout_ms, group_items=1)
