"""Each rule of the contract, on real files: what loads, what is rejected and how the rejection reads."""

# ruff: noqa: DTZ001 (stamps of the lake are UTC without a zone)

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from features.errors import DataError
from features.tables import sources

GOOD = {
    "orders": {
        "order_id": "o1",
        "line_id": "l1",
        "customer_id": "c1",
        "product_id": "p1",
        "ordered_at": "2024-03-01T10:00:00Z",
        "quantity": "2",
        "amount": "9.50",
        "discount": "",
        "channel": "web",
    },
    "products": {
        "product_id": "p1",
        "name": "Tea",
        "category": "drinks",
        "price": "3",
        "margin": "0.3",
        "in_stock": "true",
        "available_from": "2024-01-31",
        "attributes": '{"size": 2}',
    },
    "customers": {
        "customer_id": "c1",
        "signed_up_at": "2023-05-01 08:00",
        "birth_date": "1990-02-28",
        "consent_marketing": "yes",
    },
    "events": {
        "event_id": "e1",
        "type": "view",
        "occurred_at": "2024-03-01T10:00:00+08:00",
        "customer_id": "",
        "session_id": "s1",
        "dwell_seconds": "3.5",
    },
}
KEYS = {"orders": "line_id", "products": "product_id", "customers": "customer_id", "events": "event_id"}


def csv_of(rows: list[dict[str, str]]) -> str:
    def cell(value: str) -> str:
        return '"' + value.replace('"', '""') + '"'

    lines = [",".join(rows[0]), *(",".join(cell(v) for v in row.values()) for row in rows)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("table", "column", "value", "reason"),
    [
        ("orders", "order_id", "", "missing"),
        ("orders", "order_id", "   ", "missing"),
        ("orders", "customer_id", "", "missing"),
        ("orders", "product_id", "", "missing"),
        ("orders", "ordered_at", "", "missing"),
        ("orders", "ordered_at", "yesterday", "not an instant"),
        ("orders", "ordered_at", "2024-02-30", "not an instant"),
        ("orders", "ordered_at", "2024-02-01 10:00 America/New_York", "not an instant"),
        ("orders", "ordered_at", "infinity", "not an instant"),
        ("orders", "ordered_at", "9999-12-31", "out of range"),
        ("orders", "ordered_at", "1066-10-14 09:00", "out of range"),
        ("orders", "quantity", "", "missing"),
        ("orders", "quantity", "two", "not a number"),
        ("orders", "quantity", "1,5", "not a number"),
        ("orders", "amount", "NaN", "not finite"),
        ("orders", "amount", "-inf", "not finite"),
        ("orders", "amount", "1e15", "out of range"),
        ("orders", "amount", "0x10", "not a number"),
        ("orders", "discount", "-", "not a number"),
        ("products", "name", "", "missing"),
        ("products", "category", "", "missing"),
        ("products", "price", "-0.01", "below 0"),
        ("products", "margin", "35", "above 1"),
        ("products", "in_stock", "maybe", "not true or false"),
        ("products", "available_from", "31.01.2024", "not a date"),
        ("products", "attributes", "{size: 2", "not JSON"),
        ("customers", "customer_id", "", "missing"),
        ("customers", "signed_up_at", "2024-13-01", "not an instant"),
        ("customers", "birth_date", "1890-01-01", "out of range"),
        ("customers", "consent_marketing", "2", "not true or false"),
        ("events", "event_id", "", "missing"),
        ("events", "type", "", "missing"),
        ("events", "type", "viewed", "not a known word"),
        ("events", "occurred_at", "1709287200", "not an instant"),
        ("events", "dwell_seconds", "-1", "below 0"),
    ],
)
def test_a_broken_row_is_quarantined_and_the_others_load(shop, table, column, value, reason):
    good = GOOD[table]
    bad = good | {KEYS[table]: "other"} | {column: value}
    last = good | {KEYS[table]: "last"}
    shop.write(f"{table}.csv", csv_of([good, bad, last]))

    report = shop.ingest()[table]

    assert report == {
        "read": 3,
        "loaded": 2,
        "rejected": 1,
        "duplicates": 0,
        "reasons": {f"{column}: {reason}": 1},
        "ignored_columns": [],
    }
    (row,) = shop.quarantined()
    assert (row["file"], row["row"], row["column"], row["reason"]) == (f"{table}.csv", 2, column, reason)
    assert json.loads(row["raw"]) == {name: text or None for name, text in bad.items()}


def test_an_event_needs_a_customer_or_a_session(shop):
    nobody = GOOD["events"] | {"event_id": "e2", "session_id": ""}
    customer = GOOD["events"] | {"event_id": "e3", "session_id": "", "customer_id": "c1"}
    shop.write("events.csv", csv_of([GOOD["events"], nobody, customer]))
    assert shop.ingest()["events"]["reasons"] == {"customer_id: missing": 1}
    assert [r["event_id"] for r in shop.rows("SELECT event_id FROM events ORDER BY 1")] == ["e1", "e3"]


