"""A shop whose database holds experiments and their stored reports."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from experiments.design import parse_design
from features.database.store import open_database
from serving.api_keys import new_key
from tests.serving.conftest import NOON, Shop
from tests.support.reports import DESIGN, example_report, stored_body

STARTED = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
PATH = "/console/experiments/win-back-offer"


@dataclass
class Console:
    """Keeps experiments and keys in the shop's database."""

    shop: Shop

    def keep(self, design=None, report=None, *, state="running", simulated=False, **log) -> None:
        """An experiment, with a report unless it is None."""
        body = parse_design(DESIGN | (design or {}))
        actor = log.pop("actor", "wang")
        with open_database(self.shop.settings.database_url) as database:
            kept = database.experiments
            version = kept.save_design(body.key, body.to_json(), actor, STARTED, simulated)
            for step in ("running", "stopped", "decided")[
                : ("draft", "running", "stopped", "decided").index(state)
            ]:
                kept.set_state(body.key, step, actor, STARTED, **(log if step == state else {}))
            if report is not None:
                self.report(body.key, version, report)

    def report(self, key: str, version: int, report: dict | str) -> None:
        body = report if isinstance(report, str) else stored_body(report)
        with open_database(self.shop.settings.database_url) as database:
            database.experiments.add_report(
                key, version, body, STARTED, data_through=date(2026, 3, 1), actor="nightly"
            )

    def key(self, *scopes: str) -> str:
        key = new_key()
        with open_database(self.shop.settings.database_url) as database:
            database.create_key(key.key_id, key.hash, scopes, NOON)
        return key.key

    def revoke(self, key: str) -> None:
        with open_database(self.shop.settings.database_url) as database:
            database.revoke_key(key.split("_")[1], NOON)


@pytest.fixture
def console(shop) -> Console:
    return Console(shop)


@pytest.fixture
def one_experiment(console) -> Console:
    """win-back-offer, running, with the example report."""
    console.keep(report=example_report())
    return console
