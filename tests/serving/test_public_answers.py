"""Lists for everyone, profiles, health, metrics and the API page."""

import re

import pytest

from tests.serving.conftest import ask


def test_similar_products_come_nearest_first(client):
    body = client.get("/v1/products/p3/similar").json()
    assert body["product_id"] == "p3"
    assert [(p["product_id"], p["rank"], p["category"]) for p in body["products"]] == [
        ("p4", 1, "tea"),
        ("p5", 2, "coffee"),
    ]
    assert body["products"][0]["score"] > body["products"][1]["score"]
    assert len(client.get("/v1/products/p3/similar?limit=1").json()["products"]) == 1


def test_trending_is_best_first_everywhere_and_in_a_category(client):
    everywhere = client.get("/v1/trending?limit=3").json()["products"]
    assert [p["product_id"] for p in everywhere] == ["p37", "p36", "p35"]
    tea = client.get("/v1/trending?category=tea&limit=100").json()["products"]
    assert [p["product_id"] for p in tea] == [f"p{i}" for i in range(36, -1, -4)]
    assert client.get("/v1/trending?category=none").json()["products"] == []


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/trending"])
def test_head_answers_like_get_without_a_body(client, path):
    got, asked = client.get(path), client.head(path)
    assert (asked.status_code, asked.content) == (200, b"")
    for header in ("content-type", "content-length", "cache-control", "etag"):
        assert asked.headers.get(header) == got.headers.get(header), header


def test_public_answers_are_kept_until_the_release_changes(shop):
    with shop.client() as client:
        for path in ("/v1/trending", "/v1/products/p3/similar"):
            first = client.get(path)
            assert first.headers["cache-control"] == "public, max-age=60"
            etag = first.headers["etag"]
            for given in (etag, f"W/{etag}", f'"other", {etag}'):
                again = client.get(path, headers={"if-none-match": given})
                assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
            assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200
        before = client.get("/v1/trending").headers["etag"]
    shop.publish(seed=2)
    with shop.client() as client:
        assert client.get("/v1/trending", headers={"if-none-match": before}).status_code == 200


def test_a_profile_is_shown_as_the_release_has_it(client):
    body = client.get("/v1/customers/客户三/profile").json()
    assert (body["customer_id"], body["as_of"]) == ("客户三", "2018-01-01")
    assert body["profile"]["tier"] == "gold"
    assert body["profile"]["affinities"] == [{"category": "tea", "share": 0.6, "purchases": 7}]


def test_ready_says_what_is_served(client):
    release = client.app.state.services.watcher.release
    assert client.get("/readyz").json() == {
        "ready": True,
        "release_id": release.id,
        "cache_available": True,
        "database_available": True,
    }


def test_metrics_count_what_happened(client):
    ask(client)
    ask(client, limit=0)
    client.get("/v1/customers/ada/profile")
    client.get("/v1/none/of/these")
    event = {"event_id": "e", "type": "view", "occurred_at": "2018-01-01T00:00:00Z", "customer_id": "ada"}
    client.post("/v1/events", json={"events": [event, event, {}]})
    text = client.get("/metrics").text
    for line in (
        'huitou_requests_total{route="/v1/recommendations",status="200"} 1.0',
        'huitou_requests_total{route="/v1/recommendations",status="422"} 1.0',
        'huitou_requests_total{route="/v1/customers/{customer_id}/profile",status="200"} 1.0',
        'huitou_requests_total{route="unmatched",status="404"} 1.0',
        'huitou_request_seconds_count{route="/v1/recommendations"} 2.0',
        'huitou_recommendations_total{degraded="none",placement="home"} 1.0',
        'huitou_events_total{status="stored"} 1.0',
        'huitou_events_total{status="duplicate"} 1.0',
        'huitou_events_total{status="invalid"} 1.0',
        "huitou_cache_available 1.0",
        "huitou_database_available 1.0",
        "huitou_release_age_days 1.0",  # as of 1 January, asked on the 2nd
        "huitou_event_queue 0.0",
    ):
        assert line in text.splitlines(), line


def test_metrics_name_no_customer(client):
    ask(client, customer_id="客户三")
    client.get("/v1/customers/客户三/offers")
    assert "客户三" not in client.get("/metrics").text


def test_the_api_page_loads_nothing_from_elsewhere(client):
    assert client.get("/", follow_redirects=False).headers["location"] == "/docs"
    page = client.get("/docs")
    assert page.status_code == 200
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) >= 3
    for asset in assets:
        assert asset.startswith("/"), asset
        assert client.get(asset).status_code == 200
    assert "//" not in page.text.replace("http://www.w3.org", "").replace("<!--", "") or not re.search(
        r"https?://", page.text
    )