def test_good_rows_arrive_with_their_types(shop):
    for table, row in GOOD.items():
        shop.write(f"{table}.csv", csv_of([row]))
    shop.ingest()
    (order,) = shop.rows("SELECT * FROM orders")
    assert order == {
        "order_id": "o1",
        "line_id": "l1",
        "customer_id": "c1",
        "product_id": "p1",
        "ordered_at": datetime(2024, 3, 1, 10),
        "quantity": Decimal("2.0000"),
        "amount": Decimal("9.5000"),
        "discount": None,
        "channel": "web",
        "outlet_id": None,
        "return_of_order_id": None,
        "local_at": datetime(2024, 3, 1, 10),
    }
    (product,) = shop.rows("SELECT price, margin, in_stock, available_from, attributes FROM products")
    assert product == {
        "price": Decimal("3.0000"),
        "margin": Decimal("0.3000"),
        "in_stock": True,
        "available_from": date(2024, 1, 31),
        "attributes": '{"size": 2}',
    }
    (customer,) = shop.rows("SELECT * FROM customers")
    assert customer["signed_up_at"] == datetime(2023, 5, 1, 8)
    assert customer["consent_marketing"] is True
    assert customer["consent_personalization"] is None  # the shop keeps no such column
    (event,) = shop.rows("SELECT occurred_at, customer_id, dwell_seconds FROM events")
    # 10:00 at +08:00 is 02:00 UTC.
    assert event["occurred_at"] == datetime(2024, 3, 1, 2)
    assert event["customer_id"] is None
    assert event["dwell_seconds"] == Decimal("3.5000")


def test_zero_negative_and_unknown_products_load(shop):
    base = GOOD["orders"]
    rows = [
        base | {"line_id": "a", "quantity": "0", "amount": "0"},
        base | {"line_id": "b", "quantity": "-1", "amount": "-9.5"},
        base | {"line_id": "c", "product_id": "never listed"},
    ]
    shop.write("orders.csv", csv_of(rows))
    assert shop.ingest()["orders"]["loaded"] == 3
    assert shop.rows("SELECT sum(amount) AS s FROM orders") == [{"s": Decimal("0.0000")}]


def test_an_empty_consent_is_no_consent(shop):
    shop.write("customers.csv", "customer_id,consent_marketing\nc1,true\nc2,\n")
    shop.ingest()
    consents = shop.rows("SELECT customer_id, consent_marketing FROM customers ORDER BY 1")
    assert [row["consent_marketing"] for row in consents] == [True, False]


def test_ids_that_arrive_as_floats_are_whole_numbers(shop):
    orders = pa.table(
        {
            "order_id": [1, 2, 3],
            "customer_id": [13085.0, None, 7.5],
            "product_id": ["p", "p", "p"],
            "ordered_at": [datetime(2024, 1, 1, tzinfo=UTC)] * 3,
            "quantity": [1, 1, 1],
            "amount": [1.0, 1.0, 1.0],
        }
    )
    shop.write("orders.parquet", orders)
    reasons = shop.ingest()["orders"]["reasons"]
    assert reasons == {"customer_id: missing": 1, "customer_id: not a whole number": 1}
    assert shop.rows("SELECT order_id, customer_id FROM orders") == [
        {"order_id": "1", "customer_id": "13085"}
    ]


def test_numbers_that_are_not_finite_are_rejected_in_parquet_too(shop):
    orders = pa.table(
        {
            "order_id": ["1", "2", "3", "4"],
            "customer_id": ["c"] * 4,
            "product_id": ["p"] * 4,
            "ordered_at": [datetime(2024, 1, 1, tzinfo=UTC)] * 4,
            "quantity": [1, 1, 1, 1],
            "amount": [1.0, float("nan"), float("inf"), 1e18],
        }
    )
    shop.write("orders.parquet", orders)
    assert shop.ingest()["orders"]["reasons"] == {"amount: not finite": 2, "amount: out of range": 1}


def test_lines_with_too_few_or_too_many_values_keep_the_row_numbers_right(shop):
    lines = csv_of([GOOD["customers"]]).splitlines()
    text = "\n".join(
        [lines[0], '"c1","","",""', '"c2"', "", '"c\n3","","",""', '"c4","","","","extra"', "c5,x,,"]
    )
    shop.write("customers.csv", text + "\n")
    report = shop.ingest()["customers"]
    assert (report["read"], report["loaded"], report["rejected"]) == (5, 2, 3)
    found = [(r["row"], r["column"], r["reason"], r["raw"]) for r in shop.quarantined()]
    wrong = "wrong number of values"
    assert [row[:3] for row in found] == [
        (2, "(line)", wrong),
        (4, "(line)", wrong),
        (5, "signed_up_at", "not an instant"),
    ]
    assert json.loads(found[0][3]) == {"line": '"c2"'}


