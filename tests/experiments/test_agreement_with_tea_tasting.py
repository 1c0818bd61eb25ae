"""tea-tasting, an independent implementation, finds the same numbers on the same random customers."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
import tea_tasting as tt

from experiments.analysis.analyze import analyze
from experiments.design import parse_design

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
SHARE = 0.4
METRICS = {
    "visit": ({"kind": "proportion"}, tt.Mean("visit")),
    "orders": ({"kind": "mean"}, tt.Mean("orders")),
    "revenue": ({"kind": "mean", "covariate": "revenue_before"}, tt.Mean("revenue", "revenue_before")),
    "bought": ({"kind": "proportion", "covariate": "orders_before"}, tt.Mean("bought", "orders_before")),
    "order_value": (
        {"kind": "ratio", "column": "revenue", "denominator": "orders"},
        tt.RatioOfMeans("revenue", "orders"),
    ),
    "orders_per_visit": (
        {"kind": "ratio", "column": "orders", "denominator": "visits"},
        tt.RatioOfMeans("orders", "visits"),
    ),
}


def random_customers(seed):
    """Between 60 and 6,000 customers whose habits before exposure explain a part of what they do after it."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 6000))
    habit = rng.gamma(2.0, 0.7, n)
    offered = rng.random(n) < SHARE
    before, orders = rng.poisson(habit), rng.poisson(habit * (1 + 0.3 * offered * rng.random()))
    visits = orders + rng.integers(1, 6, n)
    return {
        "customer_id": np.arange(n).astype(str),
        "variant": np.where(offered, "offer", "control"),
        "visit": (rng.random(n) < 0.2 + 0.05 * offered).astype(int),
        "bought": (orders > 0).astype(int),
        "orders": orders,
        "visits": visits,
        "revenue": orders * rng.lognormal(3, 1, n),
        "orders_before": before,
        "revenue_before": before * rng.lognormal(3, 1, n),
    }


@pytest.mark.parametrize("seed", range(12))
def test_every_kind_of_metric_and_the_sample_ratio(seed):
    columns = random_customers(seed)
    table = pa.table(columns)
    design = parse_design(
        {
            "key": "agreement",
            "rule": "fixed",
            "variants": [{"key": "control", "weight": 1 - SHARE}, {"key": "offer", "weight": SHARE}],
            "metrics": [{"key": key, **metric} for key, (metric, _) in METRICS.items()],
        }
    )
    exposures = table.select(["customer_id", "variant"])
    ours = analyze(design, exposures, table.drop_columns(["variant"]), zone="UTC", now=NOW)
    theirs = tt.Experiment(
        {key: metric for key, (_, metric) in METRICS.items()},
        sample_ratio=tt.SampleRatio(SHARE / (1 - SHARE), method="norm", correction=False),
    ).analyze(table, control="control")

    for result in ours.metrics:
        found, expected = result.variants[0], theirs[result.metric.key]
        estimate = found.estimate
        assert estimate.lift_abs == pytest.approx(expected.effect_size, rel=1e-8, abs=1e-12)
        assert estimate.ci_abs == pytest.approx(
            (expected.effect_size_ci_lower, expected.effect_size_ci_upper), rel=1e-8, abs=1e-12
        )
        assert estimate.p_value == pytest.approx(expected.pvalue, rel=1e-6)
        assert estimate.lift_rel == pytest.approx(expected.rel_effect_size, rel=1e-8, abs=1e-12)
        assert estimate.ci_rel == pytest.approx(
            (expected.rel_effect_size_ci_lower, expected.rel_effect_size_ci_upper), rel=1e-8, abs=1e-12
        )
    assert ours.ratio.p_value == pytest.approx(theirs["sample_ratio"].pvalue, rel=1e-9)
