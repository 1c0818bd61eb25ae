"""An experiment analysed from database and lake: what counts, worked out by hand, in a shop in Shanghai."""

import json
from datetime import UTC, date, datetime

import pytest

from experiments.analysis.live import analyze_experiment, keep_report
from experiments.design import parse_design
from features.database.store import open_database
from features.errors import DataError, NotReadyError
from tests.support.live_shop import LiveShop, utc

NOW = datetime(2024, 4, 1, tzinfo=UTC)
HALVES = [{"key": "control", "weight": 0.5}, {"key": "offer", "weight": 0.5}]
# a, b control; c, d offer; all exposed at noon of March 5.
FOUR = [
    ("a", "control", utc(5), "gold", "loyal"),
    ("b", "control", utc(5), "silver", "loyal"),
    ("c", "offer", utc(5), "gold", "at_risk"),
    ("d", "offer", utc(5), "silver", None),
]
LAST = ("last", "z", "p1", utc(25), 1, 1.0)


def plan(*measures, **changes):
    described = {"primary": measures[0] if measures else "repeat_purchase_d7"}
    rails = [{"measure": measure, "margin_relative": -0.5} for measure in measures[1:]]
    return parse_design(
        {"key": "test", "rule": "fixed", "variants": HALVES, "guardrails": rails, **described, **changes}
    )


@pytest.fixture
def shop(tmp_path, settings_for):
    settings = settings_for(tmp_path / "workspace", shop={"timezone": "Asia/Shanghai"})
    with open_database(settings.database_url) as database:
        yield LiveShop(tmp_path, settings, database)


def judge(shop, key="test", now=NOW, **more):
    return analyze_experiment(shop.settings, shop.database, key, now=now, **more)


def means(report, key):
    result = next(result for result in report.metrics if result.metric.key == key)
    return result.control_mean, result.variants[0].mean


def codes(report):
    return {note.code: note.en for note in report.notes}


def test_orders_of_the_lake_by_hand(shop):
    shop.load(
        orders=[
            ("o1", "a", "p1", utc(5, 15), 1, 99.0),  # 23:00 on March 5 in Shanghai: the day of exposure
            ("o2", "a", "p1", utc(5, 16), 2, 10.0),  # 00:00 on March 6: day 1
            ("o2", "a", "p2", utc(5, 16), 1, 30.0),  # a second line of the same order
            ("o3", "b", "p1", utc(13), 1, 50.0),  # day 8
            ("o4", "c", "p1", utc(12), 3, 20.0),  # day 7
            ("o5", "c", "p2", utc(6), 1, 40.0),
            ("o5", "c", "p3", utc(6), 1, 8.0),  # a product that nobody described
            ("o6", "d", "p1", utc(7), -1, -5.0),  # nothing but a return: no order
            LAST,
        ],
        products=[("p1", "one", "x", 0.5), ("p2", "two", "x", 0.1)],
    )
    measures = ["repeat_purchase_d7", "orders_d7", "order_value_d7", "units_per_order_d7", "return_share_d7"]
    shop.start(plan(*measures), utc(1))
    shop.expose("test", *FOUR)
    report = judge(shop)
    assert means(report, "repeat_purchase_d7") == (1 / 2, 1 / 2)
    assert means(report, "orders_d7") == (1 / 2, 2 / 2)
    assert means(report, "order_value_d7") == (40 / 1, (20 + 48 - 5) / 2)
    assert means(report, "units_per_order_d7") == (3 / 1, (3 + 1 + 1) / 2)
    assert means(report, "return_share_d7") == (0.0, 5 / 68)
    # Margins a 10 · .5 + 30 · .1 = 8; c 20 · .5 + 40 · .1 + 0 = 14; d −2.5. The quantile .99 of −2.5, 0, 8,
    # 14 lies at position 2.97: 8 + .97 · 6 = 13.82.
    assert means(report, "margin_d7") == pytest.approx((8 / 2, (13.82 - 2.5) / 2))
    assert codes(report)["lines_without_margin"].startswith("1 order lines after exposure")
    assert report.data_through == date(2024, 3, 24)


