"""The offer catalogue: what it accepts, how it explains what it refuses, and what it chooses."""

from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from features.columns import LIFECYCLES, SEGMENTS, TIERS
from features.errors import DataError
from features.loyalty.offers import (
    CustomerFacts,
    OfferCatalogue,
    choose_offers,
    is_eligible,
    load_offers,
)

EXAMPLE = Path(__file__).parents[3] / "examples" / "offers" / "grocery.toml"
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2024, 3, 1, 9, 30, tzinfo=SHANGHAI)
GOLD = CustomerFacts(tier="gold", segment="champions", lifecycle="active", days_since_last_order=3)

GOOD = """
[[offers]]
id = "gold"
name = {zh = "金卡", en = "Gold"}
priority = 5
valid_for_days = 2
when = {tiers = ["gold"]}
benefit = {type = "percent_off", percent = 10}
reason = {zh = "因为您是{tier}会员", en = "Because you are a {tier} member"}
"""


def catalogue(tmp_path, text=GOOD):
    path = tmp_path / "offers.toml"
    path.write_text(text, encoding="utf-8")
    return load_offers(path)


def offer(**changes):
    """One offer as a dictionary, for catalogues built without a file."""
    plain = {
        "id": "plain",
        "name": {"zh": "券", "en": "Voucher"},
        "valid_for_days": 7,
        "benefit": {"type": "free_shipping"},
        "reason": {"zh": "人人有份", "en": "For everyone"},
    }
    return {**plain, **changes}


def chosen_ids(offers, facts=GOLD, now=NOW, **options):
    found = choose_offers(OfferCatalogue.model_validate({"offers": offers}), facts, now, "en", **options)
    return [one.offer_id for one in found]


def test_an_offer_says_what_why_and_until_when(tmp_path):
    (chinese,) = choose_offers(catalogue(tmp_path), GOLD, NOW, "zh")
    (english,) = choose_offers(catalogue(tmp_path), GOLD, NOW, "en")
    assert (chinese.name, english.name) == ("金卡", "Gold")
    assert chinese.reason == {"code": "tier", "text": "因为您是金卡会员"}
    assert english.reason == {"code": "tier", "text": "Because you are a gold member"}
    assert english.benefit == {"type": "percent_off", "percent": 10.0, "minimum_spend": 0.0}
    assert english.expires_at == datetime(2024, 3, 3, 23, 59, 59, tzinfo=SHANGHAI)


def test_an_answer_later_the_same_day_is_the_same(tmp_path):
    evening = NOW + timedelta(hours=12)
    assert choose_offers(catalogue(tmp_path), GOLD, NOW, "en") == choose_offers(
        catalogue(tmp_path), GOLD, evening, "en"
    )


def test_the_catalogue_survives_a_release():
    offers = load_offers(EXAMPLE)
    assert OfferCatalogue.model_validate_json(offers.model_dump_json()) == offers


def test_highest_priority_first_then_by_id():
    offers = [offer(id=id_, priority=priority) for id_, priority in (("b", 1), ("d", 9), ("a", 1), ("c", -2))]
    assert chosen_ids(offers) == ["d", "a", "b"]
    assert chosen_ids(offers, limit=4) == ["d", "a", "b", "c"]
    assert chosen_ids(offers, limit=0) == []


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({}, True),
        ({"tiers": ["gold", "platinum"]}, True),
        ({"tiers": ["platinum"]}, False),
        ({"segments": ["champions"], "lifecycles": ["active"]}, True),
        ({"segments": ["champions"], "lifecycles": ["churned"]}, False),
        ({"segments": ["loyal"]}, False),
        ({"days_since_last_order_min": 3}, True),
        ({"days_since_last_order_min": 4}, False),
        ({"days_since_last_order_max": 3}, True),
        ({"days_since_last_order_max": 2}, False),
    ],
)
def test_every_stated_condition_must_hold(when, fits):
    assert chosen_ids([offer(when=when)]) == (["plain"] if fits else [])


def test_a_customer_without_orders_meets_no_condition_on_days_or_segment():
    nobody = CustomerFacts(tier="bronze", segment=None, lifecycle="new", days_since_last_order=None)
    offers = [
        offer(id="days", when={"days_since_last_order_max": 900}),
        offer(id="segment", when={"segments": list(SEGMENTS)}),
        offer(id="new", when={"lifecycles": ["new"]}),
    ]
    assert chosen_ids(offers, nobody) == ["new"]


