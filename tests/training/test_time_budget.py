"""A time budget leaves things out between models and windows, and says what."""

from datetime import date, timedelta

import pytest

from features.tables.duckdb_engine import open_lake
from features.tables.lake import Lake
from training.models.registry import default_spec
from training.purchases import read_purchases
from training.study import Budget, Limits, Protocol, judge_earlier

CUTS = [date(2024, 6, 5), date(2024, 5, 8)]
NAMES = ("popularity_28d", "personal_frequency", "item_knn", "rp3beta")


@pytest.fixture(scope="module")
def log(synthetic_lake):
    settings, _ = synthetic_lake
    with open_lake(Lake(settings.lake)) as engine:
        return read_purchases(engine, CUTS[0] + timedelta(days=28))


def judge_within(log, minutes, seconds_a_look):
    """Judge with a clock that moves on by some seconds each time it is looked at."""
    now, notes = [0.0], []

    def clock():
        now[0] += seconds_a_look
        return now[0]

    limits = Limits(Budget(minutes, clock), notes.append, lambda text: None)
    specs = {name: default_spec(name, 7) for name in NAMES}
    return judge_earlier(log, CUTS, specs, Protocol(28, 5, 1), limits), notes


def test_without_a_limit_everything_is_judged(log):
    judged, notes = judge_within(log, None, 1000.0)
    assert [one.window.cut for one in judged] == CUTS
    assert [list(one.models) for one in judged] == [list(NAMES)] * 2
    assert notes == []


def test_models_not_begun_in_a_third_are_left_out_but_never_the_baselines(log):
    judged, notes = judge_within(log, 1, 100.0)
    assert [list(one.models) for one in judged] == [["popularity_28d", "personal_frequency"]]
    assert notes[:2] == [f"{name} is left out: a third of the time budget is used up." for name in NAMES[2:]]
    assert "window from 2024-05-08 is left out" in notes[2]


def test_a_window_is_judged_only_if_the_last_one_will_fit_too(log):
    # The clock is looked at when the window starts, before each of two models that can be left out, and at
    # its end: it took 3 steps of 10 s. At the next look 50 of 130 s are gone, and 80 are less than 3 * 30.
    judged, notes = judge_within(log, 130 / 60, 10.0)
    assert [list(one.models) for one in judged] == [list(NAMES)]
    assert notes == ["The window from 2024-05-08 is left out: the time budget would not allow it."]