def test_clicks_that_carry_a_recommendation_convert_within_seven_days(shop):
    shop.load(
        orders=[
            ("o1", "a", "p1", utc(12, 3), 1, 5.0),  # a minute less than seven days after the click
            ("o2", "b", "p1", utc(12, 5), 1, 5.0),  # an hour more
            ("o3", "c", "p1", utc(5, 5), 1, 5.0),  # the day of exposure, after the click
            ("o4", "c", "p2", utc(5, 2), 1, 5.0),  # before the click
            ("o5", "d", "p2", utc(6), 1, 5.0),  # another product
            ("o6", "b", "p2", utc(6), 1, 5.0),  # after a click from before exposure
            LAST,
        ],
        events=[
            ("e1", "click", utc(5, 4), "d", "p1", "r"),  # a click may come with the export
            ("e2", "click", utc(5, 9), "a", "p1", "r"),  # or both ways: the first counts
            ("e3", "view", utc(5, 4), "a", "p2", "r"),
        ],
    )
    shop.start(plan("recommendation_conversion_d14"), utc(1))
    shop.expose("test", *FOUR)
    for customer in "ab":
        shop.click(customer, "p1", "r", utc(5, 4))
    shop.click("a", "p1", "r", utc(5, 6))  # the same product of the same recommendation: once
    shop.click("a", "p1", None, utc(6))  # without a recommendation
    for customer in "ab":
        shop.click(customer, "p2", "before", utc(4))
    shop.click("c", "p1", "r", utc(5, 4))
    shop.click("c", "p2", "r", utc(5, 4))
    shop.click("stranger", "p1", "r", utc(5, 4))
    report = judge(shop)
    assert means(report, "recommendation_conversion_d14") == (1 / 2, 1 / 3)
    assert means(report, "recommendation_clicks_d14") == (2 / 2, 3 / 2)


def test_claims_redemptions_and_what_offers_earned(shop):
    amounts = {"a": 10.0, "b": 14.0, "c": 30.0, "d": 38.0}
    people = [*FOUR, ("e", "control", utc(5)), ("f", "offer", utc(5))]
    amounts |= {"e": 12.0, "f": 34.0}
    shop.load(
        orders=[*((f"o-{who}", who, "p1", utc(8), 1, amount) for who, amount in amounts.items()), LAST],
        products=[("p1", "one", "x", 0.5)],
        redemptions=[
            ("r1", "c", "ten-percent", utc(8), 2.0),
            ("r2", "d", "ten-percent", utc(8), 2.5),
            ("r3", "f", "ten-percent", utc(8), 1.5),
            ("r4", "f", "ten-percent", utc(20), 99.0),  # after the window
        ],
    )
    shop.start(plan("revenue_d7", "margin_d7", "offer_claims_d7"), utc(1))
    shop.expose("test", *people)
    shop.claim("c", utc(5, 5))  # the day of exposure counts for claims
    shop.claim("c", utc(6))
    shop.claim("d", utc(14))
    shop.claim("stranger", utc(6))
    report = judge(shop)
    assert means(report, "offer_claims_d7") == (0.0, pytest.approx(2 / 3))
    assert means(report, "offer_claim_share_d7") == (0.0, pytest.approx(1 / 3))
    assert means(report, "offer_cost_d7") == (0.0, 2.0)
    body = report.to_dict()
    # Margins 5, 7, 6 and 15, 19, 17: Δ 11 for a cost of 2 a customer: (11 − 2) / 2, not winsorised.
    (earned,) = body["offer_return"]
    assert (earned["margin_difference"], earned["cost_difference"]) == (11.0, 2.0)
    assert earned["value"] == pytest.approx(4.5)
    assert earned["ci"][0] < 4.5 < earned["ci"][1]
    # Per year: the lift of seven days · 365/7, for six exposed customers.
    lift = next(m for m in body["metrics"] if m["metric"] == "margin_d7")["variants"][0]
    (year,) = body["annual_margin"]["variants"]
    assert year["per_customer"] == pytest.approx(lift["lift_abs"] * 365 / 7)
    assert year["value"] == pytest.approx(6 * year["per_customer"])
    assert year["ci"] == pytest.approx([6 * end * 365 / 7 for end in lift["ci_abs"]])


