"""`huitou demo`: the whole way on real data, from order lines to answers of the API, and an experiment."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption
from features.settings import Settings, load_settings
from huitou.demo_summary import show_summary
from huitou.release_commands import publish_release

if TYPE_CHECKING:
    from features.profiles.store import Profiles
    from features.release.read import Release

AS_OF = date(2018, 1, 1)  # the day after the data ends; the four weeks before it are held out for the judge
QUICK_WORKSPACE = Path("var-quick")


def demo(
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Stop after the summary.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="One household in five, in the workspace var-quick.")
    ] = False,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """The whole way on a year of grocery shopping (Complete Journey): from order lines to a running API.

    It ends with an experiment on simulated customers, because the data hold none: the verdict stands beside
    the effect that was planted.
    """
    from features.cache.embedded_redis import EmbeddedRedis
    from huitou.demo_data import SETTINGS_PATH

    settings = load_settings(config or SETTINGS_PATH, workspace or (QUICK_WORKSPACE if quick else None))
    output = Output(as_json)
    redis = None if settings.cache.redis_url else EmbeddedRedis(settings.workspace / "redis")
    if redis is not None:
        redis.start()
    try:
        summary = run_demo(settings, quick, output)
        output.result(summary, lambda screen: show_summary(screen, summary, settings, serving=not no_serve))
        if not no_serve:
            from serving.commands import announce
            from serving.server import serve_until_stopped

            serve_until_stopped(settings, announce)
    finally:
        if redis is not None:
            redis.stop()


def run_demo(settings: Settings, quick: bool, output: Output) -> dict[str, Any]:
    """Ingest, judge, build, publish, ask the API, simulate an experiment; returns the closing summary."""
    from features.profiles.store import read_profiles
    from features.release.read import open_release
    from features.tables.ingest import ingest
    from features.tables.mapping import load_mapping
    from huitou.demo_data import MAPPING_PATH, full_source, sample_source
    from huitou.demo_experiment import simulate_for_demo
    from training.jobs import train
    from training.release_job import build_release

    started = time.perf_counter()
    mapping = load_mapping(MAPPING_PATH)
    output.note(mapping.note)
    with output.step("ingest", "Loading orders, products and customers"):
        source = sample_source(settings.workspace / "sample") if quick else full_source()
        loaded = ingest(source, mapping, settings)
    judged = train(settings, AS_OF, None, output)
    folder = build_release(settings, AS_OF, datetime.now(UTC), output)
    published = publish_release(settings, folder.name, output)
    with output.step("ask", "Asking the API for three customers"):
        profiles = read_profiles(settings.lake / "profiles", AS_OF)
        sample = asyncio.run(ask_api(settings, open_release(folder, verify=False), profiles))
    simulated = simulate_for_demo(settings, quick, output)
    output.seconds["total"] = round(time.perf_counter() - started, 2)
    tables = loaded.to_dict()["tables"]
    return {
        **{name: _counts(tables[name]) for name in ("orders", "products", "customers")},
        **profiles.summary(),
        **judged.to_dict(),
        "as_of": AS_OF.isoformat(),
        "release_id": published["release_id"],
        "published_customers": published["customers"],
        "sample": sample,
        "experiment": simulated.pop("experiment"),
        "simulation": simulated,
        "seconds": output.seconds,
        "peak_memory_mb": peak_memory_mb(),
        "note": mapping.note,
    }


async def ask_api(settings: Settings, release: Release, profiles: Profiles) -> list[dict[str, Any]]:
    """What the API, built as `huitou serve` builds it, answers about three customers."""
    import httpx2

    from serving.app import create_app

    app = create_app(settings, lambda: datetime.now(UTC))
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        return [await _ask_about(client, release, profile) for profile in pick_customers(profiles)]


async def _ask_about(client: Any, release: Release, profile: dict[str, Any]) -> dict[str, Any]:
    customer_id = profile["customer_id"]
    answer = await client.get(f"/v1/customers/{customer_id}/recommendations", params={"limit": 5})
    answer.raise_for_status()
    customer = release.customer_index(customer_id)
    history: Any = release.history(customer)[:5] if customer is not None else ()
    return {
        "customer_id": customer_id,
        **{key: profile[key] for key in ("segment", "tier", "lifecycle", "spend")},
        "bought": [
            {
                "product_id": release.products.id(int(entry["product"])),
                "name": release.products.name(int(entry["product"])),
                "purchase_days": int(entry["purchase_days"]),
            }
            for entry in history
        ],
        "recommendations": [_named(product, release) for product in answer.json()["products"]],
        "offers": answer.json()["offers"],
    }


def _named(product: dict[str, Any], release: Release) -> dict[str, Any]:
    index = release.products.index(product["product_id"])
    if index is None:
        return product
    return {"name": release.products.name(index), "category": release.products.category(index), **product}


def pick_customers(profiles: Profiles) -> list[dict[str, Any]]:
    """The customer of middle spend among the best tier's active, the silver tier's lapsing, and the new ones.

    Where a group is empty, the customer of middle spend of all who are not picked yet stands in.
    """
    rows = sorted(profiles.customers.to_pylist(), key=lambda row: (row["spend"], row["customer_id"]))
    groups: tuple[Callable[[dict[str, Any]], bool], ...] = (
        lambda row: row["tier"] == "platinum" and row["lifecycle"] == "active",
        lambda row: row["tier"] == "silver" and row["lifecycle"] == "lapsing",
        lambda row: row["tier"] == "bronze" and row["lifecycle"] != "churned",
    )
    picked: list[dict[str, Any]] = []
    for belongs in groups:
        left = [row for row in rows if row not in picked]
        group = [row for row in left if belongs(row)] or left
        picked += group[len(group) // 2 : len(group) // 2 + 1]
    return picked


def peak_memory_mb() -> int:
    """The most memory this process held so far."""
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(kibibytes / 1024)


def _counts(table: dict[str, Any]) -> dict[str, int]:
    return {key: table[key] for key in ("read", "loaded", "rejected", "duplicates")}
