"""What a question gets when everything works."""

import pytest

from experiments.assignment import Assignment
from features.release.format import unpack_row
from tests.serving.conftest import ask, assert_full, product_ids

PLACEMENTS = ("home", "buy_again", "discover", "trending")
VALID = 38  # the small release has 40 products, two of which may not be recommended


def row_of(release, placement: str, customer: str) -> list[str]:
    row = unpack_row(release.row(placement, release.customer_index(customer)))
    return [release.products.id(product) for product in row["product"].tolist()]


@pytest.fixture
def release(client):
    return client.app.state.services.watcher.release


def test_an_answer_has_exactly_the_fields_of_the_interface(client, release):
    body = ask(client, limit=3).json()
    assert set(body) == {
        "recommendation_id", "customer_id", "placement", "products", "offers", "experiments", "release_id",
        "degraded", "generated_at",
    }  # fmt: skip
    assert (body["customer_id"], body["placement"], body["release_id"]) == ("ada", "home", release.id)
    assert (body["generated_at"], body["experiments"]) == ("2018-01-02T12:00:00Z", [])
    assert set(body["products"][0]) == {"product_id", "rank", "score", "source", "reason"}
    assert set(body["products"][0]["reason"]) == {"code", "text", "because_product_ids"}


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("customer", ["ada", "客户三", "empty", "no-consent", "stranger"])
@pytest.mark.parametrize("limit", [1, 20, 37])
def test_everyone_gets_exactly_the_limit_everywhere(client, placement, customer, limit):
    answer = ask(client, customer_id=customer, placement=placement, limit=limit)
    # Products 38 and 39 may not be recommended.
    assert not {"p38", "p39"} & set(product_ids(answer))
    assert_full(answer, limit)


def test_a_catalogue_smaller_than_the_limit_is_given_whole(client):
    assert len(set(product_ids(ask(client, limit=100)))) == VALID
    assert len(set(product_ids(ask(client, placement="discover", limit=100)))) == VALID


def test_home_starts_with_the_packed_row_in_its_order(client, release):
    row = row_of(release, "home", "ada")
    assert product_ids(ask(client, limit=12)) == row
    body = ask(client, limit=20).json()["products"]
    assert [product["source"] for product in body] == ["discover"] * 12 + ["trending"] * 8


def test_a_short_buy_again_row_is_filled_from_discover_then_trending(client, release):
    body = ask(client, placement="buy_again", limit=20).json()["products"]
    bought, new = row_of(release, "buy_again", "ada"), row_of(release, "discover", "ada")
    assert len(bought) == 5
    expected = bought + [product for product in new if product not in bought]
    assert [product["product_id"] for product in body[:12]] == expected[:12]
    assert [product["source"] for product in body[:5]] == ["buy_again"] * 5
    assert body[-1]["source"] == "trending"


def test_a_strict_question_gets_only_the_placements_own_products(client, release):
    answer = ask(client, placement="buy_again", limit=20, strict=True)
    assert product_ids(answer) == row_of(release, "buy_again", "ada")
    assert product_ids(ask(client, customer_id="empty", placement="buy_again", strict=True)) == []


def test_discover_shows_what_the_customer_never_bought_first(client, release):
    customer = release.customer_index("ada")
    bought = {release.products.id(p) for p in release.history(customer)["product"].tolist()}
    products = product_ids(ask(client, placement="discover", limit=VALID - len(bought)))
    assert not bought & set(products)


@pytest.mark.parametrize("customer", ["stranger", "no-consent"])
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_strangers_and_customers_without_consent_get_trending_only(client, release, customer, placement):
    body = ask(client, customer_id=customer, placement=placement, limit=5).json()
    assert [product["product_id"] for product in body["products"]] == ["p37", "p36", "p35", "p34", "p33"]
    assert {product["source"] for product in body["products"]} == {"trending"}
    assert (body["degraded"], body["offers"]) == (None, [])


def test_a_session_gets_products_without_being_a_customer(client):
    body = ask(client, session_id="s1", limit=5).json()
    assert body["customer_id"] is None
    assert {product["source"] for product in body["products"]} == {"trending"}


def test_excluded_and_context_products_stay_out(client, release):
    first, second, third = row_of(release, "home", "ada")[:3]
    answer = ask(client, exclude_product_ids=[first, "unknown"], context_product_ids=[second], limit=20)
    assert_full(answer, 20)
    assert not {first, second} & set(product_ids(answer))
    assert product_ids(answer)[0] == third


