"""Sources, mappings and lakes that cannot be read: one sentence, and nothing else on the screen."""

import random
import sys

import pytest

from features.errors import DataError
from features.tables.mapping import load_mapping

HEADER = "order_id,customer_id,product_id,ordered_at,quantity,amount\n"
LINE = "o1,c1,p1,2024-01-01 10:00:00,1,2.50\n"


def test_random_bytes_as_csv_are_one_sentence_and_print_nothing(shop, monkeypatch):
    # pyarrow reports a handler that fails through this hook, which prints a traceback.
    printed = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    (shop.export / "orders.csv").write_bytes(random.Random(7).randbytes(5_000))
    with pytest.raises(DataError, match=r"orders\.csv cannot be read: .*codec can't decode byte"):
        shop.ingest()
    assert printed == []


def test_a_malformed_line_of_undecodable_bytes_is_one_sentence_too(shop, monkeypatch):
    printed = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    (shop.export / "orders.csv").write_bytes((HEADER + LINE).encode() + b"\xff\xfe,too,short\n")
    with pytest.raises(DataError, match=r"orders\.csv cannot be read"):
        shop.ingest()
    assert printed == []


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
