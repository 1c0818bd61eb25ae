"""What a page must know of a metric to show it: its name in both languages, its unit, which way is better."""

from typing import Any

from experiments.design import Metric
from features.measures.registry import shown_name, windowed


def lower_is_better(key: str) -> bool:
    """Whether a fall of this metric is a gain; of a shop's own metric, a rise is."""
    found = windowed(key)
    return found is not None and found[0].lower_is_better


def describe(metric: Metric) -> dict[str, Any]:
    """`{name_en, name_zh, unit, lower_is_better}`; a shop's own metric is called by its key."""
    found, name = windowed(metric.key), shown_name(metric.key)
    own = {"proportion": "share", "retention": "share", "ratio": "ratio", "mean": "count"}
    return {
        "name_en": name.en if name else metric.key,
        "name_zh": name.zh if name else metric.key,
        "unit": found[0].unit if found else own[metric.kind],
        "lower_is_better": lower_is_better(metric.key),
    }