def test_validity_counts_local_days_both_ends_included():
    offers = [offer(**{"from": "2024-03-01", "until": "2024-03-02"})]
    midnight = datetime(2024, 3, 1, tzinfo=SHANGHAI)
    moments = [midnight - timedelta(seconds=1), midnight, midnight + timedelta(hours=47, minutes=59)]
    assert [bool(chosen_ids(offers, now=moment)) for moment in moments] == [False, True, True]
    assert chosen_ids(offers, now=midnight + timedelta(days=2)) == []


def test_an_offer_ends_at_the_earlier_of_its_two_ends():
    offers = OfferCatalogue.model_validate({"offers": [offer(until="2024-03-04", valid_for_days=30)]})
    (found,) = choose_offers(offers, GOLD, NOW, "en")
    assert found.expires_at.date().isoformat() == "2024-03-04"


def test_reason_codes_name_the_condition():
    whens = [
        {},
        {"days_since_last_order_min": 1},
        {"segments": ["champions"]},
        {"lifecycles": ["active"]},
        {"tiers": ["gold"]},
    ]
    offers = [offer(id=f"o{n}", when=when) for n, when in enumerate(whens)]
    found = choose_offers(OfferCatalogue.model_validate({"offers": offers}), GOLD, NOW, "en", limit=9)
    assert [one.reason["code"] for one in found] == [
        "everyone",
        "days_since_last_order",
        "segment",
        "lifecycle",
        "tier",
    ]


@pytest.mark.parametrize(
    ("policy", "shown"),
    [(None, ["plain"]), ("win_back", ["back", "plain"]), ("other", ["plain"]), ("none", [])],
)
def test_a_policy_adds_its_own_offers_and_none_takes_all(policy, shown):
    offers = [offer(), offer(id="back", priority=9, policies=["win_back", "vip"])]
    assert chosen_ids(offers, policy=policy) == shown


def test_withheld_offers_make_room_for_others():
    offers = [offer(id=id_, priority=priority) for id_, priority in (("a", 3), ("b", 2), ("c", 1))]
    assert chosen_ids(offers, limit=2, withheld={"a"}) == ["b", "c"]


@pytest.mark.parametrize(
    ("caps", "capped"),
    [({}, False), ({"claims_max": 5}, True), ({"claims_per_customer_max": 1}, True)],
)
def test_an_offer_with_a_maximum_of_claims_is_capped(caps, capped):
    offers = OfferCatalogue.model_validate({"offers": [offer(**caps)]})
    assert offers.offer("plain").capped is capped
    assert offers.offer("unknown") is None


def test_who_may_have_an_offer_may_be_asked_for_one_alone():
    (own,) = OfferCatalogue.model_validate(
        {"offers": [offer(policies=["win_back"], until="2024-03-01")]}
    ).offers
    assert is_eligible(own, GOLD, NOW, "win_back")
    assert not is_eligible(own, GOLD, NOW)
    assert not is_eligible(own, GOLD, NOW, "none")
    assert not is_eligible(own, GOLD, NOW + timedelta(days=1), "win_back")


def test_the_example_wins_back_under_its_policy_only():
    silent = CustomerFacts(tier="bronze", segment=None, lifecycle="churned", days_since_last_order=90)
    offers = load_offers(EXAMPLE)
    ids = {
        policy: [one.offer_id for one in choose_offers(offers, silent, NOW, "en", policy=policy)]
        for policy in (None, "win_back")
    }
    assert ids[None][0] == "win-back"
    assert ids["win_back"][:2] == ["welcome-back-20", "win-back"]


def test_days_fill_the_reason():
    told = offer(
        when={"days_since_last_order_min": 1},
        reason={"zh": "{days_since_last_order} 天", "en": "{days_since_last_order} days"},
    )
    offers = OfferCatalogue.model_validate({"offers": [told]})
    assert choose_offers(offers, GOLD, NOW, "zh-CN")[0].reason["text"] == "3 天"