def test_products_similar_to_the_context_come_near_the_top(client):
    body = ask(client, context_product_ids=["p3"], limit=20).json()["products"]
    recent = [product for product in body if product["source"] == "recent_activity"]
    # In the small release p3 is similar to p4 and p5.
    assert {product["product_id"] for product in recent} <= {"p4", "p5"}
    assert recent
    assert recent[0]["rank"] <= 4
    assert recent[0]["reason"]["because_product_ids"] == ["p3"]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"category": "tea"}, lambda i: i % 4 == 0),
        ({"category": ["tea", "bread"]}, lambda i: i % 4 in (0, 3)),
        ({"brand": ["Hill"]}, lambda i: i % 2 == 0),
        ({"brand": ["Hill", "Dale", "Zest"]}, lambda i: i % 2 == 0),
        ({"brand": "Dale"}, lambda i: False),
        # Prices are 1.5 a number, and every fifth product has none.
        ({"price": {"min": 15, "max": 30}}, lambda i: i % 5 and 10 <= i <= 20),
        ({"price": {"max": 6}}, lambda i: i % 5 and i <= 4),
        ({"in_stock": False}, lambda i: False),
        ({"in_stock": True, "category": "fruit", "brand": "Hill"}, lambda i: i % 4 == 2),
    ],
)
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_filter_keeps_every_product_that_meets_it_and_no_other(client, condition, holds, placement):
    products = product_ids(ask(client, placement=placement, filter=condition, limit=100))
    assert sorted(products) == sorted(f"p{i}" for i in range(VALID) if holds(i))


def test_the_get_twin_answers_the_same(client):
    body = {
        "placement": "discover",
        "limit": 7,
        "exclude_product_ids": ["p1", "p2"],
        "context_product_ids": ["p3"],
        "filter": {"category": ["tea", "fruit"], "price": {"max": 50}, "in_stock": True},
        "locale": "zh",
    }
    query = (
        "placement=discover&limit=7&exclude_product_ids=p1&exclude_product_ids=p2&context_product_ids=p3"
        "&category=tea&category=fruit&price_max=50&in_stock=true&locale=zh"
    )
    posted, got = ask(client, **body).json(), client.get(f"/v1/customers/ada/recommendations?{query}").json()
    assert posted.pop("recommendation_id") != got.pop("recommendation_id")
    assert posted == got
    assert len(posted["products"]) == 7


def test_personal_answers_are_nobodys_to_keep(client):
    assert ask(client).headers["cache-control"] == "private, no-store"
    assert client.get("/v1/customers/ada/profile").headers["cache-control"] == "private, no-store"


def test_offers_come_with_a_reason_in_both_languages_and_expire_by_the_shops_clock(client):
    offer = {
        "offer_id": "gold-week",
        "name": "金卡周",
        "benefit": {"type": "percent_off", "percent": 10.0, "minimum_spend": 0.0},
        "reason": {"code": "tier", "text": "因为您是金卡会员"},
        # Seven days after 2 January, the last second of that day.
        "expires_at": "2018-01-09T23:59:59Z",
    }
    assert ask(client, locale="zh").json()["offers"] == [offer]
    assert client.get("/v1/customers/ada/offers?locale=zh").json()["offers"] == [offer]
    english = client.get("/v1/customers/ada/offers").json()["offers"][0]
    assert (english["name"], english["reason"]["text"]) == ("Gold week", "Because you are a gold member")


def test_without_consent_to_marketing_there_are_no_offers(client):
    assert ask(client, customer_id="f").json()["offers"] == []
    assert client.get("/v1/customers/f/offers").json()["offers"] == []


def test_an_assigner_plugs_in(shop):
    def assigner(customer_id, profile, day):
        return [Assignment("win-back", f"{profile['tier']}-{customer_id}")]

    with shop.client(assigner) as client:
        assert ask(client).json()["experiments"] == [{"key": "win-back", "variant": "gold-ada"}]
        for nobody in ({"customer_id": "no-consent"}, {"customer_id": "stranger"}, {"session_id": "s"}):
            assert ask(client, **nobody).json()["experiments"] == []


def test_a_defect_in_a_personal_stage_costs_only_the_personal_part(shop):
    def broken(customer_id, profile):
        raise ZeroDivisionError

    with shop.client(broken) as client:
        assert_full(ask(client, limit=20), 20, degraded="trending")
        text = client.get("/metrics").text
    assert 'huitou_fallbacks_total{missing="personal"} 1.0' in text
    assert 'huitou_recommendations_total{degraded="trending",placement="home"} 1.0' in text