def test_measures_without_a_covariate_of_their_own_get_what_was_bought_before(shop):
    shop.load(orders=[("o1", "a", "p1", utc(1), 1, 5.0), ("o2", "c", "p1", utc(6), 1, 5.0), LAST])
    own = {"key": "mine_d7", "kind": "mean", "column": "orders"}
    shop.start(plan("repeat_purchase_d7", metrics=[own]), utc(1))
    shop.expose("test", *FOUR)
    covariates = {result.metric.key: result.metric.covariate for result in judge(shop).metrics}
    assert covariates["repeat_purchase_d7"] == covariates["orders_d7"] == "pre_orders"
    assert covariates["revenue_d7"] == "pre_amount"
    assert covariates["mine_d7"] is None


def test_segments_are_those_of_the_moment_of_exposure(shop):
    shop.load(orders=[("o1", "c", "p1", utc(6), 1, 5.0), LAST])
    shop.start(plan(), utc(1))
    shop.expose("test", *FOUR)
    found = [
        (s.by, s.value, s.metrics[0].control_n, s.metrics[0].variants[0].n) for s in judge(shop).segments
    ]
    assert found == [
        ("tier", "gold", 1, 1), ("tier", "silver", 1, 1),
        ("segment", "at_risk", 0, 1), ("segment", "loyal", 2, 0), ("segment", None, 0, 1),
    ]  # fmt: skip
    assert [s.by for s in judge(shop, by=("placement",)).segments] == ["placement"]
    with pytest.raises(DataError, match="do not remember 'region'"):
        judge(shop, by=("region",))


def test_who_is_left_out(shop):
    shop.load(
        orders=[("o1", "c", "p1", utc(6), 1, 5.0), LAST],
        customers=[(name, name != "a") for name in "abcdefz"],
    )
    shop.start(plan(forced={"f": "offer"}), utc(1))
    shop.expose("test", *FOUR, ("e", "control", utc(5)), ("e", "offer", utc(6)), ("f", "offer", utc(5)))
    report = judge(shop)
    assert report.exposed.variants == {"control": 1, "offer": 2}
    assert set(codes(report)) >= {"without_consent", "in_two_variants", "forced", "early_enrollees"}
    assert codes(report)["without_consent"].startswith("1 customers")


def test_the_program_holdout_is_analysed_like_any_other(shop, settings_for):
    shop.load(orders=[("o1", "c", "p1", utc(10), 1, 5.0), ("last", "z", "p1", utc(31), 1, 1.0)])
    rows = [
        ("a", "held_out", utc(1)),
        ("b", "held_out", utc(1)),
        ("c", "program", utc(1)),
        ("d", "program", utc(1)),
    ]
    shop.expose("program_holdout", *rows)
    with pytest.raises(DataError, match="no program holdout"):
        judge(shop, "program_holdout")
    shop.settings = shop.settings.model_copy(
        update={"experiments": shop.settings.experiments.model_copy(update={"holdout_share": 0.5})}
    )
    late = datetime(2024, 4, 1, 12, tzinfo=UTC)
    shop.load(orders=[("later", "z", "p1", datetime(2024, 4, 1, 4, tzinfo=UTC), 1, 1.0)])
    assert means(judge(shop, "program_holdout", late), "repeat_purchase_d30") == (0.0, 0.5)
    keep_report(shop.settings, shop.database, "program_holdout", now=late, actor="test")
    assert shop.database.experiments.latest_report("program_holdout").data_through == date(2024, 3, 31)


