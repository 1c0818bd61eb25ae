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


@pytest.mark.parametrize("limit", [0, 1000, -1, 101, 2.5, "many", None, True, "20", 2.0, 10**30])
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
        ({"strict": "true"}, "strict"),
        ({"strict": 1}, "strict"),
        ({"filter": {"in_stock": "yes"}}, "filter.in_stock"),
        ({"filter": {"in_stock": 1}}, "filter.in_stock"),
        ({"filter": {"price": {"min": "3"}}}, "filter.price.min"),
        ({"filter": {"price": {"max": True}}}, "filter.price.max"),
    ],
)
def test_a_wrong_field_is_named(client, question, field):
    body = problem(ask(client, **question), 422, "invalid_request")
    assert [error["field"] for error in body["errors"]] == [field]


def test_an_unknown_context_product_is_named(client):
    body = problem(ask(client, context_product_ids=["p1", "nonsense"]), 422, "unknown_product")
    assert "'nonsense'" in body["detail"]
    assert body["errors"][0]["field"] == "context_product_ids.1"


def test_a_query_is_text_so_its_numbers_and_booleans_are_read_from_text(client):
    answer = client.get("/v1/customers/ada/recommendations?limit=7&strict=true&in_stock=true&price_min=1")
    assert answer.status_code == 200
    assert len(answer.json()["products"]) == 7


@pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/events"])
@pytest.mark.parametrize("body", [b"", b"[1]", b'"x"', b"null"])
def test_a_body_that_is_no_object_is_a_problem(client, path, body):
    answer = client.post(path, content=body, headers={"content-type": "application/json"})
    assert problem(answer, 422, "invalid_request")["errors"][0]["field"] == "body"


@pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/events"])
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"customer_id": "\xff"}',
        b'{"customer_id": "\\ud800"}',
        b"[" * 100_000,
        b'{"customer_id": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"limit": ' + b"9" * 5000 + b"}",
        b'{"limit": NaN}',
    ],
    ids=range(9),
)
def test_a_body_that_is_no_json_is_a_problem_with_a_remedy(client, path, body):
    answer = client.post(path, content=body, headers={"content-type": "application/json"})
    (error,) = problem(answer, 422, "invalid_request")["errors"]
    assert error["field"] == "body"
    assert error["detail"].startswith("The body is not JSON: ")
    assert error["detail"].endswith("Send one JSON object in UTF-8.")


@pytest.mark.parametrize("field", ["customer_id", "limit", "placement", "filter", "strict", "colour"])
def test_a_deeply_nested_value_is_a_wrong_field_like_any_other(client, field):
    # As deep as the parser lets through.
    body = b'{"%s": ' % field.encode() + b"[" * 1020 + b"]" * 1020 + b"}"
    answer = client.post("/v1/recommendations", content=body, headers={"content-type": "application/json"})
    assert problem(answer, 422, "invalid_request")["errors"][0]["field"] == field


@pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/events"])
@pytest.mark.parametrize(
    ("content_type", "named"),
    [
        ("text/plain", "'text/plain'"),
        ("application/x-www-form-urlencoded", "'application/x-www-form-urlencoded'"),
        ("application/jsonp", "'application/jsonp'"),
        ("json", "'json'"),
        (None, "without a Content-Type"),
    ],
)
def test_a_wrong_or_missing_content_type_is_named_with_its_remedy(client, path, content_type, named):
    headers = {"content-type": content_type} if content_type else {}
    answer = client.post(path, content=b'{"customer_id": "ada"}', headers=headers)
    (error,) = problem(answer, 422, "invalid_request")["errors"]
    assert error["field"] == "body"
    assert named in error["detail"]
    assert error["detail"].endswith("Send JSON with Content-Type: application/json.")


@pytest.mark.parametrize("content_type", ["Application/JSON; charset=utf-8", "application/vnd.shop+json"])
def test_every_json_content_type_is_taken(client, content_type):
    answer = client.post(
        "/v1/recommendations", content=b'{"customer_id": "ada"}', headers={"content-type": content_type}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/trending",
        "/v1/products/p1/similar",
        "/v1/customers/ada/profile",
        "/v1/customers/ada/offers",
        "/v1/customers/ada/recommendations",
    ],
)
def test_an_unknown_query_parameter_is_named(client, path):
    assert client.get(path).status_code == 200
    body = problem(client.get(f"{path}?limitt=3"), 422, "invalid_request")
    assert [error["field"] for error in body["errors"]] == ["limitt"]


def test_a_path_with_a_slash_too_many_is_unknown(client):
    for path in ("/v1/trending/", "/v1/products/p1/similar/", "/healthz/"):
        problem(client.get(path, follow_redirects=False), 404, "not_found")


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
