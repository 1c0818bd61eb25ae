"""What the running experiments change for one customer: which release, which offers, which order.

An experiment is served to a customer as a whole or not at all. Whether it can be must not depend on the
variant, or the variants would no longer be alike: so it needs every release that any of its variants names,
open and knowing the customer, and it may change nothing that an experiment before it changes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments.assignment import Assignment
from experiments.design import Rerank, Treatment
from features.database.records import Exposure
from features.release.read import Release
from serving.running_designs import CHANGES, Changes
from serving.services import Services


@dataclass(frozen=True, slots=True)
class Participant:
    """A customer whom the live release knows and who agreed to personalization.

    Attributes:
        live: the live release.
        customer: position in it.
        profile: as it shows it; decides targeting, and is kept with an exposure.
        assigned: what the hash says.
    """

    live: Release
    customer_id: str
    customer: int
    profile: Mapping[str, Any]
    assigned: Sequence[Assignment]


@dataclass(frozen=True, slots=True)
class Plan:
    """By what one customer is served.

    Attributes:
        release: the live release, or the one that an experiment names.
        customer: position in it, or None for nobody in particular.
        served: the experiments of the answer.
        left_out: how many experiments could not be served.
        offer_policy: of an experiment, or None.
        rerank: likewise.
    """

    release: Release
    customer: int | None
    served: tuple[Assignment, ...] = ()
    left_out: int = 0
    offer_policy: str | None = None
    rerank: Rerank | None = None

    def experiments(self) -> list[dict[str, str]]:
        """The experiments as the API names them."""
        return [{"key": each.key, "variant": each.variant} for each in self.served]

    def profile_of(self, who: Participant) -> Mapping[str, Any]:
        """The customer's profile as the release of this plan shows it."""
        if self.customer is None or self.release is who.live:
            return who.profile
        return self.release.profile(self.customer)


def participant(
    services: Services, live: Release, customer_id: str, customer: int, now: datetime
) -> Participant:
    """Ask the running experiments about a customer; the day of `now` in the shop decides their coverage."""
    profile = live.profile(customer)
    day = now.astimezone(services.settings.shop.zone).date()
    return Participant(live, customer_id, customer, profile, services.assigner(customer_id, profile, day))


def plan_treatment(services: Services, who: Participant, products: bool = True) -> Plan:
    """The treatments of a customer's variants; those of the controls while no exposure can be kept.

    Args:
        services: know the designs and the releases that they name.
        who: the customer.
        products: whether products are served, or offers alone.
    """
    if not who.assigned:
        return Plan(who.live, who.customer)
    if not services.database.available:
        return plan_control(services, who)
    served: list[Assignment] = []
    left_out: list[Assignment] = []
    taken: set[str] = set()
    for each in who.assigned:
        changes = services.watcher.running.changes_of(each)
        if not _is_visible(changes, who, products):
            continue
        if taken & changes.what or not _can_serve(services, who, changes.aliases):
            left_out.append(each)
            continue
        served.append(each)
        taken |= changes.exclusive
    return _plan(services, who, served, left_out, taken)


def plan_control(services: Services, who: Participant) -> Plan:
    """What everybody gets while exposures cannot be kept: the treatments of the controls, no experiment."""
    return _plan(services, who, (), who.assigned, ())


def keep_exposures(
    services: Services,
    who: Participant,
    plan: Plan,
    now: datetime,
    *,
    placement: str | None = None,
    recommendation_id: str | None = None,
) -> bool:
    """Log that a plan is served; False if that cannot be, so it must not.

    Args:
        services: hold the queue.
        who: the customer.
        plan: what the answer was made by.
        now: the instant of the answer.
        placement: of a recommendation.
        recommendation_id: likewise.
    """
    exposures = [
        Exposure(
            experiment=each.key,
            customer_id=who.customer_id,
            variant=each.variant,
            exposed_at=now,
            tier=who.profile.get("tier"),
            segment=who.profile.get("segment"),
            lifecycle=who.profile.get("lifecycle"),
            placement=placement,
            recommendation_id=recommendation_id,
            release_id=plan.release.id,
        )
        for each in plan.served
        if not each.forced
    ]
    return services.exposures.log(exposures)


def _is_visible(changes: Changes, who: Participant, products: bool) -> bool:
    """Whether an answer could differ between the variants for a customer, whichever is the customer's own."""
    agreed = who.profile.get("consent_marketing") is not False
    in_offers = agreed and not changes.what.isdisjoint({"offer_policy", "release"})
    return in_offers or (products and changes.what != {"offer_policy"})


def _can_serve(services: Services, who: Participant, aliases: Collection[str]) -> bool:
    releases = [services.watcher.named.get(alias, who.live) for alias in aliases]
    return all(release is not None and _place(release, who) is not None for release in releases)


def _place(release: Release, who: Participant) -> int | None:
    """Where a release has a customer who agreed to personalization, or None."""
    if release is who.live:
        return who.customer
    customer = release.customer_index(who.customer_id)
    return customer if customer is not None and release.personalization_allowed(customer) else None


def _plan(
    services: Services,
    who: Participant,
    served: Sequence[Assignment],
    left_out: Sequence[Assignment],
    taken: Collection[str],
) -> Plan:
    treatments = [each.treatment for each in served]
    controls = [each.control for each in left_out]
    settled = {
        name: _first(name, treatments if name in taken else [*treatments, *controls]) for name in CHANGES
    }
    release, customer = who.live, who.customer
    named = services.watcher.named.get(settled["release"], who.live) if settled["release"] else None
    place = _place(named, who) if named is not None else None
    if named is not None and place is not None:
        release, customer = named, place
    return Plan(release, customer, tuple(served), len(left_out), settled["offer_policy"], settled["rerank"])


def _first(name: str, treatments: Sequence[Treatment]) -> Any:
    """What the first treatment that changes something makes of it."""
    return next((value for each in treatments if (value := getattr(each, name)) is not None), None)
