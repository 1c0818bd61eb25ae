"""A return undoes its sale, by the order it names, else last in, first out; no money is lost on the way."""

import random
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.tables.contracts import ORDERS
from features.tables.duckdb_engine import DuckDBEngine
from features.tables.engine import read_sql

START = datetime(2024, 1, 1)  # noqa: DTZ001 (stamps of the lake are UTC without a zone)
END = date(2025, 1, 1)
DECIMAL = pa.decimal128(18, 4)
TYPES = {"TIMESTAMP": pa.timestamp("us"), "DECIMAL(18,4)": DECIMAL, "VARCHAR": pa.string()}
SCHEMA = pa.schema([(name, TYPES[kind]) for name, kind in ORDERS.lake_columns])


@pytest.fixture(scope="module")
def net():
    """`net(lines, as_of)`: the rows of the query over order lines."""
    with DuckDBEngine(threads=1) as engine:

        def run(lines, as_of=END):
            engine.register("orders", pa.Table.from_pylist(lines, schema=SCHEMA))
            return engine.query(read_sql("sales_net_of_returns"), {"as_of": as_of}).to_pylist()

        yield run


def line(order, day, quantity, amount, *, customer="c", product="p", named=None, channel=None):
    at = START + timedelta(days=day)
    return {
        "order_id": order,
        "customer_id": customer,
        "product_id": product,
        "ordered_at": at,
        "local_at": at,
        "quantity": Decimal(quantity),
        "amount": Decimal(amount),
        "channel": channel,
        "return_of_order_id": named,
    }


def undone(rows):
    """(order undone or None, day of that sale, day of the return, units, amount) of each part of a return."""
    parts = [
        (
            row["order_id"],
            (row["local_at"] - START).days,
            (row["returned_at"] - START).days,
            -row["quantity"],
            row["amount"],
        )
        for row in rows
        if row["returned_at"] is not None
    ]
    return sorted(parts, key=lambda part: (part[2], part[0] is None, part[0] or "", part[1]))


def test_a_return_undoes_the_last_sales_first_and_spreads_its_amount_by_units(net):
    rows = net(
        [
            line("a", 1, 2, 10, channel="web"),
            line("b", 2, 3, 15, channel="app"),
            line("r", 3, -4, -18, channel="store"),
        ]
    )
    # All three units of b and one of a's two: 18 × 3/4 and 18 × 1/4.
    assert undone(rows) == [("a", 1, 3, 1, Decimal("-4.5")), ("b", 2, 3, 3, Decimal("-13.5"))]
    # Dated and placed at the sale, so that a sum per order, day or channel is what was kept there.
    assert {(row["order_id"], row["channel"]) for row in rows} == {("a", "web"), ("b", "app")}


def test_an_order_that_is_named_goes_before_last_in_first_out(net):
    rows = net(
        [line("a", 1, 1, 5), line("b", 2, 1, 5), line("r", 3, -1, -5, named="a"), line("s", 4, -1, -5)]
    )
    assert undone(rows) == [("a", 1, 3, 1, -5), ("b", 2, 4, 1, -5)]


def test_a_sale_after_the_return_is_not_undone_by_it(net):
    rows = net([line("r", 1, -1, -5), line("a", 2, 1, 5)])
    assert undone(rows) == [(None, 1, 1, 1, -5)]  # of a sale before the data


def test_a_named_order_that_is_unknown_or_smaller_leaves_the_rest_without_a_sale(net):
    rows = net([line("a", 1, 2, 10), line("r", 2, -1, -5, named="z"), line("s", 3, -3, -15, named="a")])
    assert undone(rows) == [(None, 2, 2, 1, -5), ("a", 1, 3, 2, -10), (None, 3, 3, 1, -5)]


def test_sales_and_returns_of_other_customers_and_products_do_not_mix(net):
    rows = net([line("a", 1, 1, 5, customer="d"), line("b", 1, 1, 5, product="q"), line("r", 2, -1, -5)])
    assert undone(rows) == [(None, 2, 2, 1, -5)]


def test_money_back_without_a_quantity_and_goods_back_without_money_count(net):
    rows = net(
        [line("a", 1, 0, 5), line("r", 2, 0, -5), line("b", 3, 2, 0), line("s", 4, -2, 0), line("f", 5, 0, 0)]
    )
    assert undone(rows) == [("a", 1, 2, 1, -5), ("b", 3, 4, 2, 0)]
    assert [row["order_id"] for row in rows if row["returned_at"] is None] == ["a", "b", "f"]


