"""Keys with scopes; without any, this machine only."""

import pytest

from features.database.store import open_database
from serving.api_keys import KeyRing, hash_key, new_key
from serving.security import is_loopback
from tests.serving.conftest import NOON, ask
from tests.support.waiting import wait_until

CALLS = {
    "recommend": ("POST", "/v1/recommendations"),
    "recommend_get": ("GET", "/v1/customers/ada/recommendations"),
    "profile": ("GET", "/v1/customers/ada/profile"),
    "offers": ("GET", "/v1/customers/ada/offers"),
    "similar": ("GET", "/v1/products/p1/similar"),
    "trending": ("GET", "/v1/trending"),
    "events": ("POST", "/v1/events"),
    "claim": ("POST", "/v1/offers/gold-week/claims"),
    "experiments": ("GET", "/v1/experiments"),
    "assignment": ("GET", "/v1/experiments/exp/assignment?customer_id=ada"),
    "results": ("GET", "/v1/experiments/exp/results"),
}
BODIES = {"recommend": {"customer_id": "ada"}, "events": {"events": []}, "claim": {"customer_id": "ada"}}
ALLOWED = {
    "storefront": set(CALLS) - {"results"},
    "marketing": {"profile", "offers", "experiments", "results"},
    "admin": set(CALLS),
}


def create(shop, *scopes: str) -> str:
    key = new_key()
    with open_database(shop.settings.database_url) as database:
        database.create_key(key.key_id, key.hash, scopes, NOON)
    return key.key


def call(client, name: str, key: str | None = None, **headers: str):
    method, path = CALLS[name]
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    if name == "claim":
        headers["idempotency-key"] = "key"
    return client.request(method, path, json=BODIES.get(name), headers=headers)


@pytest.mark.parametrize("scope", ALLOWED)
def test_a_scope_opens_its_calls_and_no_others(shop, scope):
    key = create(shop, scope)
    shop.start("exp")
    with shop.database() as database:
        database.experiments.add_report("exp", 1, "{}", NOON, data_through=None, actor="test")
    with shop.client() as client:
        for name in CALLS:
            answer = call(client, name, key)
            expected = (201 if name == "claim" else 200) if name in ALLOWED[scope] else 403
            assert answer.status_code == expected, (name, answer.text)
            if expected == 403:
                assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize("name", CALLS)
def test_with_keys_a_call_without_one_is_refused(shop, name):
    key = create(shop, "storefront", "marketing")
    wrong = [
        None,
        "",
        "nonsense",
        key[:-1],
        key + "x",
        key[:-1] + ("a" if key[-1] != "a" else "b"),
        new_key().key,
    ]
    with shop.client() as client:
        for attempt in wrong:
            answer = call(client, name, attempt)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), attempt
            assert answer.headers["www-authenticate"] == "Bearer"
        assert client.request(*CALLS[name], headers={"authorization": f"Basic {key}"}).status_code == 401


@pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/events"])
@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"x" * 200])
def test_the_key_is_checked_before_the_body_is_looked_at(shop, path, body):
    key = create(shop, "storefront")
    with shop.client(serving={"max_body_bytes": 100}) as client:
        assert client.post(path, content=body).status_code == 401
        known = client.post(path, content=body, headers={"authorization": f"Bearer {key}"})
        assert known.status_code in (413, 422)


def test_the_body_of_a_caller_without_a_key_is_not_even_read(shop):
    create(shop, "storefront")
    read: list[str] = []

    async def call_with(app) -> int:
        statuses = []

        async def receive():
            read.append("a message")
            return {"type": "http.request", "body": b"{}", "more_body": True}

        async def send(message):
            statuses.append(message.get("status"))

        scope = {
            "type": "http", "method": "POST", "path": "/v1/events", "query_string": b"", "headers": [],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "http", "root_path": "",
        }  # fmt: skip
        await app(scope, receive, send)
        return statuses[0]

    with shop.client() as client:
        assert client.portal.call(call_with, client.app) == 401
    assert read == []


def test_a_revoked_key_is_refused_soon_and_the_service_does_not_open_again(shop):
    key = create(shop, "storefront")
    with shop.client() as client:
        assert call(client, "trending", key).status_code == 200
        with open_database(shop.settings.database_url) as database:
            database.revoke_key(key.split("_")[1], NOON)
        wait_until(lambda: call(client, "trending", key).status_code == 401)
        assert call(client, "trending").status_code == 401


def test_a_new_key_holds_soon(shop):
    with shop.client() as client:
        assert call(client, "trending").status_code == 200
        key = create(shop, "admin")
        wait_until(lambda: call(client, "trending").status_code == 401)
        assert call(client, "trending", key).status_code == 200


def test_health_needs_no_key(shop):
    create(shop, "admin")
    with shop.client(host="203.0.113.9") as client:
        for path in ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200, path


def test_without_keys_other_machines_are_refused(shop):
    with shop.client(host="203.0.113.9") as client:
        assert ask(client).status_code == 401
        assert "huitou keys create" in ask(client).json()["detail"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("[::1]:8000", 200),
        ("shop.example", 403),
        ("localhost.evil.example:8000", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ],
)
def test_without_keys_the_host_must_be_this_machine(client, host, status):
    answer = call(client, "trending", host=host)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "host_not_allowed"


@pytest.mark.parametrize("path", ["/metrics", "/docs", "/openapi.json", "/"])
def test_without_keys_the_host_counts_for_what_needs_no_key_too(client, path):
    assert client.get(path).status_code == 200
    answer = client.get(path, headers={"host": "shop.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "host_not_allowed")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_told_to_everyone(shop, path):
    with shop.client(host="203.0.113.9") as client:
        assert client.get(path, headers={"host": "shop.example"}).status_code == 200


def test_the_database_never_sees_the_key(shop):
    key = create(shop, "storefront")
    assert key.encode() not in shop.database_file.read_bytes()
    with open_database(shop.settings.database_url) as database:
        (kept,) = database.list_keys()
    assert kept.hash == hash_key(key)
    assert KeyRing([kept]).scopes(key) == ("storefront",)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
    ],
)
def test_what_counts_as_this_machine(host, expected):
    assert is_loopback(host) is expected
