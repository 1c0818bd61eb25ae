"""The whole simulated experiment: history, release, server, days of visits, ingest, and the report."""

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from experiments import lifecycle
from experiments.analysis.live import store_report
from experiments.design import Design, load_design
from experiments.simulate import draw_population, planned_customers
from features.command_line import Output
from features.database.store import open_database
from features.errors import DataError
from features.loyalty.offers import load_offers
from features.settings import Settings, load_settings
from features.tables.ingest import ingest
from huitou.release_commands import publish_release
from huitou.simulation.days import World, live_through
from huitou.simulation.exports import write_history
from huitou.simulation.server import SimulatedClock, serving
from huitou.simulation.shop import draw_shop
from huitou.simulation.storefront import Storefront
from training.jobs import train
from training.release_job import build_release

EXAMPLES = Path(__file__).parents[2] / "examples" / "simulation"
ACTOR = "simulation"
LAUNCH = date(2025, 3, 3)
PRODUCTS = 300
EXPORT_EVERY_DAYS = 7
OFFER_COST = 4.0  # what the shop pays for one gift
MODELS = ("personal_frequency",)
MORNING_HOUR = 6
STOCK, HISTORY = 1, 2  # streams of random numbers, beside the population's and the visits'


@dataclass(frozen=True)
class Plan:
    """What to simulate; see `draw_population`."""

    customers: int = 4000
    days: int = 75
    seed: int = 7
    true_lift: float = 0.06


def simulation_settings(settings: Settings) -> Settings:
    """Settings of the simulated shop: a folder of its own, never the real database, cache or tracker."""
    return load_settings(
        EXAMPLES / "simulation.toml",
        settings.workspace / "simulation",
        {
            "shop": settings.shop.model_dump(),
            "database": {"url": ""},
            "cache": {"redis_url": ""},
            "mlflow": {"tracking_uri": ""},
            "experiments": {"holdout_share": 0.0},
        },
    )


def run_simulation(settings: Settings, plan: Plan, output: Output) -> dict[str, Any]:
    """Simulate one experiment from the first order of the history to the stored report; returns the summary.

    Args:
        settings: of the simulated shop (`simulation_settings`); its workspace is emptied first.
        plan: how large, and what is planted.
        output: where progress goes.

    Raises:
        DataError: the plan is too small, or its lift impossible.
    """
    started = time.perf_counter()
    world, design = _create(settings, plan, output)
    calls = _play(settings, world, plan, output)
    with (
        output.step("judge", "Judging the experiment by what was ingested"),
        open_database(settings.database_url) as database,
    ):
        now = world.instant(plan.days, MORNING_HOUR)
        lifecycle.stop(database.experiments, design.key, actor=ACTOR, at=now, reason="as planned")
        truth = {"metric": design.primary_key, "lift_abs": world.true_lift}
        report = store_report(settings, database, design.key, now=now, actor=ACTOR, truth=truth)
    return {
        "simulated": True,
        "experiment": experiment_summary(report, world.true_lift),
        "customers": plan.customers,
        "days": plan.days,
        "seed": plan.seed,
        "exposed": {variant: len(customers) for variant, customers in sorted(world.variants.items())},
        "counted": int(world.counted.sum()),
        "requests": calls["requests"],
        "degraded": calls["degraded"],
        "orders": world.orders,
        "claims": world.claims,
        "workspace": str(settings.workspace),
        "seconds": output.seconds | {"total": round(time.perf_counter() - started, 2)},
    }


def experiment_summary(report: dict[str, Any], true_lift: float) -> dict[str, Any]:
    """`{key, metric, lift_abs, ci_abs, true_lift_abs, sample_ratio_p, verdict}` of a report's primary."""
    primary = next(metric for metric in report["metrics"] if metric["metric"] == report["primary"])
    variant = primary["variants"][0]
    return {
        "key": report["experiment"],
        "metric": report["primary"],
        "lift_abs": variant["lift_abs"],
        "ci_abs": variant["ci_abs"],
        "level": primary["level"],
        "true_lift_abs": true_lift,
        "sample_ratio_p": report["sample_ratio"]["p_value"],
        "verdict": report["verdict"],
    }


