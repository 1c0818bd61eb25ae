"""A whole service around a small release: real Redis, real SQLite, the real app."""

import json
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis
from starlette.testclient import TestClient

from features.cache.embedded_redis import EmbeddedRedis
from features.database.records import Exposure
from features.database.store import Database, open_database
from features.loyalty.offers import OfferCatalogue
from features.release.read import Release, open_release
from features.release.write import write_release
from features.settings import Settings
from serving.app import create_app
from tests.support.redis_server import redis_server
from tests.support.releases import CUSTOMERS, small_contents, with_more_customers

NOON = datetime(2018, 1, 2, 12, 0, tzinfo=UTC)
# Generous beside the defaults: the tests ask what is answered, not how fast this machine is.
FAST = {"release_poll_ms": 20}
CACHE = {"timeout_ms": 300, "breaker_probe_ms": 20, "breaker_failures": 2}
DATABASE = {"timeout_ms": 500, "write_timeout_ms": 500}

GOLD_WEEK = {
    "id": "gold-week",
    "name": {"zh": "金卡周", "en": "Gold week"},
    "priority": 60,
    "valid_for_days": 7,
    "when": {"tiers": ["gold", "platinum"]},
    "benefit": {"type": "percent_off", "percent": 10},
    "reason": {"zh": "因为您是{tier}会员", "en": "Because you are a {tier} member"},
}
# Variants of an experiment whose second arm changes something.
EVEN = ("control", "changed")


def catalogue(*further: dict[str, object]) -> OfferCatalogue:
    """The offer of every test, and others that differ from it as said."""
    return OfferCatalogue.model_validate({"offers": [GOLD_WEEK, *(GOLD_WEEK | each for each in further)]})


@dataclass
class Clock:
    """A clock that only moves when told to."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@dataclass
class Shop:
    """A workspace with its stores; `client()` runs the app on it."""

    settings: Settings
    redis: EmbeddedRedis
    clock: Clock = field(default_factory=Clock)

    @property
    def database_file(self) -> Path:
        return self.settings.workspace / "huitou.db"

    def publish(self, seed: int = 1, **changes: object) -> Release:
        """Write a release and make it live; rows fill on first read."""
        folder = write_release(self.settings.releases, contents(seed, **changes))
        self.set_live(folder.name)
        return open_release(folder)

    def set_live(self, release_id: str) -> None:
        with self.database() as database:
            database.set_live(release_id, self.clock())

    def database(self) -> Database:
        """Another process's look at the database."""
        return open_database(self.settings.database_url)

    def name(self, release_id: str, alias: str) -> None:
        with self.database() as database:
            database.set_alias(alias, release_id, self.clock())

    def start(self, key: str, treatment: dict[str, object] | None = None, **changes: object) -> None:
        """Run an experiment of two equal arms, the second of which is treated."""
        variants = [{"key": EVEN[0], "weight": 0.5}, {"key": EVEN[1], "weight": 0.5}]
        design = {"key": key, "rule": "fixed", "variants": variants} | changes
        if treatment is not None:
            variants[1]["treatment"] = treatment
        with self.database() as database:
            database.experiments.save_design(key, json.dumps(design), "test", self.clock())
            database.experiments.set_state(key, "running", "test", self.clock())

    def stop(self, key: str) -> None:
        with self.database() as database:
            database.experiments.set_state(key, "stopped", "test", self.clock())

    def exposures(self, key: str) -> dict[str, Exposure]:
        """What was logged, by customer; nobody twice."""
        with self.database() as database:
            rows = [each for batch in database.experiments.exposure_batches(key) for each in batch]
        found = {each.customer_id: each for each in rows}
        assert len(found) == len(rows)
        return found

    def flush(self) -> None:
        Redis.from_url(self.redis.url).flushall()

    @contextmanager
    def client(self, assigner=None, host="127.0.0.1", **settings):
        """A client on this machine, with the app started; `settings` change sections."""
        sections = {
            name: getattr(self.settings, name).model_copy(update=values) for name, values in settings.items()
        }
        app = create_app(self.settings.model_copy(update=sections), self.clock, assigner)
        with TestClient(app, base_url="http://127.0.0.1", client=(host, 50000)) as client:
            client.app = app
            yield client


def contents(seed: int = 1, **changes: object):
    """The small release with offers and fuller profiles; f did not agree to marketing."""
    profiles = [
        {
            "customer_id": customer,
            "tier": "gold",
            "segment": "loyal",
            "lifecycle": "active",
            "days_since_last_order": 3,
            "affinities": [{"category": "tea", "share": 0.6, "purchases": 7}],
            "consent_marketing": customer != "f",
        }
        for customer in CUSTOMERS
    ]
    more = changes.pop("more_customers", ())
    defaults = {"profiles": [json.dumps(profile).encode() for profile in profiles], "offers": catalogue()}
    return with_more_customers(replace(small_contents(seed), **(defaults | changes)), more)


@pytest.fixture(scope="module")
def running_redis():
    with redis_server() as server:
        yield server


def build_shop(settings_for, workspace: Path, redis: EmbeddedRedis, **sections) -> Shop:
    settings = settings_for(
        workspace,
        cache={"redis_url": redis.url, **CACHE},
        database=DATABASE,
        serving=FAST,
        **sections,
    )
    return Shop(settings, redis)


@pytest.fixture
def shop(tmp_path, settings_for, running_redis):
    """A fresh workspace with one published release, on the module's Redis, flushed."""
    shop = build_shop(settings_for, tmp_path, running_redis)
    shop.flush()
    shop.publish()
    return shop


@pytest.fixture
def fragile_shop(settings_for):
    """The same with a Redis of its own that a test may kill or stop."""
    workspace = Path(tempfile.mkdtemp(prefix="huitou-"))
    with redis_server() as server:
        shop = build_shop(settings_for, workspace, server)
        shop.publish()
        yield shop
    shutil.rmtree(workspace, ignore_errors=True)


@pytest.fixture
def client(shop):
    with shop.client() as client:
        yield client


def product_ids(answer) -> list[str]:
    return [product["product_id"] for product in answer.json()["products"]]


def assert_full(answer, limit: int, degraded: str | None = None) -> None:
    """The promise: 200, exactly `limit` distinct products, ranked 1 to limit, and `degraded` as said."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["degraded"] == degraded
    assert [product["rank"] for product in body["products"]] == list(range(1, limit + 1))
    assert len(set(product_ids(answer))) == limit


def ask(client, **question):
    """POST a question; home for ada unless it says otherwise."""
    if "session_id" not in question:
        question = {"customer_id": "ada"} | question
    return client.post("/v1/recommendations", json=question)