def test_a_gift_speaks_the_language():
    gift = offer(benefit={"type": "gift", "gift": {"zh": "咖啡", "en": "coffee"}})
    offers = OfferCatalogue.model_validate({"offers": [gift]})
    assert choose_offers(offers, GOLD, NOW, "zh")[0].benefit == {"type": "gift", "gift": "咖啡"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('tiers = ["gold"]', 'tiers = ["gild"]', ["'gold'", "when.tiers", "bronze"]),
        ('tiers = ["gold"]', 'tier = ["gold"]', ["'gold'", "when.tier", "spelling"]),
        ("priority = 5", "prority = 5", ["'gold'", "prority", "spelling"]),
        ("percent = 10", "percent = 110", ["benefit", "percent", "100"]),
        ("percent = 10", "percent = nan", ["benefit", "percent"]),
        ('"percent_off"', '"percent_of"', ["benefit", "percent_off", "free_shipping"]),
        ("valid_for_days = 2", "", ["'gold'", "until", "valid_for_days"]),
        ("valid_for_days = 2", "from = 2024-02-01\nuntil = 2024-01-01", ["2024-01-01 lies before"]),
        ("valid_for_days = 2", "valid_for_days = 999999", ["valid_for_days", "3660"]),
        ('zh = "金卡", ', "", ["name.zh", "Add the field"]),
        ("{tier} member", "{teir} member", ["{teir}", "{tier}"]),
        ("{tier} member", "{tier member", ["'gold'", "reason"]),
        ("{tier} member", "{tier.real} member", ["{tier.real}"]),
        ("{tier} member", "{tier:>9999999999} member", ["'gold'", "reason"]),
        ("{tier} member", "{days_since_last_order} day member", ["days_since_last_order"]),
        ('id = "gold"', "", ["offer number 1", "id"]),
        ('id = "gold"', 'id = "Gold Week"', ["'Gold Week'", "field id"]),
        (
            'tiers = ["gold"]',
            "days_since_last_order_min = 9, days_since_last_order_max = 3",
            ["days_since_last_order_max lies before"],
        ),
        ("[[offers]]", "[[offer]]", ["field offer", "spelling"]),
        ("[[offers]]", "[[offers", ["valid TOML"]),
        (GOOD, GOOD + GOOD, ["'gold'", "more than once"]),
        ("priority = 5", "claims_max = 0", ["'gold'", "claims_max", "1"]),
        ("priority = 5", "claims_per_customer_max = 0", ["'gold'", "claims_per_customer_max"]),
        ("priority = 5", 'policies = ["none"]', ["'gold'", "policies.0", "'none'", "no offers"]),
        ("priority = 5", 'policies = [""]', ["policies.0", "''"]),
        ("priority = 5", 'policies = "win_back"', ["'gold'", "policies"]),
        (GOOD, "offers = 3", ["field offers"]),
        (GOOD, "offers = [3]", ["offer number 1"]),
    ],
)
def test_a_wrong_catalogue_names_file_offer_field_and_remedy(tmp_path, old, new, words):
    assert old in GOOD
    with pytest.raises(DataError) as failure:
        catalogue(tmp_path, GOOD.replace(old, new))
    message = str(failure.value)
    assert failure.value.remedy
    for word in ("offers.toml", *words):
        assert word in message


def test_a_missing_catalogue_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.toml does not exist"):
        load_offers(tmp_path / "nowhere.toml")


def test_an_unknown_tier_is_no_fact():
    with pytest.raises(ValidationError):
        CustomerFacts(tier="diamond", segment=None, lifecycle="new", days_since_last_order=None)


@pytest.mark.parametrize(
    "today", [datetime(2018, 1, 1, tzinfo=SHANGHAI), datetime(2031, 7, 9, tzinfo=SHANGHAI)]
)
def test_the_example_has_offers_for_everyone_on_any_day(today):
    offers = load_offers(EXAMPLE)
    for tier, segment, lifecycle in product(TIERS, (*SEGMENTS, None), LIFECYCLES):
        days = {"new": None, "active": 5, "lapsing": 40, "churned": 200}[lifecycle]
        facts = CustomerFacts(tier=tier, segment=segment, lifecycle=lifecycle, days_since_last_order=days)
        found = choose_offers(offers, facts, today, "zh")
        assert len(found) >= 2
        assert len({one.offer_id for one in found}) == len(found)
        assert all(one.expires_at > today and "{" not in one.reason["text"] for one in found)