def test_row_numbers_hold_across_the_blocks_a_large_file_is_read_in(shop, monkeypatch):
    monkeypatch.setattr(sources, "CSV_BLOCK_BYTES", 64)
    malformed, blank = {5, 6, 77, 200}, {30, 77 + 1}
    rows = ["x" if i in malformed else f"c{i},{'' if i in blank else 'north'}" for i in range(1, 201)]
    rule = '[[customers.reject]]\ncolumn = "region"\nop = "is_null"\n'
    shop.write("c.csv", "\n".join(["customer_id,region", *rows]) + "\n")
    shop.ingest('[customers]\nfile = "c.csv"\n' + rule)
    assert {row["row"] for row in shop.quarantined()} == malformed | blank
    loaded = {row["customer_id"] for row in shop.rows("SELECT customer_id FROM customers")}
    assert loaded == {f"c{i}" for i in range(1, 201)} - {f"c{i}" for i in malformed | blank}


def test_folders_and_files_may_have_any_name(new_shop):
    shop = new_shop(below="it's [1] *?")
    shop.write("customers/a [2]'.parquet", pa.table({"customer_id": ["c1"]}))
    shop.write("customers/b*.parquet", pa.table({"customer_id": ["c2"]}))
    assert shop.ingest()["customers"]["loaded"] == 2
    assert shop.rows("SELECT count(*) AS n FROM customers") == [{"n": 2}]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no table that Huitou knows"),
        ({"orders.csv": ""}, "orders.csv cannot be read"),
        ({"orders.parquet": "not parquet"}, "orders.parquet cannot be read"),
        ({"customers.csv": "customer_id\n"}, "The table customers has no rows"),
        (
            {"customers.csv": "id,region\n1,x\n"},
            "no column customer_id, which customers need; it has id, region",
        ),
        (
            {"events.csv": "event_id,type,occurred_at\n1,view,2024-01-01\n"},
            "no column customer_id or session_id",
        ),
        ({"customers.csv": "customer_id,customer_id\n1,2\n"}, "names a column twice"),
        (
            {"customers.csv": "customer_id\n1\n", "customers/a.csv": "customer_id\n1\n"},
            "brings customers twice",
        ),
        (
            {"products.csv": "product_id,name,category,price\n1,a,b,cheap\n2,a,b,dear\n"},
            "None of the 2 rows of products (products.csv) can be loaded: 2 fail with “price: not a number”",
        ),
    ],
)
def test_a_wrong_source_is_named_and_leaves_nothing_behind(shop, files, message):
    for name, text in files.items():
        shop.write(name, text)
    with pytest.raises(DataError) as raised:
        shop.ingest()
    assert message in raised.value.message
    assert raised.value.remedy
    assert shop.state() == {}


@pytest.mark.parametrize(
    ("column", "values", "type_"),
    [
        ("amount", [True, False], "BOOLEAN"),
        ("amount", [[1.0], [2.0]], "DOUBLE[]"),
        ("ordered_at", [1, 2], "BIGINT"),
        ("customer_id", [datetime(2024, 1, 1), datetime(2024, 1, 2)], "TIMESTAMP"),
    ],
)
def test_a_column_of_the_wrong_type_is_an_error(shop, column, values, type_):
    columns = {
        "order_id": ["1", "2"],
        "customer_id": ["c", "c"],
        "product_id": ["p", "p"],
        "ordered_at": [datetime(2024, 1, 1), datetime(2024, 1, 2)],
        "quantity": [1, 1],
        "amount": [1.0, 2.0],
    }
    shop.write("orders.parquet", pa.table(columns | {column: values}))
    with pytest.raises(DataError, match=r"the column .* holds") as raised:
        shop.ingest()
    assert f"the column {column} holds {type_}" in raised.value.message
    assert "orders.parquet" in raised.value.message
    assert shop.state() == {}


def test_a_column_of_nothing_but_nulls_has_no_type_and_is_empty(shop):
    nothing = {name: pa.nulls(1) for name in ("signed_up_at", "birth_date", "region", "consent_marketing")}
    shop.write("customers.parquet", pa.table({"customer_id": ["c1"]} | nothing))
    assert shop.ingest()["customers"]["loaded"] == 1
    (row,) = shop.rows("SELECT signed_up_at, birth_date, region, consent_marketing FROM customers")
    assert list(row.values()) == [
        None,
        None,
        None,
        False,
    ]  # a shop that asks and gets no answer has no consent


def test_a_missing_folder_is_named(shop):
    shop.export.rmdir()
    with pytest.raises(DataError, match="is not a folder"):
        shop.ingest()
