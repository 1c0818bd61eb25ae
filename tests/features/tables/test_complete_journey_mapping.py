"""The mapping of examples/ on the real wheel: a week of transactions, all products and households."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.tables.complete_journey import complete_journey_folder
from features.tables.mapping import load_mapping

MAPPING = Path(__file__).parents[3] / "examples" / "mappings" / "complete_journey.toml"


@pytest.fixture
def week(new_shop):
    """The shop with the first week of transactions, products and demographics, and their source tables."""
    shop = new_shop("America/New_York")
    data = complete_journey_folder()
    transactions = pq.read_table(data / "transactions.parquet", filters=[("week", "=", 1)])
    shop.write("transactions.parquet", transactions)
    for name in ("products", "demographics"):
        shop.write(f"{name}.parquet", pq.read_table(data / f"{name}.parquet"))
    return shop, transactions


def test_a_week_of_complete_journey_loads_without_a_rejection(week):
    shop, transactions = week
    tables = shop.ingest(MAPPING.read_text(encoding="utf-8"))
    assert {name: (t["read"], t["loaded"]) for name, t in tables.items()} == {
        "orders": (len(transactions), len(transactions)),
        "products": (92_331, 92_331),  # as shared with the package
        "customers": (801, 801),
    }
    # Sums taken from the wheel itself, to the cent.
    columns = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
    amount, *discounts = (Decimal(f"{pc.sum(transactions[name]).as_py():.2f}") for name in columns)
    (row,) = shop.rows(
        "SELECT sum(amount) AS amount, sum(discount) AS discount, count(DISTINCT customer_id) AS customers, "
        "min(local_at)::DATE AS first_day FROM orders"
    )
    assert row["amount"] == amount
    assert row["discount"] == sum(discounts)
    assert row["customers"] == len(pc.unique(transactions["household_id"]))
    assert row["first_day"] == date(2017, 1, 1)  # local: the first stamp is 11:53 UTC


def test_products_without_a_type_take_the_next_best_name(week):
    shop, _ = week
    shop.ingest(MAPPING.read_text(encoding="utf-8"))
    names = shop.rows(
        "SELECT product_id, name, category FROM products WHERE product_id IN ('25671', '26081')"
    )
    assert sorted(tuple(row.values()) for row in names) == [
        ("25671", "ICE - CRUSHED/CUBED", "FRZN ICE"),
        ("26081", "MISCELLANEOUS", "MISCELLANEOUS"),
    ]
    (household,) = shop.rows(
        "SELECT attr_age, attr_income, birth_date FROM customers WHERE customer_id = '1'"
    )
    assert household == {"attr_age": "65+", "attr_income": "35-49K", "birth_date": None}


def test_the_note_says_that_the_data_is_simulated():
    mapping = load_mapping(MAPPING)
    assert "simulated" in mapping.note
    assert "educational" in mapping.note
    assert {table.file for table in mapping.tables.values()} == {
        "transactions.parquet",
        "products.parquet",
        "demographics.parquet",
    }
