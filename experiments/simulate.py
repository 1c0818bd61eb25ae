"""Customers whose answer to an offer is planted, so that a whole experiment can be held against the truth.

Whether a customer orders on days 1–30 after the first visit is decided by one uniform draw, made before
anything is served: below `chance` the customer comes back either way, below `chance + gain` only after an
offer (potential outcomes: Rubin, "Estimating Causal Effects of Treatments in Randomized and Nonrandomized
Studies", 1974). The true lift over any set of customers is therefore the mean of their `gain`, exactly.
`huitou experiment simulate` plays these customers against the real HTTP API; `simulate_twin` assigns and
counts them here, without server, ingest or database, fast enough to ask two thousand times.

Purchases before the launch follow the story of BG/NBD (Fader, Hardie & Lee, 2005): each customer buys at a
rate of its own and may drop out after any purchase.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.aggregates import Aggregate
from experiments.assignment import assign_many
from experiments.design import Design
from features.errors import DataError

WINDOW_DAYS = 30
HISTORY_DAYS = 180
LAPSED_AFTER_DAYS = 28  # silent for longer: such customers get the experiment, as `lifecycle` will say
TRUE_LIFT_MIN, TRUE_LIFT_MAX = -0.03, 0.4
CUSTOMERS_MIN, DAYS_MIN = 200, 40
NEVER = 1 << 30

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Population:
    """n customers and all they would ever do. Days count from the launch = 0; the day before it is −1.

    Attributes:
        customer_ids: str[n].
        bought_before: bool[n, HISTORY_DAYS], purchase days before the launch; the last column is day −1.
        silent_days: int64[n], days from the last purchase to day −1.
        lapsed: bool[n], silent for more than LAPSED_AFTER_DAYS: whom an offer is meant for.
        awake: bool[n], buys out of habit from the launch on.
        habit: bool[n, days], whether the customer, once back, would order on that day.
        first_visit: int64[n], day of a lapsed customer's first visit; NEVER for others.
        chance: float64[n], of an order on days 1–30 after the first visit without an offer.
        gain: float64[n], what an offer at the first visit adds to that chance; 0 unless lapsed.
        draw: float64[n], uniform on [0, 1): the customer returns within 30 days if it is below the chance.
        soon: int64[n], days from the first visit to the order of one who returns within 30 days: 1..30.
        late: int64[n], the same of one who does not: 31 or more.
    """

    customer_ids: tuple[str, ...]
    bought_before: Bools
    silent_days: Ints
    lapsed: Bools
    awake: Bools
    habit: Bools
    first_visit: Ints
    chance: Floats
    gain: Floats
    draw: Floats
    soon: Ints
    late: Ints

    def returns_after(self, offered: Bools) -> Ints:
        """int64[n]: days from the first visit to the next order, given who was offered something then."""
        chance = self.chance + np.where(offered, self.gain, 0.0)
        days: Ints = np.where(self.draw < chance, self.soon, self.late)
        return days

    def back_from(self, offered: Bools) -> Ints:
        """int64[n]: the day from which a customer buys again; −1 for those awake at the launch, or NEVER."""
        lapsed = self.first_visit + self.returns_after(offered)
        day: Ints = np.where(self.awake, -1, np.where(self.lapsed, lapsed, NEVER))
        return day

    def orders_on(self, day: int, back_from: Ints) -> Bools:
        """bool[n]: who orders on a day; the return itself, and then whenever habit says."""
        found: Bools = (back_from == day) | ((back_from < day) & self.habit[:, day])
        return found


def draw_population(rng: np.random.Generator, *, customers: int, days: int, true_lift: float) -> Population:
    """Draw customers; over the lapsed ones the mean gain is `true_lift` exactly.

    Args:
        rng: the only source of chance.
        customers: how many; about two thirds of them are lapsed.
        days: length of the experiment.
        true_lift: what an offer adds to the share that returns within 30 days.

    Raises:
        DataError: too few customers or days, or a lift that some customer's chance has no room for.
    """
    _check(customers, days, true_lift)
    gap_days = np.clip(rng.lognormal(3.0, 0.5, customers), 7, 60)  # half of them 14 to 28 days
    bought_before, alive = _history(rng, gap_days)
    silent_days = np.argmax(bought_before[:, ::-1], axis=1).astype(np.int64)
    lapsed = silent_days > LAPSED_AFTER_DAYS
    memory = np.exp(-silent_days / 60)  # the longer the silence, the less comes of anything
    gain = np.where(lapsed, 0.6 + 1.2 * memory, 0.0)
    gain *= true_lift / max(gain[lapsed].mean(), 1e-9) if lapsed.any() else 0.0
    visits_after = np.floor(rng.exponential(_days_to_visit(silent_days))).astype(np.int64)
    return Population(
        customer_ids=tuple(f"c{i:06d}" for i in range(customers)),
        bought_before=bought_before,
        silent_days=silent_days,
        lapsed=lapsed,
        awake=alive & ~lapsed,
        habit=rng.random((customers, days), dtype=np.float32) * gap_days[:, None] < 1,
        first_visit=np.where(lapsed, visits_after, NEVER),
        chance=0.06 + 0.4 * memory * rng.beta(2, 2, customers),
        gain=gain,
        draw=rng.random(customers),
        soon=1 + np.floor(WINDOW_DAYS * rng.beta(1, 1.6, customers)).astype(np.int64),
        late=1 + WINDOW_DAYS + np.floor(rng.exponential(90, customers)).astype(np.int64),
    )


def planned_customers(population: Population, days: int) -> int:
    """Customers to plan for: nine in ten of those expected to have matured after so many days of running.

    Known before the launch: it looks at how long customers have been silent and at nothing that follows.
    """
    last_visit = (
        days - 1 - WINDOW_DAYS
    )  # the first that is too late to count, if the newest order is of the last day
    matured = 1 - np.exp(-last_visit / _days_to_visit(population.silent_days))
    return int(0.9 * matured[population.lapsed].sum())


def _days_to_visit(silent_days: Ints) -> Floats:
    """float64[n]: the mean wait for a lapsed customer's first visit; the longer silent, the longer."""
    mean: Floats = 14 + silent_days / 8
    return mean


