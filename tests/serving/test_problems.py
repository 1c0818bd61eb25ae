"""Every error is a problem document that names the thing and the remedy."""

import pytest
from starlette.testclient import TestClient

from serving.app import create_app
from tests.serving.conftest import ask


def problem(answer, status: int, code: str) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "private, no-store"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "code", "request_id", "errors"}
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:huitou:problem:{code}")
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


@pytest.mark.parametrize("limit", [0, 1000, -1, 101, 2.5, "many", None])
def test_a_wrong_limit_names_the_limit(client, limit):
    body = problem(ask(client, limit=limit), 422, "invalid_request")
    assert body["errors"][0]["field"] == "limit"
    assert "limit" in body["detail"]


@pytest.mark.parametrize("limit", [0, 1000])
def test_a_limit_out_of_range_names_the_range_everywhere(client, limit):
    for path in ("/v1/customers/ada/recommendations", "/v1/trending", "/v1/products/p1/similar"):
        detail = problem(client.get(f"{path}?limit={limit}"), 422, "invalid_request")["detail"]
        assert f"limit must be a whole number from 1 to 100, not {limit}" in detail
    assert "from 1 to 100" in problem(ask(client, limit=limit), 422, "invalid_request")["detail"]


def test_an_unknown_placement_names_the_known_ones(client):
    body = problem(ask(client, placement="cart"), 422, "invalid_request")
    assert "home, buy_again, discover, trending, not 'cart'" in body["detail"]


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({"customer_id": None}, "body"),
        ({"customer_id": ""}, "customer_id"),
        ({"customer_id": "x" * 129}, "customer_id"),
        ({"customer_id": 7}, "customer_id"),
        ({"colour": "red"}, "colour"),
        ({"locale": "fr"}, "locale"),
        ({"exclude_product_ids": "p1"}, "exclude_product_ids"),
        ({"context_product_ids": ["p1"] * 101}, "context_product_ids"),
        ({"filter": {"price": {"min": "cheap"}}}, "filter.price.min"),
        ({"filter": {"price": {"min": 3, "max": 2}}}, "filter.price"),
        ({"filter": {"size": 3}}, "filter.size"),
        ({"placement": ["home"]}, "placement"),
    ],
)
def test_a_wrong_field_is_named(client, question, field):
    body = problem(ask(client, **question), 422, "invalid_request")
    assert [error["field"] for error in body["errors"]] == [field]


def test_an_unknown_context_product_is_named(client):
    body = problem(ask(client, context_product_ids=["p1", "nonsense"]), 422, "unknown_product")
    assert "'nonsense'" in body["detail"]
    assert body["errors"][0]["field"] == "context_product_ids.1"


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"[1]", b'"x"', b"\xff\xfe", b"null"])
def test_a_malformed_body_is_a_problem(client, body):
    answer = client.post("/v1/recommendations", content=body, headers={"content-type": "application/json"})
    problem(answer, 422, "invalid_request")


def test_a_body_of_another_type_is_a_problem(client):
    problem(client.post("/v1/recommendations", data={"customer_id": "ada"}), 422, "invalid_request")


@pytest.mark.parametrize("path", ["/v1/customers/stranger/profile", "/v1/customers/stranger/offers"])
def test_an_unknown_customer_is_named(client, path):
    assert "'stranger'" in problem(client.get(path), 404, "unknown_customer")["detail"]


def test_an_unknown_product_is_named(client):
    assert "'none'" in problem(client.get("/v1/products/none/similar"), 404, "unknown_product")["detail"]


def test_unknown_paths_and_methods_are_problems(client):
    problem(client.get("/v1/nothing"), 404, "not_found")
    answer = client.delete("/v1/recommendations")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


def test_a_body_that_is_too_large_is_refused_declared_or_not(shop):
    with shop.client(serving={"max_body_bytes": 100}) as client:
        large = b'{"customer_id": "' + b"x" * 200 + b'"}'
        problem(client.post("/v1/recommendations", content=large), 413, "body_too_large")
        pieces = (large[i : i + 50] for i in range(0, len(large), 50))
        problem(client.post("/v1/recommendations", content=pieces), 413, "body_too_large")
        assert ask(client).status_code == 200


def test_a_request_id_is_kept_if_it_is_one(client):
    given = client.get("/healthz", headers={"x-request-id": "abc-123"})
    assert given.headers["x-request-id"] == "abc-123"
    for strange in ("", "x" * 129, "a b", "a\tb"):
        made = client.get("/healthz", headers={"x-request-id": strange}).headers["x-request-id"]
        assert made != strange
        assert len(made) == 32


def test_a_defect_tells_the_caller_nothing_and_the_log_no_customer(client, caplog):
    async def defect(customer_id: str):
        raise ValueError(customer_id)

    client.app.add_api_route("/defect/{customer_id}", defect)
    body = problem(client.get("/defect/secret-customer"), 500, "internal_error")
    assert "secret-customer" not in str(body)
    assert f"unexpected ValueError in request {body['request_id']}" in caplog.text
    assert "secret-customer" not in caplog.text


def test_before_the_first_release_the_service_is_alive_but_not_ready(tmp_path, settings_for, shop):
    settings = settings_for(tmp_path / "empty", serving={"release_poll_ms": 20})
    with TestClient(
        create_app(settings, shop.clock), base_url="http://127.0.0.1", client=("127.0.0.1", 1)
    ) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        body = problem(ask(client), 503, "not_ready")
        assert "huitou publish" in body["detail"]


def test_every_call_documents_its_problems(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert "/v1/recommendations" in paths
    for path, calls in paths.items():
        for call in calls.values():
            schema = call["responses"]["422"]["content"]["application/problem+json"]["schema"]
            assert schema["$ref"].endswith("/ProblemDocument"), path
