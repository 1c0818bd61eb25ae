"""An experiment as a shop runs it: start, answers by arm, exposures, a claim, a click; the real commands."""

import json
import tempfile
from pathlib import Path

import pytest

from experiments.assignment import assign
from features.database.store import open_database
from features.loyalty.offers import OfferCatalogue
from features.release.write import write_release
from features.settings import load_settings
from tests.serving.conftest import GOLD_WEEK, contents
from tests.support.command import huitou_json
from tests.support.serving import serving
from tests.support.waiting import wait_until

CUSTOMERS = [f"c{i}" for i in range(80)] + ["顾客九"]
OFFERS = OfferCatalogue.model_validate(
    {
        "offers": [
            GOLD_WEEK,
            GOLD_WEEK
            | {
                "id": "welcome-back",
                "priority": 90,
                "policies": ["win_back"],
                "claims_per_customer_max": 1,
            },
        ]
    }
)
BY_OFFER = """
key = "win-back-offer"
hypothesis = "A better offer brings customers back"
rule = "fixed"
variants = [
  {key = "control", weight = 0.5},
  {key = "offer", weight = 0.5, treatment = {offer_policy = "win_back"}},
]
"""
BY_MODEL = """
key = "new-models"
rule = "fixed"
variants = [
  {key = "control", weight = 0.8},
  {key = "challenger", weight = 0.2, treatment = {release = "challenger"}},
]
"""


@pytest.fixture(scope="module")
def shop():
    """A folder with two built releases and no published one; short for the Redis socket."""
    with tempfile.TemporaryDirectory(prefix="huitou-") as name:
        folder = Path(name)
        for seed in (1, 2):
            write_release(
                folder / "var" / "releases", contents(seed, more_customers=CUSTOMERS, offers=OFFERS)
            )
        (folder / "offer.toml").write_text(BY_OFFER, encoding="utf-8")
        (folder / "models.toml").write_text(BY_MODEL, encoding="utf-8")
        yield folder


def variant(key: str, names: tuple[str, str], weights: list[float], customer: str) -> str:
    return names[assign(key, customer, weights)]


def arms(customer: str) -> dict[str, str]:
    """Both variants of a customer, by the hash."""
    return {
        "win-back-offer": variant("win-back-offer", ("control", "offer"), [0.5, 0.5], customer),
        "new-models": variant("new-models", ("control", "challenger"), [0.8, 0.2], customer),
    }


def publish_both(shop) -> tuple[str, str]:
    live, named = sorted(row["release_id"] for row in huitou_json("releases", folder=shop)["releases"])
    assert huitou_json("publish", live, folder=shop)["alias"] is None
    published = huitou_json("publish", named, "--alias", "challenger", folder=shop)
    assert (published["alias"], published["release_id"]) == ("challenger", named)
    listed = {row["release_id"]: row for row in huitou_json("releases", folder=shop)["releases"]}
    assert (listed[live]["live"], listed[live]["aliases"]) == (True, [])
    assert (listed[named]["live"], listed[named]["aliases"]) == (False, ["challenger"])
    return live, named


def test_from_a_design_to_a_claim(shop):
    live, named = publish_both(shop)
    assert huitou_json("experiment", "start", "offer.toml", folder=shop)["state"] == "running"
    with serving(shop) as (client, served, process):
        assert served == live
        huitou_json("experiment", "start", "models.toml", folder=shop)
        wait_until(lambda: len(client.get("/v1/experiments").json()["experiments"]) == 2)
        answers = {customer: ask(client, customer) for customer in CUSTOMERS}
        for customer, body in answers.items():
            check_answer(customer, body, live, named)
        treated = next(c for c in CUSTOMERS if arms(c)["win-back-offer"] == "offer")
        untreated = next(c for c in CUSTOMERS if arms(c)["win-back-offer"] == "control")
        check_claims(client, treated, untreated, answers[treated]["recommendation_id"])
        click(client, treated, answers[treated])
        stopped = huitou_json("experiment", "stop", "win-back-offer", folder=shop)
        assert stopped["state"] == "stopped"
        wait_until(lambda: [e["key"] for e in ask(client, treated)["experiments"]] == ["new-models"])
    assert process.returncode == 0
    check_database(shop, answers, treated, live, named)


def ask(client, customer: str) -> dict[str, object]:
    answer = client.post("/v1/recommendations", json={"customer_id": customer, "limit": 8})
    assert answer.status_code == 200, answer.text
    assert len({product["product_id"] for product in answer.json()["products"]}) == 8
    return answer.json()


def check_answer(customer: str, body, live: str, named: str) -> None:
    mine = arms(customer)
    assert {each["key"]: each["variant"] for each in body["experiments"]} == mine
    expected = ["welcome-back", "gold-week"] if mine["win-back-offer"] == "offer" else ["gold-week"]
    assert [offer["offer_id"] for offer in body["offers"]] == expected
    assert body["release_id"] == (named if mine["new-models"] == "challenger" else live)
    assert body["degraded"] is None


def check_claims(client, treated: str, untreated: str, recommendation_id: str) -> None:
    def claim(customer: str, key: str):
        body = {"customer_id": customer, "recommendation_id": recommendation_id}
        return client.post("/v1/offers/welcome-back/claims", json=body, headers={"Idempotency-Key": key})

    assert [claim(treated, "one").status_code, claim(treated, "one").status_code] == [201, 200]
    for customer, key, code in (
        (treated, "two", "customer_limit"),
        (untreated, "three", "offer_not_eligible"),
        (untreated, "one", "idempotency_conflict"),
    ):
        refused = claim(customer, key)
        assert (refused.status_code, refused.json()["code"]) == (409, code)


def click(client, customer: str, body) -> None:
    event = {
        "event_id": "click-1",
        "type": "click",
        "occurred_at": "2018-01-02T12:00:00Z",
        "customer_id": customer,
        "product_id": body["products"][0]["product_id"],
        "recommendation_id": body["recommendation_id"],
    }
    sent = client.post("/v1/events", json={"events": [event]})
    assert sent.json()["results"][0]["status"] == "stored"


def check_database(shop, answers, treated: str, live: str, named: str) -> None:
    settings = load_settings(workspace=shop / "var")
    with open_database(settings.database_url) as database:
        for key in ("win-back-offer", "new-models"):
            rows = [each for batch in database.experiments.exposure_batches(key) for each in batch]
            assert {row.customer_id: row.variant for row in rows} == {c: arms(c)[key] for c in CUSTOMERS}
            assert len(rows) == len(CUSTOMERS)
            for row in rows:
                assert row.recommendation_id == answers[row.customer_id]["recommendation_id"]
                assert (row.tier, row.segment, row.lifecycle) == ("gold", "loyal", "active")
                assert row.release_id == answers[row.customer_id]["release_id"] in (live, named)
        (claims,) = database.claims.claim_batches()
        (clicks,) = database.event_batches(["click"])
        design = json.loads(database.experiments.get("win-back-offer").design)
    recommendation_id = answers[treated]["recommendation_id"]
    assert [(c.offer_id, c.customer_id, c.recommendation_id) for c in claims] == [
        ("welcome-back", treated, recommendation_id)
    ]
    assert [(c.customer_id, c.recommendation_id) for c in clicks] == [(treated, recommendation_id)]
    assert design["variants"][1]["treatment"]["offer_policy"] == "win_back"