def _check(customers: int, days: int, true_lift: float) -> None:
    if customers < CUSTOMERS_MIN or days < DAYS_MIN:
        raise DataError(
            f"An experiment of {customers:,} customers and {days} days is too small to be judged.",
            f"Simulate at least {CUSTOMERS_MIN} customers and {DAYS_MIN} days: a customer counts once "
            f"{WINDOW_DAYS} days after the first visit are over.",
        )
    if not TRUE_LIFT_MIN <= true_lift <= TRUE_LIFT_MAX:
        raise DataError(
            f"A true lift of {true_lift:g} leaves some customers no chance between 0 and 1.",
            f"Choose one from {TRUE_LIFT_MIN:g} to {TRUE_LIFT_MAX:g}.",
        )


def _history(rng: np.random.Generator, gap_days: Floats) -> tuple[Bools, Bools]:
    """Purchase days before the launch, bool[n, HISTORY_DAYS], and who has not dropped out, bool[n]."""
    customers = len(gap_days)
    start = rng.integers(0, HISTORY_DAYS - LAPSED_AFTER_DAYS, customers)
    days = np.arange(HISTORY_DAYS)
    bought = rng.random((customers, HISTORY_DAYS), dtype=np.float32) * gap_days[:, None] < 1
    bought &= days > start[:, None]
    bought[np.arange(customers), start] = True
    purchases = np.cumsum(bought, axis=1, dtype=np.int16)
    last_purchase = rng.geometric(rng.beta(2, 5, customers))
    return bought & (purchases <= last_purchase[:, None]), purchases[:, -1] < last_purchase


def counts_by(newest_day: int, exposed_on: Ints) -> Bools:
    """bool[n]: whether the whole window lies before the day of the newest order."""
    counted: Bools = exposed_on + WINDOW_DAYS < newest_day
    return counted


def true_lift_of(population: Population, counted: Bools) -> float:
    """The mean gain of the customers that an analysis counts, treated or not; NaN if it counts none."""
    return float(population.gain[counted].mean()) if counted.any() else float("nan")


@dataclass(frozen=True)
class Twin:
    """What an analysis would see of one simulated experiment, and the truth beside it.

    Attributes:
        exposed: customers exposed, by variant.
        matured: sums of "ordered on days 1–30" over the customers that count, by variant.
        everyone: the same over all exposed customers, immature ones too, which is what one must not do.
        true_lift: mean gain of the customers that count.
        true_lift_everyone: mean gain of all exposed customers.
        newest_day: day of the newest order.
    """

    exposed: Mapping[str, int]
    matured: Mapping[str, Aggregate]
    everyone: Mapping[str, Aggregate]
    true_lift: float
    true_lift_everyone: float
    newest_day: int


def simulate_twin(
    rng: np.random.Generator, design: Design, *, customers: int, days: int, true_lift: float
) -> Twin:
    """One experiment in process: the same customers, hash, behaviour and maturity rule as over HTTP.

    A variant whose treatment names an offer policy gets the offer, the others do not.

    Args:
        rng: draws the customers; a generator seeded as the command's gives the command's customers.
        design: variants, coverage and seed; give each of many runs a seed of its own.
        customers, days, true_lift: as in `draw_population`.
    """
    population = draw_population(rng, customers=customers, days=days, true_lift=true_lift)
    variant = variant_of(design, population.customer_ids)
    offers = np.array([v.treatment.offer_policy is not None for v in design.variants])
    offered = (variant >= 0) & offers[variant]
    back_from = population.back_from(offered)
    newest_day = max(day for day in range(days) if population.orders_on(day, back_from).any())
    exposed = population.lapsed & (variant >= 0) & (population.first_visit < days)
    counted = exposed & counts_by(newest_day, population.first_visit)
    returned = population.returns_after(offered)
    # What the order log holds: an order in the window, and by the newest day.
    ordered = (returned <= WINDOW_DAYS) & (back_from <= newest_day)
    return Twin(
        exposed={v.key: int((exposed & (variant == i)).sum()) for i, v in enumerate(design.variants)},
        matured=_sums(design, variant, ordered, counted),
        everyone=_sums(design, variant, ordered, exposed),
        true_lift=true_lift_of(population, counted),
        true_lift_everyone=true_lift_of(population, exposed),
        newest_day=newest_day,
    )


def variant_of(design: Design, customer_ids: Sequence[str]) -> Ints:
    """int64[n]: position of each customer's variant in the design, −1 outside its coverage."""
    weights = list(design.weights.values())
    return assign_many(design.hash_seed, customer_ids, weights, design.coverage).astype(np.int64)


def _sums(design: Design, variant: Ints, ordered: Bools, of: Bools) -> dict[str, Aggregate]:
    return {v.key: Aggregate.of(value=ordered[of & (variant == i)]) for i, v in enumerate(design.variants)}
