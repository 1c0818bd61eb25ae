"""Each reason is true of the customer it is given to, and said in both languages."""

import numpy as np
import pytest

from features.release.format import HISTORY_DTYPE
from features.release.read import open_release
from features.release.write import write_release
from serving.candidate_sources import Candidate
from serving.reasons import TEXTS, ReasonWriter
from tests.support.releases import CUSTOMERS, small_contents

# (product, purchase days, days since the last one, usual gap, due score) of ada, the first customer
BOUGHT = [
    (0, 6, 8, 9, 0.7),
    (1, 3, 2, 9, 0.2),  # too early: 2 of 9 days
    (2, 4, 60, 9, 0.0),  # given up: more than three gaps
    (3, 1, 5, 0, 0.0),  # bought once, so no gap
]


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    history = np.array(BOUGHT, dtype=HISTORY_DTYPE)
    offsets = np.array([0] + [len(BOUGHT)] * len(CUSTOMERS), dtype=np.int64)
    folder = write_release(
        tmp_path_factory.mktemp("releases"), small_contents(history=history, history_offsets=offsets)
    )
    return open_release(folder)


def reason(release, product: int, source: str, locale: str = "en", *, because=(), customer=0):
    profile = {"affinities": [{"category": "fruit", "share": 1.0, "purchases": 3}]}
    return ReasonWriter(release, customer, profile, locale).reason(Candidate(product, 1.0, source, because))


@pytest.mark.parametrize(
    ("product", "code", "english", "chinese"),
    [
        (
            0,
            "due_again",
            "You buy this about every 9 days; last time was 8 days ago",
            "您大约每 9 天买一次，上次是 8 天前",
        ),
        (1, "bought_before", "Bought 3 times, last 2 days ago", "您买过 3 次，上次是 2 天前"),
        (2, "bought_before", "Bought 4 times, last 60 days ago", "您买过 4 次，上次是 60 天前"),
        (3, "bought_before", "You bought this 5 days ago", "您在 5 天前买过"),
    ],
)  # fmt: skip
def test_what_was_bought_says_how_often_and_when(release, product, code, english, chinese):
    for source in ("buy_again", "discover"):
        assert reason(release, product, source) == {"code": code, "text": english, "because_product_ids": []}
    assert reason(release, product, "buy_again", "zh")["text"] == chinese


def test_a_new_product_names_what_was_bought_among_its_neighbours(release):
    # p36 is similar to p37 and p0; ada bought p0, whose name is its id.
    found = reason(release, 36, "discover")
    assert found == {
        "code": "because_you_bought",
        "text": "Because you bought p0",
        "because_product_ids": ["p0"],
    }
    assert reason(release, 36, "discover", "zh")["text"] == "因为您买过p0"
    assert reason(release, 36, "discover", customer=None)["code"] == "similar_customers"


def test_a_new_product_of_a_favourite_category_says_so(release):
    # p10 is fruit (10 % 4 = 2) and similar to p11 and p12, which ada never bought; p8 is tea.
    assert reason(release, 10, "discover")["text"] == "From a category you often buy: fruit"
    assert reason(release, 8, "discover")["code"] == "similar_customers"


def test_recent_activity_and_trending_say_what_they_are(release):
    assert reason(release, 6, "recent_activity", because=(5,)) == {
        "code": "recently_viewed",
        "text": "Because you just looked at Product 5",
        "because_product_ids": ["p5"],
    }
    assert reason(release, 0, "trending")["code"] == "trending"


def test_a_product_bought_too_long_ago_for_the_history_claims_no_numbers(release):
    assert reason(release, 20, "buy_again")["text"] == "You bought this before"


def test_every_text_exists_in_both_languages_with_the_same_values():
    import string

    for chinese, english in TEXTS.values():
        names = [
            {name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (chinese, english)
        ]
        assert names[0] == names[1]
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
