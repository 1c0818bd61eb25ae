"""The mapping of Online Retail II on rows in that file's form, each made to meet one of its rules."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from features.tables.mapping import load_mapping

MAPPING = Path(__file__).parents[3] / "examples" / "mappings" / "online_retail.toml"
SCHEMA = pa.schema(
    {
        "Invoice": pa.string(),
        "StockCode": pa.string(),
        "Description": pa.string(),
        "Quantity": pa.int64(),
        "InvoiceDate": pa.string(),
        "Price": pa.float64(),
        "Customer ID": pa.float64(),
        "Country": pa.string(),
    }
)
MUG, BAG = "RED SPOTTY MUG", "JUMBO BAG STRAWBERRY"
ROWS = [
    ("489434", "22041", MUG, 3, "2009-12-01 07:45:00", 2.55, 13085.0, "United Kingdom"),
    ("489434", "22041", MUG, 3, "2009-12-01 07:45:00", 2.55, 13085.0, "United Kingdom"),  # exact duplicate
    ("489500", "21929", BAG, 1, "2010-07-01 12:00:00", 1.95, 12583.0, "France"),
    ("C489449", "22041", MUG, -2, "2009-12-03 10:33:00", 2.55, 13085.0, "EIRE"),
    ("489523", "22041", "damaged", -90, "2010-01-05 11:44:00", 0.0, None, "United Kingdom"),
    ("489524", "POST", "POSTAGE", 1, "2010-01-05 11:44:00", 18.0, 12583.0, "France"),
    ("489525", "m", "Manual", 1, "2010-01-05 11:44:00", 5.0, 12583.0, "France"),
    ("489526", "gift_0001_30", "Voucher", 1, "2010-01-05 11:44:00", 25.0, 12583.0, "France"),
    ("489527", "21929", BAG, 4, "2010-01-05 11:44:00", 0.0, 12583.0, "France"),
    ("489528", "21929", BAG + " NEW", 2, "2010-08-01 09:00:00", 2.1, None, "United Kingdom"),
    ("489529", "84406B", "GLASS THING", 2, "2010-01-05 11:44:00", -1.0, 12583.0, "France"),
]


@pytest.fixture
def loaded(new_shop):
    """The shop with those rows, and its report."""
    shop = new_shop("Europe/London")
    columns = list(zip(*ROWS, strict=True))
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)
    shop.write("online_retail_2009-2010.parquet", table)
    return shop, shop.ingest(MAPPING.read_text(encoding="utf-8"))


def test_every_line_is_loaded_refused_with_a_reason_or_a_duplicate(loaded):
    _, report = loaded
    orders = report["orders"]
    assert (orders["read"], orders["loaded"], orders["duplicates"]) == (11, 3, 1)
    assert orders["reasons"] == {
        "Customer ID: no customer": 2,
        "StockCode: not a product": 2,
        "StockCode: a gift voucher": 1,
        "Price: no price": 2,
    }


def test_amounts_are_computed_stamps_are_londons_and_a_cancellation_is_a_return(loaded):
    shop, _ = loaded
    rows = shop.rows(
        "SELECT order_id, customer_id, quantity, amount, return_of_order_id AS back, "
        "strftime(ordered_at, '%m-%d %H:%M') AS utc, strftime(local_at, '%H:%M') AS local "
        "FROM orders ORDER BY ordered_at"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("489434", "13085", Decimal(3), Decimal("7.65"), None, "12-01 07:45", "07:45"),  # 3 × 2.55
        ("C489449", "13085", Decimal(-2), Decimal("-5.10"), None, "12-03 10:33", "10:33"),
        ("489500", "12583", Decimal(1), Decimal("1.95"), None, "07-01 11:00", "12:00"),  # summer time
    ]


def test_the_newest_line_describes_product_and_customer(loaded):
    shop, report = loaded
    products = shop.rows("SELECT product_id, name, category, price FROM products ORDER BY product_id")
    assert [tuple(row.values()) for row in products] == [
        # The newest with a price, also of a sale without a customer.
        ("21929", BAG + " NEW", "bags", Decimal("2.1")),
        ("22041", MUG, "kitchen and table", Decimal("2.55")),
    ]
    assert report["products"]["reasons"] == {
        "StockCode: not a product": 2,
        "StockCode: a gift voucher": 1,
        "Price: a stock note, not a description": 3,
    }
    customers = shop.rows("SELECT customer_id, region FROM customers ORDER BY customer_id")
    assert [tuple(row.values()) for row in customers] == [("12583", "France"), ("13085", "EIRE")]


def test_both_tables_refuse_the_same_codes():
    tables = load_mapping(MAPPING).tables
    codes = {
        name: {rule.value for rule in tables[name].reject if rule.column == "StockCode"}
        for name in ("orders", "products")
    }
    assert codes["orders"] == codes["products"]
