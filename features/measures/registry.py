"""The one registry of measures: whatever a report, a page or a design names is found here.

Some are of experiments (`EXPERIMENT_MEASURES`, in windows after exposure), some of the whole shop
(`SHOP_MEASURES`, in windows before the report's day), some of both.

from features.measures.registry import MEASURES, windowed
MEASURES["repeat_purchase"].name.zh      # 复购率
windowed("repeat_purchase_d90")          # (the measure, 90)
"""

import re

from features.measures.measure import Measure, Words
from features.measures.outcomes import OUTCOME_MEASURES
from features.measures.purchases import PURCHASE_MEASURES
from features.measures.satisfaction import SATISFACTION_MEASURES
from features.measures.spending import SPENDING_MEASURES
from features.measures.visits import VISIT_MEASURES

EXPERIMENT_MEASURES: dict[str, Measure] = {measure.key: measure for measure in OUTCOME_MEASURES}
MEASURES: dict[str, Measure] = EXPERIMENT_MEASURES | {
    measure.key: measure
    for measure in (*PURCHASE_MEASURES, *VISIT_MEASURES, *SATISFACTION_MEASURES, *SPENDING_MEASURES)
}
SHOP_MEASURES: dict[str, Measure] = {
    key: measure for key, measure in MEASURES.items() if measure.people is not None
}
WINDOW_IN_KEY = re.compile(r"(?:^|_)d(\d{1,3})$")


def windowed(key: str) -> tuple[Measure, int] | None:
    """An experiment's measure of a key such as `orders_d7`, and its days; None where there is none.

    `orders` alone has the measure's own window. Measures without a window are none.
    """
    written = WINDOW_IN_KEY.search(key)
    measure = EXPERIMENT_MEASURES.get(WINDOW_IN_KEY.sub("", key))
    if measure is None or measure.window_days is None:
        return None
    days = int(written[1]) if written else measure.window_days
    return (measure, days) if days else None


def shown_name(key: str) -> Words | None:
    """What a page calls a windowed measure ("30-day repeat purchase"); None where there is no such one."""
    found = windowed(key)
    if found is None:
        return None
    measure, days = found
    name = measure.name.en
    return Words(f"{days}-day {name[0].lower()}{name[1:]}", f"{days} 天{measure.name.zh}")