def _create(settings: Settings, plan: Plan, output: Output) -> tuple[World, Design]:
    """Everything up to the launch: history ingested, release live, experiment running."""
    world, design = _draw(settings, plan)
    _empty(settings.workspace, plan)
    with output.step("history", f"A shop of {plan.customers:,} simulated customers before the launch"):
        folder = settings.workspace / "exports" / "before-launch"
        rng = np.random.default_rng([plan.seed, HISTORY])
        write_history(
            folder,
            rng,
            population=world.population,
            shop=world.shop,
            launch=world.launch,
            zone=world.zone,
        )
        ingest(folder, None, settings)
    train(settings, LAUNCH, MODELS, output)
    build_release(settings, LAUNCH, datetime.now(UTC), output)
    publish_release(settings, None, output)
    with open_database(settings.database_url) as database:
        lifecycle.start(
            database.experiments,
            design,
            actor=ACTOR,
            at=world.instant(0, MORNING_HOUR),
            day=LAUNCH,
            simulated=True,
        )
    return world, design


def _empty(workspace: Path, plan: Plan) -> None:
    """Remove an earlier simulation, and mark the folder as one; never what somebody else put there."""
    mark = workspace / "simulation.json"
    if workspace.exists() and not mark.exists() and any(workspace.iterdir()):
        raise DataError(
            f"The folder {workspace} is not of an earlier simulation and is left as it is.",
            "Move it away, or give another --workspace.",
        )
    if workspace.exists():
        shutil.rmtree(workspace)
    workspace.mkdir(parents=True)
    mark.write_text(json.dumps(asdict(plan)) + "\n", encoding="utf-8")


def _draw(settings: Settings, plan: Plan) -> tuple[World, Design]:
    population = draw_population(
        np.random.default_rng(plan.seed), customers=plan.customers, days=plan.days, true_lift=plan.true_lift
    )
    shop = draw_shop(np.random.default_rng([plan.seed, STOCK]), customers=plan.customers, products=PRODUCTS)
    design = design_of(plan, planned_customers(population, plan.days))
    policies = {variant.treatment.offer_policy for variant in design.variants}
    offers = load_offers(Path(settings.release.offers)).offers
    planted = next(offer.id for offer in offers if policies & set(offer.policies))
    world = World(
        population=population,
        shop=shop,
        launch=LAUNCH,
        zone=settings.shop.zone,
        seed=plan.seed,
        experiment=design.key,
        offer_id=planted,
        offer_cost=OFFER_COST,
    )
    return world, design


def design_of(plan: Plan, planned: int) -> Design:
    """The example's design with the plan's number of customers; each seed splits customers anew."""
    design = load_design(EXAMPLES / "win_back.toml")
    return design.model_copy(
        update={"planned_matured_customers": planned, "seed": f"{design.key}-{plan.seed}"}
    )


def _play(settings: Settings, world: World, plan: Plan, output: Output) -> Mapping[str, int]:
    """The days of the experiment, with an ingest a week; returns how often the API was called."""
    clock = SimulatedClock(world.instant(0, MORNING_HOUR))
    with (
        output.step("visits", f"{plan.days} days of visits to the API over HTTP"),
        serving(settings, clock) as port,
        Storefront(port) as storefront,
    ):
        for day in range(plan.days):
            live_through(world, day, storefront, clock)
            if (day + 1) % EXPORT_EVERY_DAYS == 0 or day == plan.days - 1:
                folder = settings.workspace / "exports" / f"{world.launch + timedelta(days=day)}"
                if world.ledger.export(folder):
                    ingest(folder, None, settings)
    return storefront.calls
