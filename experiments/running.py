"""The experiments that run, as the serving pipeline asks for them: who is in which, and why not.

A customer passes, in this order: the program holdout, forced variants, targeting, the layer, the coverage of
the day, the hash. Each step is pure, so every worker, and every SDK of GrowthBook, gives the same answer.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from experiments.assignment import Assignment, assign, assign_many, layer_fraction, layer_fractions
from experiments.design import Design, Treatment, Variant
from features.loyalty.offer_catalogue import NO_OFFERS
from features.settings import ExperimentSettings

Reason = Literal["assigned", "forced", "held_out", "not_targeted", "outside_layer", "outside_coverage"]
REASONS: tuple[Reason, ...] = get_args(Reason)
ProfileOf = Callable[[str], Mapping[str, Any]]
HOLDOUT_KEY = "program_holdout"
HELD_OUT, PROGRAM = "held_out", "program"


class RunningExperiments:
    """An `Assigner` over some designs.

    Args:
        designs: those that run.
        holdout: the design of the program holdout (`holdout_design`), or None. Customers that it holds out
            join no other experiment.

    Attributes:
        designs: by key, the holdout first if there is one.
    """

    def __init__(self, designs: Sequence[Design], holdout: Design | None = None) -> None:
        own = [] if holdout is None else [holdout]
        self.designs: Mapping[str, Design] = {design.key: design for design in (*own, *designs)}
        self._holdout = holdout
        self._designs = tuple(designs)

    def __call__(self, customer_id: str, profile: Mapping[str, Any], day: date) -> Sequence[Assignment]:
        """The customer's variants.

        Args:
            customer_id: whose.
            profile: the profile to show, for targeting; empty for a customer without one.
            day: the shop's local day, for schedules.
        """
        return list(self._assignments(customer_id, profile, day))

    def explain(
        self, key: str, customer_id: str, profile: Mapping[str, Any], day: date
    ) -> tuple[Assignment | None, Reason]:
        """The customer's variant of one experiment, and why it is that or none.

        Raises:
            KeyError: no such experiment runs.
        """
        design = self.designs[key]
        if design is not self._holdout and self._is_held_out(customer_id):
            return None, "held_out"
        position, reason = place(design, customer_id, profile, day)
        return (None if position is None else _assignment(design, position, reason)), reason

    def _assignments(self, customer_id: str, profile: Mapping[str, Any], day: date) -> Iterator[Assignment]:
        for design in self.designs.values():
            position, reason = place(design, customer_id, profile, day)
            if position is not None:
                yield _assignment(design, position, reason)
                if design is self._holdout and design.variants[position].key == HELD_OUT:
                    return

    def _is_held_out(self, customer_id: str) -> bool:
        return self._holdout is not None and is_held_out(self._holdout, customer_id)


def place(
    design: Design, customer_id: str, profile: Mapping[str, Any], day: date
) -> tuple[int | None, Reason]:
    """The position of the customer's variant in one design, the program holdout aside, and why."""
    forced = design.forced.get(customer_id)
    if forced is not None:
        return [variant.key for variant in design.variants].index(forced), "forced"
    if not is_targeted(design, profile):
        return None, "not_targeted"
    if design.layer is not None:
        start, end = design.layer.range
        if not start <= layer_fraction(design.layer.name, customer_id) < end:
            return None, "outside_layer"
    position = assign(design.hash_seed, customer_id, hash_weights(design), design.coverage_on(day))
    return position, "outside_coverage" if position is None else "assigned"


def place_many(
    design: Design, holdout: Design | None, customer_ids: Sequence[str], profile_of: ProfileOf, day: date
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """What `RunningExperiments.explain` says of many customers.

    Args:
        design: the experiment.
        holdout: the program holdout, which may be the experiment itself; None without.
        customer_ids: n of them.
        profile_of: their profiles; asked only if the design targets some.
        day: the shop's local day.

    Returns:
        int8[n], the position of each one's variant or −1, and int8[n], the position in REASONS of why.
    """
    variants = [variant.key for variant in design.variants]
    positions = assign_many(design.hash_seed, customer_ids, hash_weights(design), design.coverage_on(day))
    reasons = np.where(positions < 0, REASONS.index("outside_coverage"), REASONS.index("assigned"))

    def leave_out(left_out: NDArray[np.bool_], reason: Reason) -> None:
        positions[left_out], reasons[left_out] = -1, REASONS.index(reason)

    # The last to speak wins, so the steps come in reverse.
    if design.layer is not None:
        start, end = design.layer.range
        fractions = layer_fractions(design.layer.name, customer_ids)
        leave_out((fractions < start) | (fractions >= end), "outside_layer")
    if design.targeting:
        targeted = (is_targeted(design, profile_of(customer)) for customer in customer_ids)
        leave_out(~np.fromiter(targeted, dtype=bool, count=len(customer_ids)), "not_targeted")
    if design.forced:
        for row, customer in enumerate(customer_ids):
            if customer in design.forced:
                positions[row], reasons[row] = (
                    variants.index(design.forced[customer]),
                    REASONS.index("forced"),
                )
    if holdout is not None and holdout is not design:
        drawn = assign_many(holdout.hash_seed, customer_ids, hash_weights(holdout))
        leave_out(drawn == [variant.key for variant in holdout.variants].index(HELD_OUT), "held_out")
    return positions, reasons.astype(np.int8)


def hash_weights(design: Design) -> list[float]:
    """The weights as the design states them, which is what the hash takes."""
    return [variant.weight for variant in design.variants]


def is_targeted(design: Design, profile: Mapping[str, Any]) -> bool:
    """Whether the profile has one of the stated values in each field that the design targets."""
    return all(_written(profile.get(field)) in values for field, values in design.targeting.items())


def is_held_out(holdout: Design, customer_id: str) -> bool:
    """Whether the program holdout keeps the customer out of every other experiment."""
    position = assign(holdout.hash_seed, customer_id, hash_weights(holdout))
    return position is not None and holdout.variants[position].key == HELD_OUT


def holdout_design(settings: ExperimentSettings) -> Design | None:
    """The program holdout as an experiment, so that it is served and analysed like any other; None without.

    Its control is held out: no offers and no experiment, for as long as the share and the seed stay.
    """
    share = settings.holdout_share
    if share == 0:
        return None
    return Design(
        key=HOLDOUT_KEY,
        hypothesis="Offers and experiments together bring customers back",
        variants=(
            Variant(key=HELD_OUT, weight=share, treatment=Treatment(offer_policy=NO_OFFERS)),
            Variant(key=PROGRAM, weight=1 - share),
        ),
        rule="fixed",
        primary="repeat_purchase_d30",
        seed=settings.holdout_seed,
    )


def _assignment(design: Design, position: int, reason: Reason) -> Assignment:
    variant = design.variants[position]
    # Without the database nobody's exposure is kept; the whole shop must not lose its offers then.
    fallback = variant if design.key == HOLDOUT_KEY else design.variants[0]
    return Assignment(design.key, variant.key, variant.treatment, reason == "forced", fallback.treatment)


def _written(value: object) -> str | None:
    """A field of a profile as a design writes it."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
