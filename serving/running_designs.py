"""The experiments that run, as the database last told; parsed when they change, not when they are asked."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from experiments.assignment import Assignment
from experiments.design import Design, Treatment, read_design
from experiments.running import HOLDOUT_KEY, RunningExperiments, holdout_design
from features.database.records import ExperimentRecord
from features.errors import DataError
from features.settings import ExperimentSettings

logger = logging.getLogger("huitou.serving")
# What a treatment can change.
CHANGES = ("offer_policy", "release", "rerank")


@dataclass(frozen=True, slots=True)
class Changes:
    """What the variants of an experiment change, all of them together.

    Attributes:
        what: names of `CHANGES`.
        exclusive: those that no later experiment may change for the same customer.
        aliases: the releases they name.
    """

    what: frozenset[str]
    exclusive: frozenset[str]
    aliases: frozenset[str]

    @classmethod
    def of(cls, key: str, treatments: Iterable[Treatment]) -> "Changes":
        """Of an experiment with these treatments."""
        every = list(treatments)
        what = frozenset(name for name in CHANGES if any(getattr(each, name) is not None for each in every))
        aliases = frozenset(each.release for each in every if each.release is not None)
        # Who is held out is in no other experiment, so for all others the holdout changes nothing.
        return cls(what, frozenset() if key == HOLDOUT_KEY else what, aliases)


class RunningDesigns:
    """The running experiments of one moment; a change makes another one.

    Args:
        records: as the database has them.
        settings: of the program holdout.

    Attributes:
        assigner: says who is in which.
        designs: by key, the holdout first.
        records: by key; the holdout has none.
        aliases: the releases that any of them names.
    """

    def __init__(self, records: Sequence[ExperimentRecord], settings: ExperimentSettings) -> None:
        self._versions = _versions(records)
        self._settings = settings
        parsed = {record.key: _parse(record) for record in records}
        self.assigner = RunningExperiments(
            [design for design in parsed.values() if design is not None], holdout_design(settings)
        )
        self.designs: Mapping[str, Design] = self.assigner.designs
        self.records = {record.key: record for record in records if parsed[record.key] is not None}
        self._changes = {
            design.key: Changes.of(design.key, (variant.treatment for variant in design.variants))
            for design in self.designs.values()
        }
        self.aliases: frozenset[str] = frozenset().union(*(each.aliases for each in self._changes.values()))

    def followed_by(self, records: Sequence[ExperimentRecord]) -> "RunningDesigns":
        """What runs now: this very object while nothing changed."""
        return self if _versions(records) == self._versions else RunningDesigns(records, self._settings)

    def changes_of(self, assignment: Assignment) -> Changes:
        """What the assignment's experiment changes, also if it has ended since it was asked about."""
        known = self._changes.get(assignment.key)
        return known or Changes.of(assignment.key, (assignment.treatment, assignment.control))


def _versions(records: Sequence[ExperimentRecord]) -> list[tuple[str, int]]:
    return [(record.key, record.version) for record in records]


def _parse(record: ExperimentRecord) -> Design | None:
    """The design, or None if this version of Huitou cannot read it: the others must go on."""
    try:
        return read_design(record.design)
    except DataError as error:
        logger.error("The experiment %r is not served: %s", record.key, error)
        return None
