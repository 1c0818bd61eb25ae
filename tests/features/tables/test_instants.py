"""Instants: offsets, stated zones, clock changes, and the shop's wall clock."""

# ruff: noqa: DTZ001 (stamps of the lake are UTC without a zone)

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from features.tables.contracts import CUSTOMERS
from features.tables.duckdb_engine import DuckDBEngine
from features.tables.mapping import ColumnSource, CsvFormat
from features.tables.values import read_value

TABLE = '[customers]\nfile = "c.csv"\n[customers.columns]\n'


def load_stamp(shop, text, how=""):
    """The UTC instant a text loads as, or the reason it does not; a second row keeps the file acceptable."""
    shop.write("c.csv", f'customer_id,when\nc1,"{text}"\nc2,\n')
    report = shop.ingest(TABLE + 'signed_up_at = {column = "when"' + how + "}\n")["customers"]
    if report["reasons"]:
        (reason,) = report["reasons"]
        return reason.removeprefix("signed_up_at: ")
    return shop.rows("SELECT signed_up_at FROM customers WHERE customer_id = 'c1'")[0]["signed_up_at"]


@pytest.mark.parametrize(
    ("text", "how", "expected"),
    [
        ("2024-07-01T10:00:00Z", "", datetime(2024, 7, 1, 10)),
        ("2024-07-01 10:00", "", datetime(2024, 7, 1, 10)),  # no offset, no zone stated: UTC
        ("2024-07-01", "", datetime(2024, 7, 1)),
        ("2024-07-01T10:00:00.25+02:00", "", datetime(2024, 7, 1, 8, 0, 0, 250_000)),
        ("2024-07-01 10:00:00-0530", "", datetime(2024, 7, 1, 15, 30)),
        ("2024-07-01 10:00:00+08", "", datetime(2024, 7, 1, 2)),
        ("2024-07-01 10:00", ', zone = "Europe/London"', datetime(2024, 7, 1, 9)),  # summer time
        ("2024-01-01 10:00", ', zone = "Europe/London"', datetime(2024, 1, 1, 10)),
        (
            "2024-07-01 10:00Z",
            ', zone = "Europe/London"',
            datetime(2024, 7, 1, 10),
        ),  # an offset beats the zone
        ("01.07.2024 10:00", ', format = "%d.%m.%Y %H:%M", zone = "Asia/Shanghai"', datetime(2024, 7, 1, 2)),
        ("01.07.2024 10:00 +0300", ', format = "%d.%m.%Y %H:%M %z"', datetime(2024, 7, 1, 7)),
        ("2024-07-01 10:00", ', format = "%d.%m.%Y %H:%M"', "not an instant"),
        ("1719828000", ', format = "epoch_seconds"', datetime(2024, 7, 1, 10)),
        ("1719828000250", ', format = "epoch_milliseconds"', datetime(2024, 7, 1, 10, 0, 0, 250_000)),
        ("99999999999999", ', format = "epoch_seconds"', "not an instant"),
        # Clocks in New York went from 02:00 to 03:00 on 10 March 2024: 02:30 never was.
        ("2024-03-10 02:30", ', zone = "America/New_York"', "not a time in America/New_York"),
        ("2024-03-10 01:59", ', zone = "America/New_York"', datetime(2024, 3, 10, 6, 59)),
        ("2024-03-10 03:00", ', zone = "America/New_York"', datetime(2024, 3, 10, 7)),
        # On 3 November 2024 01:30 was twice: the second one, standard time (UTC−5), is taken.
        ("2024-11-03 01:30", ', zone = "America/New_York"', datetime(2024, 11, 3, 6, 30)),
    ],
)
def test_how_a_text_becomes_an_instant(shop, text, how, expected):
    assert load_stamp(shop, text, how) == expected


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Shanghai", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_local_at_is_the_wall_clock_of_the_shop(new_shop, zone):
    shop = new_shop(zone)
    # Every 7 hours through a year crosses both clock changes of each zone.
    instants = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=7 * i) for i in range(1252)]
    n = len(instants)
    orders = {"order_id": [str(i) for i in range(n)], "customer_id": ["c"] * n, "product_id": ["p"] * n}
    shop.write(
        "orders.parquet",
        pa.table(orders | {"ordered_at": instants, "quantity": [1] * n, "amount": [1.0] * n}),
    )
    shop.ingest()
    rows = shop.rows("SELECT ordered_at, local_at FROM orders ORDER BY ordered_at")
    assert [row["ordered_at"] for row in rows] == [at.replace(tzinfo=None) for at in instants]
    local = [at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for at in instants]
    assert [row["local_at"] for row in rows] == local


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Asia/Shanghai"])
def test_stamps_of_every_parquet_precision_arrive(shop, unit, zone):
    at = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    column = pa.array([at.replace(tzinfo=None)], pa.timestamp(unit)).cast(pa.timestamp(unit, zone))
    shop.write("customers.parquet", pa.table({"customer_id": ["c"], "signed_up_at": column}))
    shop.ingest()
    assert shop.rows("SELECT signed_up_at FROM customers") == [{"signed_up_at": at.replace(tzinfo=None)}]


def test_a_zone_applies_to_plain_parquet_stamps(shop):
    shop.write("c.parquet", pa.table({"customer_id": ["c"], "at": [datetime(2024, 7, 1, 10)]}))
    shop.ingest(
        '[customers]\nfile = "c.parquet"\n[customers.columns]\n'
        'signed_up_at = {column = "at", zone = "Asia/Shanghai"}\n'
    )
    assert shop.rows("SELECT signed_up_at AS a FROM customers") == [{"a": datetime(2024, 7, 1, 2)}]


def test_a_constant_is_read_like_text():
    column = CUSTOMERS.column("consent_marketing")
    assert column is not None
    value = read_value(column, ColumnSource(constant=True), {}, CsvFormat())
    with DuckDBEngine() as engine:
        rows = engine.query(f"SELECT {value.sql} AS value, {value.problem} AS problem")
    assert rows.to_pylist() == [{"value": True, "problem": None}]