def test_thirds_of_a_cent_are_not_lost(net):
    sales = [line(order, day, 1, 1) for day, order in enumerate("abc")]
    # The second has more digits than a float.
    for back in (Decimal("-0.01"), Decimal("-98765432109876.5432")):
        rows = net([*sales, line("r", 5, -3, back)])
        assert len(undone(rows)) == 3
        assert sum(amount for *_, amount in undone(rows)) == back


def test_a_return_after_the_as_of_day_has_not_happened_yet(net):
    lines = [line("a", 1, 1, 5), line("r", 3, -1, -5)]
    assert undone(net(lines, date(2024, 1, 4))) == []  # day 3 is 4 January
    assert len(undone(net(lines, date(2024, 1, 5)))) == 1


def canonical(entry):
    return (entry["ordered_at"], is_return(entry), entry["order_id"], units(entry), entry["amount"])


def is_return(entry):
    return entry["amount"] < 0 or (entry["amount"] == 0 and entry["quantity"] < 0)


def units(entry):
    return abs(entry["quantity"]) or Decimal(1)


def by_hand(lines):
    """Units by (instant and customer of the return, order and instant of the sale), from stacks in Python."""
    entries = sorted(lines, key=canonical)
    left = {id(entry): units(entry) for entry in entries}
    stacks, found = defaultdict(list), Counter()

    def pop(entry, stack):
        while left[id(entry)] and stack:
            top = stack[-1]
            took = min(left[id(entry)], left[id(top)])
            left[id(entry)] -= took
            left[id(top)] -= took
            found[entry["ordered_at"], entry["customer_id"], top["order_id"], top["ordered_at"]] += took
            if not left[id(top)]:
                stack.pop()
        found[entry["ordered_at"], entry["customer_id"], None, entry["ordered_at"]] += left[id(entry)]

    def stack_of(entry, order=None):
        return stacks[entry["customer_id"], entry["product_id"], order]

    for entry in entries:
        if not is_return(entry):
            stack_of(entry, entry["order_id"]).append(entry)
    for entry in entries:
        if is_return(entry) and entry["return_of_order_id"]:
            pop(entry, stack_of(entry, entry["return_of_order_id"]))
    for entry in entries:
        if not is_return(entry) and left[id(entry)]:
            stack_of(entry).append(entry)
        elif is_return(entry) and not entry["return_of_order_id"]:
            pop(entry, stack_of(entry))
    return +found


CENTS = st.integers(-2_000, 2_000).map(lambda cents: Decimal(cents) / 100)
LINES = st.lists(
    st.builds(
        line,
        st.sampled_from(["o1", "o2"]),
        st.integers(1, 9),
        st.sampled_from(["1", "2", "3", "0", "0.5", "-1", "-2"]),
        CENTS,
        customer=st.sampled_from(["c", "c", "c", "d"]),
        product=st.sampled_from(["p", "p", "p", "q"]),
        named=st.sampled_from([None, None, "o1", "o2", "o9"]),
    ),
    min_size=4,
    max_size=16,
    unique_by=canonical,
)


@settings(max_examples=60, deadline=None)
@given(lines=LINES, seed=st.integers(0, 99))
def test_it_matches_stacks_kept_by_hand_and_totals_stay(net, lines, seed):
    rows = net(lines)
    matched = Counter()
    for row in rows:
        if row["returned_at"] is not None:
            key = row["returned_at"], row["customer_id"], row["order_id"], row["ordered_at"]
            matched[key] -= row["quantity"]
    assert matched == by_hand(lines)

    # Totals over customers equal totals over lines, to the last digit.
    for customer in ("c", "d"):
        assert sum(row["amount"] for row in rows if row["customer_id"] == customer) == sum(
            entry["amount"] for entry in lines if entry["customer_id"] == customer
        )
    shuffled = random.Random(seed).sample(lines, len(lines))
    assert Counter(map(repr, net(shuffled))) == Counter(map(repr, rows))


@settings(max_examples=25, deadline=None)
@given(
    sales=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 999)), min_size=1, max_size=8),
    seed=st.integers(0, 99),
)
def test_returning_everything_leaves_nothing_of_any_sale(net, sales, seed):
    bought = [line(f"o{i}", i, n, Decimal(n * cents) / 100) for i, (n, cents) in enumerate(sales)]
    back = [
        line(f"r{i}", 50 + i, -n, Decimal(-n * cents) / 100, named=f"o{i}")
        for i, (n, cents) in enumerate(sales)
    ]
    rows = net(random.Random(seed).sample(bought + back, 2 * len(sales)))
    kept = defaultdict(lambda: (0, 0))
    for row in rows:
        quantity, amount = kept[row["order_id"]]
        kept[row["order_id"]] = (quantity + row["quantity"], amount + row["amount"])
    assert set(kept) == {f"o{i}" for i in range(len(sales))}
    assert all(rest == (0, 0) for rest in kept.values())
