"""A design file says what is wrong with it, and where."""

import json
from pathlib import Path

import pytest

from experiments.design import Metric, Treatment, load_design, order_log_metric, parse_design, read_design
from features.errors import DataError

HALVES = [{"key": "control", "weight": 0.5}, {"key": "offer", "weight": 0.5}]
VISIT = {"key": "visit", "kind": "proportion"}
EXAMPLE = Path(__file__).parents[2] / "examples" / "experiments" / "hillstrom.toml"


def design(**changes):
    return {"key": "win-back", "rule": "fixed", "variants": HALVES, "metrics": [VISIT], **changes}


STEP = {"from": "2024-05-01", "coverage": 0.1}


def treated(**treatment):
    return [HALVES[0], {**HALVES[1], "treatment": treatment}]


def test_the_examples_load():
    offer = load_design(EXAMPLE.with_name("win_back.toml"))
    assert [variant.treatment.offer_policy for variant in offer.variants] == [None, "win_back"]
    assert [(metric.key, metric.kind) for metric in offer.described_metrics()] == [
        ("repeat_purchase_d30", "retention"), ("revenue_d30", "mean"),
    ]  # fmt: skip

    plan = load_design(EXAMPLE)
    assert [variant.key for variant in plan.variants] == ["control", "mens", "womens"]
    assert plan.primary_key == "visit"
    assert [metric.key for metric in plan.described_metrics()] == ["visit", "conversion", "spend"]
    assert sum(plan.weights.values()) == pytest.approx(1)


def test_every_key_of_the_design_page_is_known():
    plan = parse_design(
        design(
            hypothesis="…",
            variants=[HALVES[0], {**HALVES[1], "treatment": {"offer_policy": "win_back"}}],
            coverage=0.5,
            rule="hybrid",
            planned_matured_customers=20_000,
            minimum_days=7,
            primary="repeat_purchase_d30",
            guardrails=[{"measure": "revenue", "margin_relative": -0.02}],
            seed="2024",
            layer={"name": "home", "range": [0.0, 0.5]},
            schedule=[{"from": "2024-05-01", "coverage": 0.1}],
            targeting={"tier": ["gold"]},
            forced={"tester-1": "offer"},
        )
    )
    assert plan.alpha == 0.05
    assert plan.variants[1].treatment == Treatment(offer_policy="win_back")
    assert [metric.key for metric in plan.described_metrics()] == ["visit", "repeat_purchase_d30", "revenue"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"variants": [{"key": "a", "weight": 1.0}, {"key": "b", "weight": 0}]},
            "a weight of 0 is not above 0",
        ),
        ({"variants": [{"key": "a", "weight": 0.5}, {"key": "b", "weight": 0.4}]}, "the weights sum to 0.9"),
        ({"variants": [{"key": "a", "weight": 0.7}, {"key": "b", "weight": 0.4}]}, "the weights sum to 1.1"),
        (
            {"variants": [{"key": "a", "weight": 0.5}, {"key": "a", "weight": 0.5}]},
            "'a' occurs more than once",
        ),
        ({"variants": [{"key": "a", "weight": 1.0}]}, "at least one other"),
        ({"variants": [{"key": 'a"b', "weight": 0.5}, HALVES[1]]}, "variants.1.key: 'a\"b' is no plain name"),
        ({"variants": [{"key": "<b>", "weight": 0.5}, HALVES[1]]}, "no plain name"),
        ({"key": "it's"}, 'key: "it\'s" is no plain name'),
        ({"key": " padded "}, "no plain name"),
        ({"metrics": [VISIT, VISIT]}, "the metric 'visit' occurs more than once"),
        ({"metrics": [{"key": "r", "kind": "ratio"}]}, "a ratio needs a denominator"),
        ({"metrics": [{**VISIT, "denominator": "sessions"}]}, "only a ratio has one"),
        ({"metrics": [{**VISIT, "winsorise_at": 0.99}]}, "winsorise_at is for kind mean"),
        ({"metrics": [{**VISIT, "kind": "retention", "column": "x"}]}, "has no column"),
        ({"metrics": [{**VISIT, "kind": "median"}]}, "metrics.1.kind"),
        ({"primary": "moon_phase"}, "'moon_phase' is neither one of [[metrics]]"),
        ({"guardrails": [{"measure": "nps", "margin_relative": -0.1}]}, "'nps' is neither"),
        ({"rule": "hybrid"}, "needs planned_matured_customers"),
        ({"rule": "sequence"}, "needs planned_matured_customers"),
        ({"alpha": 0}, "alpha"),
        ({"alpha": float("nan")}, "alpha"),
        ({"coverage": 1.5}, "coverage"),
        ({"forced": {"tester": "unknown"}}, "forced names the variant 'unknown'"),
        ({"covrage": 1}, "covrage"),
        ({"coverage": 0}, "coverage"),
        ({"seed": ""}, "seed"),
        ({"targeting": {"tier": []}}, "targeting.tier"),
        ({"layer": {"name": "home", "range": [0.5, 0.5]}}, "range needs two rising numbers"),
        ({"layer": {"name": "home", "range": [0, 1.1]}}, "range needs two rising numbers"),
        ({"schedule": [STEP, {**STEP, "coverage": 0.2}]}, "days must rise"),
        ({"schedule": [STEP, {"from": "2024-05-02", "coverage": 0.05}]}, "the coverage may not fall"),
        ({"schedule": [STEP], "coverage": 0.05}, "schedule goes up to 0.1, beyond the coverage 0.05"),
        ({"schedule": [{**STEP, "until": "2024-06-01"}]}, "schedule.1.until"),
        ({"variants": treated(offer_policy='it"s')}, "variants.2.treatment.offer_policy"),
        ({"variants": treated(price=1)}, "variants.2.treatment.price"),
        ({"variants": treated(rerank={})}, "it changes nothing"),
        ({"variants": treated(rerank={"max_per_category": 0})}, "max_per_category"),
        ({"variants": treated(rerank={"boost_categories": {"tea": 0}})}, "boost_categories.tea"),
        ({"variants": treated(rerank={"boost_categories": {"tea": 101}})}, "boost_categories.tea"),
        ({"variants": treated(rerank={"boost_categories": {"tea": float("inf")}})}, "boost_categories.tea"),
        (
            {"variants": treated(rerank={"boost_categories": {"tea": 2}, "bury_categories": ["tea"]})},
            "the category 'tea' is both boosted and buried",
        ),
    ],
)
def test_what_is_wrong_is_named(change, words):
    with pytest.raises(DataError) as caught:
        parse_design(design(**change))
    assert words in caught.value.message
    assert caught.value.remedy


