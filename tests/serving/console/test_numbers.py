"""How numbers are written."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from serving.console.numbers import Numbers

ZH = Numbers("zh", "CNY", ZoneInfo("Asia/Shanghai"))
EN = Numbers("en", "CNY", ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize(
    ("lift", "unit", "zh", "en"),
    [
        (0.024, "share", "+2.40 个百分点", "+2.40 points"),
        (-0.0005, "share", "−0.05 个百分点", "−0.05 points"),
        (1234.5, "money", "+CNY 1,234.50", "+CNY 1,234.50"),
        (-0.6, "money", "−CNY 0.60", "−CNY 0.60"),
        (0.012345, "count", "+0.0123", "+0.0123"),
        (-0.5, "ratio", "−0.5", "−0.5"),
        (None, "share", "—", "—"),
    ],
)
def test_a_lift_has_its_sign_and_its_unit(lift, unit, zh, en):
    assert (ZH.lift(lift, unit), EN.lift(lift, unit)) == (zh, en)


def test_an_interval_says_its_unit_once():
    assert ZH.interval([0.011, 0.037], "share") == "+1.10 至 +3.70 个百分点"
    assert EN.interval([-0.011, 0.037], "share") == "−1.10 to +3.70 points"
    assert EN.interval(None, "money") == "—"
    assert EN.changes([-0.014, 0.042]) == "−1.4% to +4.2%"
    assert EN.changes(None) == "—"


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.30004, "share", "30.00%"),
        (42.5, "money", "CNY 42.50"),
        (0.11, "count", "0.11"),
        (None, "count", "—"),
    ],
)
def test_a_mean_is_shown_in_its_unit(value, unit, shown):
    assert EN.value(value, unit) == shown


@pytest.mark.parametrize(
    ("p", "shown"), [(0.41, "0.41"), (0.0004, "0.0004"), (3e-9, "< 0.0001"), (None, "—")]
)
def test_a_p_value_is_never_shown_as_zero(p, shown):
    assert EN.p(p) == shown


def test_money_that_was_lost_has_its_sign_first():
    assert EN.money(-2967.4, 0) == "−CNY 2,967"
    assert EN.money(0.5) == "CNY 0.50"


def test_levels_and_counts():
    assert [EN.level(level) for level in (0.95, 0.96, 0.999)] == ["95%", "96%", "99.9%"]
    assert EN.count(24_100) == "24,100"
    assert EN.share(0.8304) == "83.0%"


def test_an_instant_is_told_on_the_shops_clock():
    assert EN.moment(datetime(2026, 3, 1, 16, 30, tzinfo=UTC)) == "2026-03-02 00:30"
