"""The registry of measures: every entry is whole, and keys with a window are understood."""

import subprocess
import sys

import pytest

from experiments.analysis.shop_data import NUMBERS
from experiments.design import order_log_metric
from features.measures.outcomes import OUTCOME_MEASURES
from features.measures.registry import MEASURES, shown_name, windowed


@pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda measure: measure.key)
def test_every_measure_is_whole(measure):
    assert MEASURES[measure.key] is measure
    for words in (measure.name, measure.description):
        assert words.en
        # In Chinese, with Chinese characters.
        assert any("\u4e00" <= letter <= "\u9fff" for letter in words.zh)


@pytest.mark.parametrize("measure", OUTCOME_MEASURES, ids=lambda measure: measure.key)
def test_measures_of_experiments_are_made_of_numbers_that_exist(measure):
    assert {measure.numerator, measure.denominator or measure.numerator} <= set(NUMBERS)
    assert (measure.denominator is not None) == (measure.kind in ("ratio", "return"))
    metric = order_log_metric(f"{measure.key}_d14")
    assert (metric is None) == (measure.kind == "return")
    if metric is not None:
        assert (metric.window_days, metric.kind) == (14, measure.kind)
        assert metric.winsorise_at == measure.winsorise_at


def test_keys_with_a_window():
    repeat = MEASURES["repeat_purchase"]
    assert windowed("repeat_purchase_d90") == (repeat, 90)
    assert windowed("repeat_purchase") == (repeat, 30)
    assert windowed("repeat_purchase_d0") is windowed("d30") is windowed("visits_d30") is None
    assert shown_name("repeat_purchase_d90").en == "90-day repeat purchase"
    assert shown_name("repeat_purchase_d90").zh == "90 天复购率"
    assert shown_name("visits_d30") is None


def test_the_registry_needs_the_standard_library_only():
    script = (
        "import sys, features.measures.registry as _; print(sorted({'numpy', 'pydantic'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"
