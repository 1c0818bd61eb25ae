"""Sources, mappings and lakes that cannot be read: one sentence, and nothing else on the screen."""

import gzip
import json
import random
import sys

import duckdb
import pytest

from features.errors import DataError
from features.tables import sources
from features.tables.duckdb_engine import open_lake
from features.tables.lake import Lake
from features.tables.mapping import load_mapping

HEADER = "order_id,customer_id,product_id,ordered_at,quantity,amount\n"
LINE = "o1,c1,p1,2024-01-01 10:00:00,1,2.50\n"


def test_random_bytes_as_csv_are_one_sentence_and_print_nothing(shop, monkeypatch):
    # pyarrow reports a handler that fails through this hook, which prints a traceback.
    printed = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    (shop.export / "orders.csv").write_bytes(random.Random(7).randbytes(5_000))
    with pytest.raises(DataError, match=r"orders\.csv cannot be read: line 1 holds the byte 0x"):
        shop.ingest()
    assert printed == []


def test_a_malformed_line_of_undecodable_bytes_is_one_sentence_too(shop, monkeypatch):
    printed = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    (shop.export / "orders.csv").write_bytes((HEADER + LINE).encode() + b"\xff\xfe,too,short\n")
    with pytest.raises(DataError, match=r"orders\.csv cannot be read: line 3 holds the byte 0xff"):
        shop.ingest()
    assert printed == []


@pytest.mark.parametrize("rows", [10, 17, 500])
def test_undecodable_bytes_are_named_with_their_line_wherever_blocks_end(shop, monkeypatch, rows):
    monkeypatch.setattr(sources, "CSV_BLOCK_BYTES", 64)
    good = "".join(f"c{row},北京\n" for row in range(rows)).encode()
    shop_file = shop.export / "customers.csv"
    shop_file.write_bytes(b"customer_id,region\n" + good + "c,上海\n".encode("gb18030") + good)
    with pytest.raises(
        DataError, match=rf"customers\.csv cannot be read: line {rows + 2} holds the byte 0xc9"
    ):
        shop.ingest()
    shop_file.with_name("customers.csv.gz").write_bytes(gzip.compress(shop_file.read_bytes()))
    shop_file.unlink()
    with pytest.raises(DataError, match=rf"customers\.csv\.gz cannot be read: line {rows + 2} holds"):
        shop.ingest()
    assert shop.state() == {}


def test_a_byte_order_mark_and_characters_over_block_ends_are_kept(shop):
    lines = "".join(f"o{n},顾客{n},p1,2024-01-01 10:00:00,1,2.50\n" for n in range(2_000))
    (shop.export / "orders.csv").write_bytes(b"\xef\xbb\xbf" + (HEADER + lines).encode())
    assert shop.ingest()["orders"]["loaded"] == 2_000
    assert shop.rows("SELECT customer_id FROM orders WHERE order_id = 'o1999'") == [
        {"customer_id": "顾客1999"}
    ]


@pytest.mark.parametrize("name", ["orders.csv", "orders.parquet", "orders/part.csv"])
def test_a_folder_in_place_of_a_file_is_refused_by_name(shop, name):
    (shop.export / name).mkdir(parents=True)
    shop.write("customers.csv", "customer_id\nc1\n")
    with pytest.raises(DataError, match=f"{name} is a folder, not a file"):
        shop.ingest()
    assert shop.state() == {}


def test_a_folder_that_a_mapping_names_is_refused_by_name(shop):
    (shop.export / "sales.csv").mkdir()
    with pytest.raises(DataError, match=r"sales\.csv is a folder, not a file"):
        shop.ingest('[orders]\nfile = "sales.csv"\n')


def test_a_mapping_that_is_a_folder_is_refused(shop):
    (shop.export / "map.toml").mkdir()
    with pytest.raises(DataError, match=r"map\.toml is a folder, not a file"):
        load_mapping(shop.export / "map.toml")


@pytest.fixture
def part(shop):
    """The one committed part of a shop's orders, long enough to be damaged in several ways."""
    shop.write("orders.csv", HEADER + "".join(LINE.replace("o1", f"o{n}") for n in range(500)))
    shop.ingest()
    (path,) = Lake(shop.settings.lake).parts("orders")
    return path


@pytest.mark.parametrize("kept", [0, 4, 1_000])
def test_a_part_overwritten_with_junk_is_named_with_the_remedy(shop, part, kept):
    # 0: no magic bytes; 4 and more: the ends are whole, and the damage shows on reading the footer or a page.
    content = bytearray(part.read_bytes())
    end = len(content) - kept
    content[kept:end] = random.Random(1).randbytes(max(0, end - kept))
    part.write_bytes(content)
    with pytest.raises(DataError) as failure:
        shop.rows("SELECT max(customer_id), max(product_id), sum(amount) FROM orders")
    assert str(part) in failure.value.message
    assert "\n" not in failure.value.message
    assert "delete the lake and ingest again" in failure.value.remedy
    assert isinstance(failure.value.__cause__, duckdb.Error)


def test_an_ingest_beside_a_damaged_part_blames_the_part_not_the_new_file(shop, part):
    part.write_bytes(b"junk" * 500)
    shop.write("orders.csv", HEADER + LINE.replace("o1", "later"))
    with pytest.raises(DataError, match=r"lake's part .* is damaged"):
        shop.ingest()


def test_a_wrong_query_over_a_whole_lake_stays_the_engines_error(shop, part):
    with open_lake(Lake(shop.settings.lake)) as engine, pytest.raises(duckdb.BinderException):
        engine.query("SELECT no_such_column FROM orders")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{}", "at format, Field required"),
        ("junk", "Invalid JSON"),
        (json.dumps({"format": 1, "timezone": "UTC", "parts": [{}]}), r"at parts\.0\.table, Field required"),
    ],
)
def test_a_manifest_that_is_none_is_refused_in_one_line(shop, content, problem):
    shop.settings.lake.mkdir(parents=True)
    (shop.settings.lake / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=problem) as failure:
        Lake(shop.settings.lake)
    assert "\n" not in str(failure.value)
    assert "http" not in str(failure.value)
