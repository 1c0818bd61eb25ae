"""The demo's closing summary: what happened, who the customers are, which model won, what to try next."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from features.columns import TASKS
from features.settings import Settings
from huitou.data_commands import show_profiles
from huitou.simulate_command import simulation_panel
from training.commands import show_leaderboard

TASK_TITLES = {
    "all": "What will a customer buy in the next four weeks?",
    "repeat": "…of what they bought before?",
    "discover": "…that is new to them?",
}


def show_summary(screen: Console, summary: dict[str, Any], settings: Settings, serving: bool) -> None:
    """Print everything a person wants to know about the run; every value comes from it."""
    screen.print()
    screen.rule("[bold]回头 Huitou · Complete Journey")
    screen.print(escape(summary["note"]), style="dim")
    _show_loaded(screen, summary)
    show_profiles(screen, summary)
    for task in TASKS:
        show_leaderboard(screen, TASK_TITLES[task], summary["models"][task])
    champions = ", ".join(
        f"{placement}: [bold]{model}[/]" for placement, model in summary["champion"].items()
    )
    screen.print(f"Champions, chosen on earlier weeks only: {champions}")
    published = f"{summary['published_customers']:,} customers"
    screen.print(f"Release [bold]{summary['release_id']}[/] is live with rows for {published}.")
    for customer in summary["sample"]:
        screen.print(_customer_panel(customer, settings.shop.currency))
    screen.print(simulation_panel(summary["experiment"], summary["simulation"], settings.shop.locale))
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in summary["seconds"].items())
    screen.print(f"Seconds: {parts}. Peak memory: {summary['peak_memory_mb']:,} MB.")
    _show_next_steps(screen, summary, settings, serving)


def _show_loaded(screen: Console, summary: dict[str, Any]) -> None:
    table = Table("Loaded", "Read", "Loaded", "Rejected", "Duplicates")
    for name in ("orders", "products", "customers"):
        table.add_row(
            name, *(f"{summary[name][key]:,}" for key in ("read", "loaded", "rejected", "duplicates"))
        )
    screen.print(table)


def _customer_panel(customer: dict[str, Any], currency: str) -> Panel:
    bought = ", ".join(f"{escape(p['name'].lower())} ×{p['purchase_days']}" for p in customer["bought"])
    spent = f"Spent {customer['spend']:,.2f} {currency} so far."
    lines = [f"{spent} Buys most often: {bought or 'nothing yet'}", "Recommended:"]
    for product in customer["recommendations"]:
        lines.append(
            f"  {product['rank']}. {escape(product['name'].lower())}"
            f" [dim]{escape(product['category'].lower())}, {product['product_id']}[/]"
            f" · {escape(product['reason']['text'])}"
        )
    lines.append("Offers:" if customer["offers"] else "Offers: none fit")
    for offer in customer["offers"]:
        lines.append(f"  {escape(offer['name'])} · {escape(offer['reason']['text'])}")
    title = " · ".join(
        (f"Customer {customer['customer_id']}", *(customer[k] for k in ("tier", "segment", "lifecycle")))
    )
    return Panel("\n".join(lines), title=title, title_align="left")


def _show_next_steps(screen: Console, summary: dict[str, Any], settings: Settings, serving: bool) -> None:
    address = f"http://{settings.serving.host}:{settings.serving.port}"
    customer = summary["sample"][0]["customer_id"]
    workspace = f" --workspace {settings.workspace}" if str(settings.workspace) != "var" else ""
    start = f"huitou serve --config examples/complete_journey.toml{workspace}"
    screen.print("\n[bold]Try it[/]" + ("" if serving else f" (after .venv/bin/{start})"), highlight=False)
    for line in (
        f"curl -s '{address}/v1/customers/{customer}/recommendations?placement=buy_again&limit=5&locale=zh'",
        f"curl -s '{address}/v1/customers/{customer}/offers'",
        f"curl -s -X POST {address}/v1/recommendations -H 'Content-Type: application/json' "
        f'-d \'{{"customer_id": "{customer}", "placement": "discover", "limit": 5}}\'',
        f"API reference: {address}/docs",
        f"Console, with the simulated experiment: {address}/console/",
        f"Runs, charts, aliases: .venv/bin/mlflow ui --backend-store-uri {settings.mlflow_uri} --port 5000",
    ):
        screen.print("  " + line, markup=False, soft_wrap=True)
