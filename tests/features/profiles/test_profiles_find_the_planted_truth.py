"""The whole way from an ingested shop: do the profiles find what was planted in it?"""

from datetime import timedelta

import numpy as np
import pytest

from features.profiles.build import build_profiles
from features.tables.duckdb_engine import open_lake
from features.tables.lake import Lake


@pytest.fixture(scope="module")
def found(synthetic_lake):
    settings, truth = synthetic_lake
    with open_lake(Lake(settings.lake)) as engine:
        profiles = build_profiles(engine, truth.start + timedelta(days=truth.days), settings)
        (lines,) = engine.query("SELECT SUM(amount) AS spend FROM orders")["spend"].to_pylist()
    return profiles, truth, settings, lines


def test_every_cent_belongs_to_a_customer(found):
    profiles, truth, _, lines = found
    assert profiles.customers["customer_id"].to_pylist() == sorted(truth.customer_ids)
    assert round(sum(profiles.customers["spend"].to_pylist()), 2) == round(float(lines), 2)


def test_who_left_has_churned_and_who_stays_has_not(found):
    profiles, truth, settings, _ = found
    lifecycle = np.array(profiles.customers["lifecycle"].to_pylist())
    long_gone = truth.churn_day <= truth.days - settings.profiles.churned_after_days - 1
    stays = truth.churn_day == truth.days
    assert long_gone.sum() > 10
    assert (lifecycle[long_gone] == "churned").all()
    # The slowest planted cadence is 36 days, far from the 84 of churn.
    assert not (lifecycle[stays] == "churned").any()


def test_the_strongest_affinity_is_a_favoured_category(found):
    profiles, truth, _, _ = found
    hits = []
    for row, taste in zip(profiles.customers["affinities"].to_pylist(), truth.taste, strict=True):
        favourites = {truth.categories[i] for i in np.argsort(taste)[-3:]}
        hits.append(row[0]["category"] in favourites)
    # By chance 3 of 10 categories.
    assert np.mean(hits) > 0.7


def test_gaps_of_staples_are_the_planted_cadences(found):
    profiles, truth, _, _ = found
    gap = {
        (row["customer_id"], row["product_id"]): row["gap_days"]
        for row in profiles.due.to_pylist()
        if row["purchase_days"] >= 6
    }
    planted = {
        (truth.customer_ids[c], truth.product_ids[p]): cadence
        for c, p, cadence in zip(
            truth.staple_customer, truth.staple_product, truth.staple_cadence_days, strict=True
        )
    }
    both = [(gap[pair], planted[pair]) for pair in gap if pair in planted]
    assert len(both) > 100
    observed, true = np.array(both).T
    assert np.median(np.abs(observed - true) / true) < 0.2
    assert np.corrcoef(observed, true)[0, 1] > 0.9
