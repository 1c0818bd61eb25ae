"""The main job as a shop does it: from an export to a served recommendation, with the real commands."""

import os
import signal
import tempfile
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features.tables.synthetic_shop import write_synthetic_shop
from tests.support.command import huitou_json, refusal
from tests.support.serving import serving
from tests.support.waiting import wait_until

AS_OF = date(2024, 8, 1)
CUSTOMER, OTHER = "c000001", "c000002"
OFFERS = """
[[offers]]
id = "for-everyone"
name = {zh = "人人有份", en = "For everyone"}
valid_for_days = 7
benefit = {type = "free_shipping"}
reason = {zh = "因为您是{tier}会员", en = "Because you are a {tier} member"}
"""


@pytest.fixture(scope="module")
def shop():
    """A folder with an export, settings and a trained, published release; short for the Redis socket."""
    with tempfile.TemporaryDirectory(prefix="huitou-") as name:
        folder = Path(name)
        write_synthetic_shop(
            folder / "export", customers=250, products=150, days=240, seed=3, start=date(2024, 1, 1)
        )
        (folder / "offers.toml").write_text(OFFERS, encoding="utf-8")
        (folder / "huitou.toml").write_text(
            '[release]\noffers = "offers.toml"\n[training]\nbootstrap_samples = 100\n', encoding="utf-8"
        )
        yield folder


def test_the_whole_way(shop):
    loaded = huitou_json("ingest", "export", folder=shop)["tables"]["orders"]
    assert loaded["read"] == loaded["loaded"] + loaded["rejected"] + loaded["duplicates"]
    assert loaded["loaded"] > 1000
    again = huitou_json("ingest", "export", folder=shop)["tables"]["orders"]
    assert (again["read"], again["loaded"], again["duplicates"]) == (loaded["read"], 0, loaded["read"])

    profiles = huitou_json("profiles", "build", "--as-of", AS_OF, folder=shop)
    assert profiles["profiles"] == sum(profiles["segments"].values()) == sum(profiles["tiers"].values()) > 200

    judged = huitou_json("train", "--as-of", AS_OF, folder=shop)
    assert set(judged["champion"]) == {"home", "buy_again", "discover"}
    for task in ("all", "repeat", "discover"):
        names = {row["model"] for row in judged["models"][task]}
        assert {"popularity_28d", "personal_frequency"} <= names
        for row in judged["models"][task]:
            for metric in ("recall@20", "recall_capped@20", "ndcg@20"):
                low, high = row["ci"][metric]
                assert 0 <= low <= row[metric] <= high <= 1
            assert row["paired"]["against"] == "popularity_28d"

    first = huitou_json("release", "build", "--as-of", AS_OF, folder=shop)["release_id"]
    assert huitou_json("publish", folder=shop)["release_id"] == first
    second = huitou_json("release", "build", "--as-of", "2024-07-01", folder=shop)["release_id"]

    with serving(shop) as (client, served, process):
        assert served == first
        check_answers(client, first)
        check_events_change_the_answer(client)
        check_consent(client, shop / "export")
        published = huitou_json("publish", second, folder=shop)
        assert published["cache"] == "loaded"
        wait_until(lambda: client.get("/readyz").json()["release_id"] == second)
        assert huitou_json("publish", first, folder=shop)["cache"] == "fills on first read"
        wait_until(lambda: client.get("/readyz").json()["release_id"] == first)
        check_answers(client, first)
        listed = huitou_json("releases", folder=shop)["releases"]
        assert {row["release_id"]: row["live"] for row in listed} == {first: True, second: False}
        redis_pid = int((shop / "var" / "redis" / "redis.pid").read_text())
        os.kill(redis_pid, signal.SIGKILL)
        check_answers(client, first, degraded={None, "cache_unavailable"})
    assert process.returncode == 0

    with serving(shop) as (client, served, _):
        assert served == first, "the live release survives a restart"
        check_answers(client, first)


