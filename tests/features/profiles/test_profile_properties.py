"""What must hold for any order lines at all."""

import random
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.profiles.build import build_profiles
from features.tables.engine import read_sql
from tests.support.order_lines import Line, engine_with, profiles_of, settings_with

AS_OF = date(2023, 6, 1)
MIDNIGHT = datetime(2023, 6, 1)  # noqa: DTZ001 - the shop's wall clock
CATEGORIES = {"p0": "food", "p1": "food", "p2": "home"}
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def lines(draw, earliest=-400, latest=-1):
    minutes = st.integers(earliest * 1440, latest * 1440 + 1439)
    cents = st.integers(-2_000, 60_000)
    return Line(
        customer=draw(st.sampled_from(["a", "b", "c", "客"])),
        product=draw(st.sampled_from(["p0", "p1", "p2", "p3"])),
        at=MIDNIGHT + timedelta(minutes=draw(minutes)),
        amount=str(Decimal(draw(cents)) / 100),
        order=draw(st.sampled_from(["", "o1", "o2"])),
        discount=draw(st.sampled_from([None, "0", "0.35", "1.10"])),
    )


def same(left, right):
    return left.customers.equals(right.customers) and left.due.equals(right.due)


@SLOW
@given(st.lists(lines(), max_size=40), st.lists(lines(earliest=0, latest=60), min_size=1, max_size=20))
def test_later_rows_never_change_an_earlier_profile(before, after):
    assert same(
        profiles_of(before, AS_OF, categories=CATEGORIES),
        profiles_of([*after, *before], AS_OF, categories=CATEGORIES),
    )


@SLOW
@given(st.lists(lines(), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_row_order_and_file_split_never_change_a_profile(rows, chance: random.Random):
    shuffled = chance.sample(rows, len(rows))
    cut = chance.randint(0, len(rows))
    with engine_with([shuffled[:cut], shuffled[cut:]], CATEGORIES) as engine:
        parted = build_profiles(engine, AS_OF, settings_with())
    assert same(parted, profiles_of(rows, AS_OF, categories=CATEGORIES))


@SLOW
@given(st.lists(lines(), max_size=60))
def test_totals_over_customers_are_totals_over_lines(rows):
    with engine_with([rows]) as engine:
        profiles = build_profiles(engine, AS_OF, settings_with())
        kept = {key for key, amount in _net(engine).items() if amount > 0}
    spend = sum((Decimal(repr(value)) for value in profiles.customers["spend"].to_pylist()), Decimal(0))
    assert spend == sum((Decimal(row.amount) for row in rows), Decimal(0))
    assert sum(profiles.due["purchase_days"].to_pylist()) == len(kept)
    assert sum(profiles.customers["purchase_days"].to_pylist()) == len({(key[0], key[2]) for key in kept})
    sold = sum((Decimal(row.amount) for row in rows if Decimal(row.amount) > 0), Decimal(0))
    returned = sum(Decimal(repr(value)) for value in profiles.customers["returned_amount"].to_pylist())
    assert spend == sold - returned


@SLOW
@given(st.lists(lines(), max_size=30), lines(), st.integers(0, 30))
def test_a_return_undoes_its_sale(rows, sale, days):
    """Whatever else happened: a sale and the return that names it leave only the return's own trace."""
    price = str(abs(Decimal(sale.amount)) + 1)
    bought = replace(sale, amount=price, order="undone", discount=None)
    back = replace(bought, at=min(sale.at + timedelta(days=days), MIDNIGHT - timedelta(minutes=1)))
    back = replace(back, amount=f"-{price}", order="", returns="undone")
    # Without a line of the customer nobody would know of one who bought nothing else.
    everyone = dict.fromkeys(["a", "b", "c", "客"])
    with_both = profiles_of([*rows, bought, back], AS_OF, None, CATEGORIES, everyone)
    without = profiles_of(rows, AS_OF, None, CATEGORIES, everyone)
    # Of what was sold, kept or not: the price paid for a piece says what it costs even where it went back.
    own = ["returned_amount", "return_share", "discount_share", "price_band_affinities"]
    assert (
        with_both.customers.drop_columns(own).to_pylist() == without.customers.drop_columns(own).to_pylist()
    )
    assert with_both.due.to_pylist() == without.due.to_pylist()


@SLOW
@given(st.lists(lines(), min_size=1, max_size=60))
def test_days_scores_and_shares_stay_in_range(rows):
    profiles = profiles_of(rows, AS_OF, categories=CATEGORIES)
    for row in profiles.customers.to_pylist():
        if row["T"] is not None:
            assert row["T"] == row["recency"] + row["days_since_last_order"]
            assert row["frequency"] == row["purchase_days"] - 1 >= 0
        assert row["due_score"] is None or 0 <= row["due_score"] <= 1
        assert sum(entry["share"] for entry in row["affinities"]) <= 1 + 1e-5
    order = [(row["customer_id"], -row["due_score"], row["product_id"]) for row in profiles.due.to_pylist()]
    assert order == sorted(order)
    assert all(0 <= row[1] + 1 <= 1 for row in order)


def test_large_sums_are_exact_to_the_cent():
    rows = [Line(f"c{n % 7}", "p0", MIDNIGHT - timedelta(days=1 + n % 90), "0.01") for n in range(2_000)]
    rows += [Line("c0", "p0", MIDNIGHT - timedelta(days=200), "123456789.99")]
    profiles = profiles_of(rows, AS_OF)
    spend = profiles.customers["spend"].cast(pa.decimal128(18, 4)).to_pylist()
    assert sum(spend) == Decimal("123456789.99") + 2_000 * Decimal("0.01")


def _net(engine):
    """Amount by customer, product and day once every return stands with its sale."""
    net = Counter()
    for line in engine.query(read_sql("sales_net_of_returns"), {"as_of": AS_OF}).to_pylist():
        net[line["customer_id"], line["product_id"], line["local_at"].date()] += line["amount"]
    return net
