"""Exposures on their way to the database: each once, and no answer waits for them."""

from collections.abc import Sequence

from features.database.records import Exposure
from serving.batch_writer import BatchWriter
from serving.database_access import DatabaseAccess
from serving.service_metrics import ServiceMetrics

# Exposures remembered per worker, some 200 bytes each; one that is forgotten is merely written again, and
# the database keeps the first.
REMEMBERED = 100_000


class ExposureLog(BatchWriter[Exposure, None]):
    """A bounded queue in front of the database. What it takes is written, however long the database is away.

    Args:
        database: where exposures go.
        metrics: count what became of them.
        queue_exposures: how many may wait at most.
    """

    def __init__(self, database: DatabaseAccess, metrics: ServiceMetrics, queue_exposures: int) -> None:
        def store(exposures: Sequence[Exposure]) -> list[None]:
            new = database.opened.experiments.insert_exposures(exposures)
            metrics.exposures("logged", new)
            metrics.exposures("known", len(exposures) - new)
            return []

        super().__init__("exposures", store, queue_exposures)
        self._logged: dict[tuple[str, str, str], None] = {}

    def log(self, exposures: Sequence[Exposure]) -> bool:
        """Take exposures, those of them that this worker has not logged before; all or none.

        Returns:
            False if the queue has no room for them.
        """
        fresh = {_identity(each): each for each in exposures if _identity(each) not in self._logged}
        if not fresh:
            return True
        if not self.offer(list(fresh.values())):
            return False
        self._logged.update(dict.fromkeys(fresh))
        while len(self._logged) > REMEMBERED:
            del self._logged[next(iter(self._logged))]
        return True


def _identity(exposure: Exposure) -> tuple[str, str, str]:
    return exposure.experiment, exposure.customer_id, exposure.variant