def check_answers(client, release_id, degraded=frozenset({None})):
    for placement in ("home", "buy_again", "discover", "trending"):
        question = {"customer_id": CUSTOMER, "placement": placement, "limit": 12}
        answer = client.post("/v1/recommendations", json=question)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["release_id"] == release_id
        assert body["degraded"] in degraded
        ids = [product["product_id"] for product in body["products"]]
        assert len(set(ids)) == 12
        assert all(product["reason"]["text"] for product in body["products"])
        assert [offer["offer_id"] for offer in body["offers"]] == ["for-everyone"]


def check_events_change_the_answer(client):
    def home():
        return client.get(f"/v1/customers/{OTHER}/recommendations").json()["products"]

    bought, seen = home()[0]["product_id"], home()[-1]["product_id"]
    events = [
        {"event_id": "e1", "type": "purchase", "product_id": bought},
        {"event_id": "e2", "type": "view", "product_id": seen},
    ]
    stamped = [{**e, "customer_id": OTHER, "occurred_at": "2026-01-01T00:00:00Z"} for e in events]
    for expected in ("stored", "duplicate"):
        results = client.post("/v1/events", json={"events": stamped}).json()["results"]
        assert [result["status"] for result in results] == [expected] * 2
    after = home()
    assert bought not in {product["product_id"] for product in after}
    assert any(product["reason"]["because_product_ids"] == [seen] for product in after)


def check_consent(client, export):
    customers = pq.read_table(export / "customers.parquet").to_pylist()
    refused = next(c["customer_id"] for c in customers if c["consent_personalization"] is False)
    body = client.get(f"/v1/customers/{refused}/recommendations?placement=home&limit=5").json()
    assert [product["source"] for product in body["products"]] == ["trending"] * 5
    assert body["offers"] == []
    unasked = next(
        c["customer_id"] for c in customers if c["consent_personalization"] and not c["consent_marketing"]
    )
    body = client.get(f"/v1/customers/{unasked}/recommendations?limit=5").json()
    assert body["offers"] == []
    assert {product["source"] for product in body["products"]} != {"trending"}


def test_bad_input_is_said_in_words(shop, tmp_path):
    (shop / "bad.toml").write_text("[shop]\ntimezone = 'Mars/Base'\n", encoding="utf-8")
    (tmp_path / "orders.csv").write_text("order_id,customer_id\n1,2\n", encoding="utf-8")
    for arguments, named in (
        (("ingest", "nowhere"), "nowhere"),
        (("ingest", tmp_path), "product_id"),
        (("ingest", "export", "--map", "missing.toml"), "missing.toml"),
        (("ingest", "export", "--config", "bad.toml"), "shop.timezone"),
        (("ingest", "export", "--config", "none.toml"), "none.toml"),
        (("profiles", "build", "--as-of", "1st of May"), "1st of May"),
        (("train", "--as-of", "2024-08-01", "--models", "magic"), "magic"),
        (("release", "build", "--as-of", "1999-01-01"), "1999-01-01"),
        (("publish", "20240101-000000000000"), "20240101-000000000000"),
        (("publish", "../export"), "export"),
        (("keys", "create", "--scope", "root"), "root"),
        (("keys", "revoke", "nobody"), "nobody"),
        (("serve", "--host", "0.0.0.0"), "keys create"),
        (("serve", "--workspace", tmp_path / "empty"), "publish"),
        (("publish", "--workspace", tmp_path / "empty"), "release build"),
    ):
        assert named in refusal(*arguments, folder=shop), arguments


def test_keys_protect_a_running_server(shop):
    with serving(shop) as (client, _, _):
        assert client.get("/v1/trending").status_code == 200
        keep, drop = (huitou_json("keys", "create", "--scope", "storefront", folder=shop) for _ in range(2))

        def status(key):
            return client.get("/v1/trending", headers={"Authorization": f"Bearer {key['key']}"}).status_code

        wait_until(lambda: (status(keep), status(drop)) == (200, 200))
        wait_until(lambda: client.get("/v1/trending").status_code == 401)
        huitou_json("keys", "revoke", drop["key_id"], folder=shop)
        wait_until(lambda: status(drop) == 401)
        assert status(keep) == 200
    text = (shop / "serve.log").read_text(encoding="utf-8")
    assert keep["key"] not in text
    assert CUSTOMER not in text