def test_a_design_is_written_in_one_way_and_read_back():
    one = parse_design(design(schedule=[STEP], targeting={"tier": ["gold"]}, hypothesis='回头 "quoted"'))
    other = parse_design(dict(reversed(design(**json.loads(one.to_json())).items())))
    assert one.to_json() == other.to_json()
    assert read_design(one.to_json()) == one
    assert json.loads(one.to_json())["schedule"] == [STEP]


def test_a_stored_design_that_newer_rules_refuse_is_stated():
    with pytest.raises(DataError, match=r"The stored design, coverage: "):
        read_design(json.dumps(design(coverage=2)))


def test_weights_may_miss_one_by_a_hundredth():
    thirds = [{"key": key, "weight": 0.3333} for key in "abc"]
    assert parse_design(design(variants=thirds)).weights == pytest.approx(
        {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}
    )


def test_names_may_be_chinese():
    plan = parse_design(design(key="唤回", variants=[{**HALVES[0], "key": "对照组"}, HALVES[1]]))
    assert list(plan.weights) == ["对照组", "offer"]


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.toml does not exist"):
        load_design(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("key = ", encoding="utf-8")
    with pytest.raises(DataError, match=r"broken\.toml cannot be read"):
        load_design(broken)
    broken.write_text('key = "a"', encoding="utf-8")
    with pytest.raises(DataError, match=r"broken\.toml, variants: Field required"):
        load_design(broken)


def test_the_window_comes_from_days_or_the_key():
    assert Metric(key="repeat_purchase_d7", kind="retention").window_days == 7
    assert Metric(key="d90", kind="retention").window_days == 90
    assert Metric(key="came_back", kind="retention").window_days == 30
    assert Metric(key="repeat_purchase_d7", kind="retention", days=14).window_days == 14


def test_an_order_log_answers_measures_without_description():
    metric = order_log_metric("revenue_d60")
    assert (metric.kind, metric.value_column, metric.window_days) == ("mean", "amount", 60)
    assert order_log_metric("visit") is None