def test_a_hybrid_that_was_decided_early_keeps_its_sequence(shop):
    people = [(f"c{i}", "control" if i % 2 else "offer", utc(1 + i % 10)) for i in range(40)]
    orders = [(f"o{i}", f"c{i}", "p1", utc(3 + i % 10), 1, 5.0) for i in range(0, 40, 3)]
    shop.load(orders=[*orders, LAST])
    shop.start(plan(rule="hybrid", planned_matured_customers=40), utc(1))
    shop.expose("test", *people)
    at_the_end = judge(shop)
    assert (at_the_end.progress.complete, at_the_end.primary.method) == (True, "welch")
    store = shop.database.experiments
    # By March 12 only those exposed up to March 4 had matured.
    store.set_state("test", "stopped", "test", utc(12))
    store.set_state("test", "decided", "test", utc(12), decision="ship")
    decided = judge(shop)
    assert decided.primary.method == "confidence_sequence"
    assert "early_enrollees" not in codes(decided)
    # On March 12 the seven days of those exposed from March 5 to 10 were not over: six in ten of 40.
    assert codes(decided)["window_after_stop"].startswith("24 customers")


def test_a_hybrid_decided_at_its_end_keeps_the_fixed_interval(shop):
    people = [(f"c{i}", "control" if i % 2 else "offer", utc(1)) for i in range(40)]
    shop.load(orders=[("o", "c1", "p1", utc(3), 1, 5.0), LAST])
    shop.start(plan(rule="hybrid", planned_matured_customers=40), utc(1))
    shop.expose("test", *people)
    shop.database.experiments.set_state("test", "stopped", "test", utc(20))
    shop.database.experiments.set_state("test", "decided", "test", utc(20), decision="ship")
    assert judge(shop).primary.method == "welch"


def test_simulations_say_so(shop):
    shop.load(orders=[("o1", "c", "p1", utc(6), 1, 5.0), LAST])
    shop.start(plan(), utc(1), simulated=True)
    shop.expose("test", *FOUR)
    body = judge(shop, truth={"metric": "repeat_purchase_d7", "lift_abs": 0.1}).to_dict()
    assert (body["simulated"], body["truth"]) == (True, {"metric": "repeat_purchase_d7", "lift_abs": 0.1})
    assert [line["action"] for line in body["log"]] == ["created", "started"]
    assert body["version"] == 1


def test_nothing_is_a_number_that_is_none(shop):
    """One customer in a variant, nobody matured, no orders after exposure: stated, never NaN."""
    shop.load(orders=[("o1", "a", "p1", utc(4), 1, 5.0)], products=[("p1", "one", "x", 0.5)])
    shop.start(plan("repeat_purchase_d7", "revenue_d7"), utc(1))
    shop.expose("test", *FOUR[:3])
    report = judge(shop)
    body = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert body["metrics"][0]["variants"][0]["withheld"] == "no_customers"
    assert body["retention"]["variants"][0]["withheld"] == "no_customers"
    assert (body["verdict"]["code"], body["verdict"]["reason"]) == ("keep_running", "withheld")
    assert body["verdict"]["remedy"]["text_en"].startswith("Load newer orders")
    shop.load(orders=[("o2", "a", "p1", utc(25), 1, 5.0)])
    assert judge(shop).to_dict()["metrics"][0]["variants"][0]["withheld"] == "one_customer"


def test_what_cannot_be_analysed_is_stated(shop):
    with pytest.raises(DataError, match="There is no experiment 'test'"):
        judge(shop)
    shop.start(plan(), utc(1))
    with pytest.raises(NotReadyError, match="'test' has no exposures yet"):
        judge(shop)
    shop.expose("test", *FOUR)
    with pytest.raises(NotReadyError, match="The lake holds no orders"):
        judge(shop)
    shop.load(orders=[LAST])
    with pytest.raises(DataError, match="1 order lines in the future, up to 2024-03-25"):
        judge(shop, now=utc(20))
    with pytest.raises(DataError, match="4 exposures in the future, up to 2024-03-05"):
        judge(shop, now=utc(4))
    shop.start(plan(key="own", metrics=[{"key": "visits_d7", "kind": "mean"}]), utc(1))
    shop.expose("own", *FOUR)
    with pytest.raises(
        DataError, match="asks for 'visits_d7', and from the lake and the database come orders, "
    ):
        judge(shop, "own")
    shop.expose("test", ("g", "of'fer", utc(5)))
    with pytest.raises(DataError, match='1 rows of the variant "of\'fer", which the design does not have'):
        judge(shop)
