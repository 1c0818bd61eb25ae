"""The synthetic shop holds what its truth says, and nothing else."""

from datetime import date

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.errors import DataError
from features.tables.contracts import CONTRACTS
from features.tables.duckdb_engine import open_lake
from features.tables.lake import Lake
from features.tables.synthetic_shop import write_synthetic_shop


def purchases(settings, truth):
    """Customer, product and day positions of every purchase in the lake."""
    with open_lake(Lake(settings.lake)) as engine:
        rows = engine.query(
            "SELECT customer_id, product_id, date_diff('day', $start, local_at) AS day FROM orders "
            "WHERE quantity > 0 ORDER BY day",
            {"start": truth.start},
        )
    customers = {id_: i for i, id_ in enumerate(truth.customer_ids)}
    products = {id_: i for i, id_ in enumerate(truth.product_ids)}
    customer = np.array([customers[id_] for id_ in rows["customer_id"].to_pylist()])
    product = np.array([products[id_] for id_ in rows["product_id"].to_pylist()])
    return customer, product, rows["day"].to_numpy()


def test_equal_seeds_give_equal_files_and_other_seeds_others(tmp_path):
    size = {"customers": 30, "products": 40, "days": 60}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_synthetic_shop(tmp_path / name, **size, seed=seed)
    for table in CONTRACTS:
        a, b, c = (pq.read_table(tmp_path / name / f"{table}.parquet") for name in "abc")
        assert a.equals(b)
        assert not a.equals(c)


def test_nobody_buys_before_the_first_day_or_after_churning(synthetic_lake):
    settings, truth = synthetic_lake
    customer, _, day = purchases(settings, truth)
    n = len(truth.customer_ids)
    first, last = np.full(n, truth.days), np.full(n, -1)
    np.minimum.at(first, customer, day)
    np.maximum.at(last, customer, day)
    assert (first == truth.first_day).all()
    assert (last < truth.churn_day).all()
    churned = (truth.churn_day < truth.days).sum()
    # 300 draws at 25 %: 75, and four standard deviations (sqrt(300 × .25 × .75) = 7.5) to either side.
    assert 45 <= churned <= 105


def test_staples_come_back_at_their_cadence(synthetic_lake):
    settings, truth = synthetic_lake
    customer, product, day = purchases(settings, truth)
    ratios = []
    for c, p, cadence in zip(
        truth.staple_customer, truth.staple_product, truth.staple_cadence_days, strict=True
    ):
        days = day[(customer == c) & (product == p)]
        if len(days) >= 4:
            ratios.append(np.diff(days).mean() / cadence)
    assert len(ratios) > 500
    # A gap has a standard deviation of 8 % of the cadence, and at least three of them are averaged.
    assert abs(np.mean(ratios) - 1) < 0.01
    assert np.quantile(np.abs(np.array(ratios) - 1), 0.99) < 0.2


def test_what_a_customer_discovers_follows_the_taste(synthetic_lake):
    settings, truth = synthetic_lake
    customer, product, _ = purchases(settings, truth)
    staples = set(zip(truth.staple_customer.tolist(), truth.staple_product.tolist(), strict=True))
    seen = np.zeros_like(truth.taste)
    for c, p in zip(customer.tolist(), product.tolist(), strict=True):
        if (c, p) not in staples:
            seen[c, truth.category_of_product[p]] += 1
    enough = seen.sum(axis=1) >= 20
    share = seen[enough] / seen[enough].sum(axis=1, keepdims=True)
    correlation = np.corrcoef(share.ravel(), truth.taste[enough].ravel())[0, 1]
    assert enough.sum() > 100
    assert correlation > 0.9


def test_cadence_of_a_customer_names_products(synthetic_lake):
    _, truth = synthetic_lake
    cadences = truth.cadence_of(truth.customer_ids[5])
    assert cadences
    assert set(cadences) <= set(truth.product_ids)
    assert all(6 <= days <= 36 for days in cadences.values())
    assert len(truth.staple_customer) == sum(len(truth.cadence_of(id_)) for id_ in truth.customer_ids)


def test_a_return_names_the_order_it_undoes(synthetic_lake):
    settings, _ = synthetic_lake
    with open_lake(Lake(settings.lake)) as engine:
        (row,) = engine.query(
            "SELECT count(*) AS returns, count(o.order_id) AS found, sum(r.amount + o.amount) AS left_over "
            "FROM orders r LEFT JOIN orders o ON o.order_id = r.return_of_order_id "
            "AND o.product_id = r.product_id WHERE r.amount < 0"
        ).to_pylist()
    assert row["returns"] == row["found"] > 100
    assert row["left_over"] == 0


def test_the_smallest_shop_has_an_order(tmp_path):
    truth = write_synthetic_shop(tmp_path, customers=1, products=10, days=28, seed=0, start=date(2025, 2, 1))
    assert pq.read_table(tmp_path / "orders.parquet").num_rows >= 1
    assert truth.start == date(2025, 2, 1)


def test_a_shop_too_small_to_plant_anything_is_refused(tmp_path):
    with pytest.raises(DataError, match="is too small"):
        write_synthetic_shop(tmp_path, customers=0, products=10, days=28, seed=0)
