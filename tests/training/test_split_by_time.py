"""Purchases read from the lake and cut at a date: who, what, and nothing from later."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from features.errors import NotReadyError
from features.id_map import IdMap
from features.tables.contracts import CONTRACTS
from features.tables.duckdb_engine import DuckDBEngine, open_lake
from features.tables.lake import Lake
from training.purchases import PurchaseLog, day_number, newest_day, read_purchases
from training.split import earlier_cuts, split

CUT = date(2024, 3, 1)


def log_of(*entries):
    """Entries are (customer, product, days after CUT)."""
    customers = IdMap(sorted({c for c, _, _ in entries}))
    products = IdMap(sorted({p for _, p, _ in entries}))
    return PurchaseLog(
        customers,
        products,
        customers.indices([c for c, _, _ in entries]),
        products.indices([p for _, p, _ in entries]),
        np.array([day_number(CUT) + d for _, _, d in entries], np.int32),
    )


def test_targets_are_what_was_bought_in_the_window_of_known_candidates():
    log = log_of(
        ("ann", "tea", -1), ("bob", "tea", -9), ("bob", "jam", -2), ("ann", "jam", -40),
        ("ann", "tea", 0), ("bob", "jam", 27),  # first and last day of the window
        ("bob", "tea", 28),  # after it
        ("bob", "new", 3),  # no candidate: nobody bought it before the cut
        ("cy", "jam", 5),  # a customer without history
    )  # fmt: skip
    window = split(log, CUT, horizon_days=28, minimum_buyers=2)
    assert (window.cut, window.end) == (CUT, date(2024, 3, 29))
    assert window.past.products.ids == ("tea", "jam")  # two recent buyers against one
    assert window.past.customers.ids == ("ann", "bob", "cy")
    assert window.targets.toarray().tolist() == [[True, False], [False, True], [False, True]]
    assert window.past.matrix.toarray().tolist() == [[1, 1], [1, 1], [0, 0]]
    assert sorted(window.past.age_days.tolist()) == [0, 1, 8, 39]


def test_a_candidate_needs_its_buyers_before_the_cut():
    log = log_of(("ann", "tea", -1), ("bob", "tea", -1), ("ann", "jam", -1), ("bob", "jam", 1))
    assert split(log, CUT, 28, minimum_buyers=2).past.products.ids == ("tea",)
    assert split(log, CUT, 28, minimum_buyers=1).past.products.ids == ("tea", "jam")


def test_best_sellers_of_late_come_first_then_of_ever_then_by_id():
    old = [(c, "old", -60) for c in "abc"]
    late = [(c, "late", -3) for c in "ab"]
    log = log_of(*old, *late, ("a", "x2", -60), ("a", "x1", -60))
    assert log.before(CUT).products.ids == ("late", "old", "x1", "x2")


def test_later_rows_change_nothing_before_the_cut():
    early = [("ann", "tea", -1), ("bob", "jam", -9), ("bob", "tea", -30)]
    late = [("aaa", "tea", 0), ("bob", "aaa", 2), ("ann", "jam", 9)]
    one, other = log_of(*early).before(CUT), log_of(*early, *late).before(CUT)
    assert one.customers == other.customers
    assert one.products == other.products
    for key in ("customer", "product", "age_days", "weight"):
        np.testing.assert_array_equal(getattr(one, key), getattr(other, key))


def test_too_little_history_is_said():
    log = log_of(("ann", "tea", 0))
    with pytest.raises(NotReadyError, match="no purchase before 2024-03-01"):
        log.before(CUT)
    with pytest.raises(NotReadyError, match=r"No product has 2 buyers.*minimum_buyers"):
        log_of(("ann", "tea", -1)).before(CUT, minimum_buyers=2)


def test_earlier_windows_end_where_the_next_begins_and_have_history():
    assert earlier_cuts(CUT, 28, 2, date(2023, 1, 1)) == [date(2024, 2, 2), date(2024, 1, 5)]
    # The second would have 27 days of history only.
    assert earlier_cuts(CUT, 28, 2, date(2023, 12, 9)) == [date(2024, 2, 2)]
    assert earlier_cuts(CUT, 28, 2, date(2024, 2, 1)) == []


def lake_of(orders, customers=()):
    """An engine over order lines (customer, product, local_at, amount) and (customer, consent)."""
    engine = DuckDBEngine(threads=1)
    types = dict(CONTRACTS["orders"].lake_columns)
    rows = ", ".join(f"('{c}', '{p}', TIMESTAMP '{at}', {amount})" for c, p, at, amount in orders)
    engine.execute(
        f"CREATE TABLE orders AS SELECT customer_id, product_id, local_at, "
        f"CAST(amount AS {types['amount']}) AS amount "
        f"FROM (VALUES {rows}) AS t(customer_id, product_id, local_at, amount)"
    )
    engine.register(
        "customers",
        pa.table(
            {
                "customer_id": pa.array([c for c, _ in customers], pa.string()),
                "consent_personalization": pa.array([consent for _, consent in customers], pa.bool_()),
                "consent_marketing": pa.array([None for _ in customers], pa.bool_()),
            }
        ),
    )
    return engine


def test_a_purchase_is_a_customer_a_product_and_a_day_with_money_paid():
    engine = lake_of(
        [
            ("ann", "tea", "2024-02-01 09:00", 2),
            ("ann", "tea", "2024-02-01 18:00", 2),  # the same day: one entry
            ("ann", "tea", "2024-02-02 00:00", 2),
            ("ann", "jam", "2024-02-01 09:00", 3),
            ("ann", "jam", "2024-02-01 10:00", -3),  # given back on the day
            ("ann", "egg", "2024-02-01 09:00", 3),
            ("ann", "egg", "2024-02-05 10:00", -3),  # given back later: the interest was there
            ("ann", "gum", "2024-02-01 09:00", 0),  # free
            ("bob", "tea", "2024-02-29 23:59", 2),
            ("bob", "jam", "2024-03-01 00:00", 2),  # the first day that does not count
        ]
    )
    log = read_purchases(engine, CUT)
    found = {
        (log.customers.ids[c], log.products.ids[p], int(d) - day_number(CUT))
        for c, p, d in zip(log.customer, log.product, log.day, strict=True)
    }
    assert found == {("ann", "tea", -29), ("ann", "tea", -28), ("ann", "egg", -29), ("bob", "tea", -1)}
    assert len(log.day) == 4
    assert log.first_day == date(2024, 2, 1)
    assert newest_day(engine) == CUT


def test_an_empty_lake_is_said(tmp_path):
    with open_lake(Lake(tmp_path)) as engine:
        with pytest.raises(NotReadyError, match="no purchase before"):
            read_purchases(engine, CUT)
        with pytest.raises(NotReadyError, match=r"no orders.*huitou ingest"):
            newest_day(engine)
