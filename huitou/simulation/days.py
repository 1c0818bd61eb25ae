"""Day by day: customers visit the API, are shown products and offers, and act on what they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from experiments.simulate import NEVER, Bools, Ints, Population, counts_by, true_lift_of
from huitou.simulation.exports import Ledger
from huitou.simulation.server import SimulatedClock
from huitou.simulation.shop import Shop
from huitou.simulation.storefront import Answer, Claim, Storefront

VISIT_HOUR, ORDER_HOUR = 10, 18
CLAIMING_SHARE = 0.9  # of orders beside which the offer stands
VISITS = 3  # the stream of random numbers of visits; the seed alone draws the population


@dataclass
class World:
    """Who lives, what is sold, and what happened so far.

    Attributes:
        population, shop: drawn before the launch.
        launch: local date of day 0.
        zone: of the shop.
        seed: of the run; each customer's day draws from a stream of its own, so that neither the order of
            answers nor how many are under way changes anything.
        experiment: key of the experiment whose exposures are watched.
        offer_id: the planted offer; showing it at the first visit is what brings customers back.
        offer_cost: what one claimed offer costs the shop.
        offered: bool[n], who was shown the offer at the first visit.
        exposed_on: int64[n], day of the first answer that named the experiment, or NEVER.
        variants: customers of each variant, as the answers said.
        newest_day: day of the newest order, −1 before the first.
        orders, claims: how many after the launch.
        ledger: the till.
    """

    population: Population
    shop: Shop
    launch: date
    zone: ZoneInfo
    seed: int
    experiment: str
    offer_id: str
    offer_cost: float
    offered: Bools = field(init=False)
    exposed_on: Ints = field(init=False)
    variants: dict[str, set[int]] = field(default_factory=dict)
    newest_day: int = -1
    orders: int = 0
    claims: int = 0
    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        customers = len(self.population.customer_ids)
        self.offered = np.zeros(customers, dtype=bool)
        self.exposed_on = np.full(customers, NEVER, dtype=np.int64)

    def instant(self, day: int, hour: int) -> datetime:
        """A moment of a day, counted from the launch, on the shop's wall clock."""
        return datetime.combine(self.launch + timedelta(days=day), time(hour), self.zone)

    @property
    def counted(self) -> Bools:
        """bool[n]: exposed, with the whole window before the day of the newest order."""
        counted: Bools = (self.exposed_on < NEVER) & counts_by(self.newest_day, self.exposed_on)
        return counted

    @property
    def true_lift(self) -> float:
        """What the offer truly adds, over the customers that count."""
        return true_lift_of(self.population, self.counted)


@dataclass(frozen=True)
class Visit:
    """A customer before an answer.

    Attributes:
        customer: position in the population.
        day, now: when; days count from the launch.
        answer: what was shown.
    """

    customer: int
    day: int
    now: datetime
    answer: Answer

    @property
    def order_id(self) -> str:
        """Of the order, if the visit ends in one."""
        return f"s{self.customer:06d}-{self.day}"


def live_through(world: World, day: int, storefront: Storefront, clock: SimulatedClock) -> None:
    """One day: lapsed customers look in, and those who are back buy."""
    people = world.population
    clock.now = world.instant(day, VISIT_HOUR)
    looking = np.flatnonzero(people.first_visit == day)
    events: list[dict[str, Any]] = []
    for visit in _visits(world, day, looking, storefront, clock.now):
        world.offered[visit.customer] = world.offer_id in visit.answer.offer_ids
        clicked = world.shop.click(_rng(world, visit), visit.customer, visit.answer.product_ids)
        if clicked is not None:
            events.append(_event(world, "click", visit, clicked))
    storefront.send(events)

    clock.now = world.instant(day, ORDER_HOUR)
    buying = np.flatnonzero(people.orders_on(day, people.back_from(world.offered)))
    visits = _visits(world, day, buying, storefront, clock.now)
    if visits:
        _buy(world, visits, storefront)
        world.newest_day = day
        world.orders += len(visits)


def _visits(world: World, day: int, customers: Ints, storefront: Storefront, now: datetime) -> list[Visit]:
    """What each customer is shown, with the exposures that come with it."""
    ids = [world.population.customer_ids[customer] for customer in customers]
    answers = storefront.visits(ids, "home")
    for customer, answer in zip(customers.tolist(), answers, strict=True):
        variant = answer.variants.get(world.experiment)
        if variant is not None:
            world.variants.setdefault(variant, set()).add(customer)
            world.exposed_on[customer] = min(world.exposed_on[customer], day)
    return [Visit(c, day, now, answer) for c, answer in zip(customers.tolist(), answers, strict=True)]


def _buy(world: World, visits: Sequence[Visit], storefront: Storefront) -> None:
    events: list[dict[str, Any]] = []
    claiming: list[Visit] = []
    for visit in visits:
        rng = _rng(world, visit)
        for place, product in enumerate(world.shop.basket(rng, visit.customer, visit.answer.product_ids)):
            product_id = world.shop.product_ids[product]
            _pay(world, visit, place, int(product), 1 + int(rng.poisson(0.2)))
            if product_id in visit.answer.product_ids:
                events.append(_event(world, "click", visit, product_id))
            events.append(_event(world, "purchase", visit, product_id))
        if world.offer_id in visit.answer.offer_ids and rng.random() < CLAIMING_SHARE:
            claiming.append(visit)
    ids = world.population.customer_ids
    wanted = [Claim(world.offer_id, ids[v.customer], v.answer.recommendation_id) for v in claiming]
    granted = storefront.claims(wanted)
    for visit in (visit for visit, yes in zip(claiming, granted, strict=True) if yes):
        _redeem(world, visit)
    storefront.send(events)


def _pay(world: World, visit: Visit, place: int, product: int, quantity: int) -> None:
    """Write one line of the order into the ledger."""
    world.ledger.orders.append(
        {
            "order_id": visit.order_id,
            "line_id": f"{visit.order_id}-{place}",
            "customer_id": world.population.customer_ids[visit.customer],
            "product_id": world.shop.product_ids[product],
            "ordered_at": visit.now,
            "quantity": quantity,
            "amount": round(float(world.shop.price[product]) * quantity, 2),
            "channel": "web",
        }
    )


def _redeem(world: World, visit: Visit) -> None:
    world.claims += 1
    world.ledger.redemptions.append(
        {
            "redemption_id": f"r-{visit.order_id}",
            "customer_id": world.population.customer_ids[visit.customer],
            "offer_id": world.offer_id,
            "redeemed_at": visit.now,
            "amount": world.offer_cost,
            "order_id": visit.order_id,
        }
    )


def _event(world: World, kind: str, visit: Visit, product_id: str) -> dict[str, Any]:
    return {
        "event_id": f"{kind}-{visit.order_id}-{visit.now.hour}-{product_id}",
        "type": kind,
        "occurred_at": visit.now.isoformat(),
        "customer_id": world.population.customer_ids[visit.customer],
        "product_id": product_id,
        "recommendation_id": visit.answer.recommendation_id,
    }


def _rng(world: World, visit: Visit) -> np.random.Generator:
    return np.random.default_rng([world.seed, VISITS, visit.customer, visit.day])
