"""What customers will be worth: lifetime value taken apart into what it is made of.

    lifetime value = P(alive) · purchases if alive · value of a purchase · discount factor
    expected purchases = P(alive) · purchases if alive

over a horizon h from the end of the observation. Discounting is continuous at the rate δ = ln(1 + yearly
rate); with E(t) the purchases expected by t, the discounted ones are e^(−δh) E(h) + δ ∫ e^(−δt) E(t) dt, and
the discount factor is what they are of E(h). Value is turnover, in the money of the orders.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.customer_value.gamma_gamma import expected_value
from training.customer_value.maximum_likelihood import Fit
from training.customer_value.registry import purchase_model
from training.customer_value.summary import DAYS_OF_UNIT, CustomerSummary, Floats, PurchaseRows

DAYS_OF_YEAR = 365.25
# E(t) is smooth and concave: eight nodes are exact to about 1e-5 over ten years.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)
VALUE_SEGMENTS = ("high_value", "growth", "steady", "fading")
VALUE_SEGMENT_NAMES = {
    "high_value": {"zh": "高价值", "en": "High value"},
    "growth": {"zh": "成长", "en": "Growth"},
    "steady": {"zh": "平稳", "en": "Steady"},
    "fading": {"zh": "渐远", "en": "Fading"},
}


@dataclass(frozen=True)
class LifetimeValues:
    """One entry per customer, float64[n]; money is NaN where the value of a purchase is not known.

    Attributes:
        p_alive: that the customer has not left, 0..1.
        purchases_if_alive: expected in the horizon if the customer has not left.
        expected_purchases: expected in the horizon.
        expected_value: of one purchase.
        discount_factor: 0..1.
        lifetime_value: in the horizon.
    """

    p_alive: Floats
    purchases_if_alive: Floats
    expected_purchases: Floats
    expected_value: Floats
    discount_factor: Floats
    lifetime_value: Floats


def lifetime_values(
    summary: CustomerSummary, purchases: Fit, value: Fit | None, days: float, yearly_rate: float
) -> LifetimeValues:
    """Predict every customer of a summary.

    Args:
        summary: the customers.
        purchases: a fitted model of the purchase process, in the summary's time unit.
        value: a fitted Gamma-Gamma model; None leaves money unknown.
        days: the horizon.
        yearly_rate: .1 makes money of a year from now worth 1 / 1.1 of today's.
    """
    rows, place = summary.compressed()
    horizon = days / DAYS_OF_UNIT[summary.time_unit]
    model, parameters = purchase_model(purchases.model), purchases.vector
    alive = model.p_alive(parameters, rows)
    if_alive = model.purchases_if_alive(parameters, rows, horizon)
    delta = np.log1p(yearly_rate) * DAYS_OF_UNIT[summary.time_unit] / DAYS_OF_YEAR
    factor = _discount_factor(purchases, rows, horizon, float(delta))
    if value is None or summary.monetary_value is None:
        worth = np.full(len(summary), np.nan)
    else:
        worth = expected_value(value.vector, summary.frequency, summary.monetary_value)
    expected = (alive * if_alive)[place]
    return LifetimeValues(
        p_alive=alive[place],
        purchases_if_alive=if_alive[place],
        expected_purchases=expected,
        expected_value=worth,
        discount_factor=factor[place],
        lifetime_value=expected * worth * factor[place],
    )


def _discount_factor(purchases: Fit, rows: PurchaseRows, horizon: float, delta: float) -> Floats:
    """float64[rows]: discounted purchases of the horizon as a share of the undiscounted ones.

    Args:
        purchases: the fitted model.
        rows: the customers.
        horizon: in time units.
        delta: continuous rate of a time unit.
    """
    model, parameters = purchase_model(purchases.model), purchases.vector
    inner = np.zeros(len(rows))
    for node, weight in zip((NODES + 1) / 2 * horizon, WEIGHTS / 2 * horizon, strict=True):
        inner += weight * np.exp(-delta * node) * model.purchases_if_alive(parameters, rows, float(node))
    whole = model.purchases_if_alive(parameters, rows, horizon)
    factor: Floats = np.exp(-delta * horizon) + delta * inner / whole
    return factor


def value_segments(
    values: LifetimeValues, summary: CustomerSummary, days: float, high_value_share: float
) -> NDArray[np.object_]:
    """The value segment of each customer, one of `VALUE_SEGMENTS`; None where money is unknown.

    1. high_value: lifetime value at or above the quantile 1 − `high_value_share` (ties never split)
    2. fading: P(alive) below ½
    3. growth: lifetime value at or above the median, and a year of it more than all the customer's repeat
       purchases so far: more lies ahead than behind
    4. steady: everyone else

    Args:
        values: of the customers.
        summary: the same customers.
        days: the horizon of the values.
        high_value_share: which share of the customers is high_value.
    """
    worth = values.lifetime_value
    segments = np.full(len(worth), None, dtype=object)
    known = np.isfinite(worth)
    if not known.any():
        return segments
    past = summary.frequency * np.nan_to_num(
        summary.monetary_value if summary.monetary_value is not None else np.zeros(len(worth))
    )
    # The value of a customer of that rank, not one between two: comparisons must hold exactly.
    line = np.quantile(worth[known], 1 - high_value_share, method="higher")
    median = np.quantile(worth[known], 0.5, method="lower")
    chosen = np.select(
        [worth >= line, values.p_alive < 0.5, (worth >= median) & (worth * DAYS_OF_YEAR / days > past)],
        ["high_value", "fading", "growth"],
        default="steady",
    )
    segments[known] = chosen[known]
    return segments
