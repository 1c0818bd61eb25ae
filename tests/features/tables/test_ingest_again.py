"""Loading twice, in pieces, in another format, after a change, and after a crash."""

import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import DataError
from features.tables import file_loader
from features.tables.ingest import ingest
from features.tables.lake import Lake
from features.tables.synthetic_shop import write_synthetic_shop

HEADER = "order_id,customer_id,product_id,ordered_at,quantity,amount,till\n"
A = "o1,c1,p1,2024-01-01,1,5,a\n"
B = "o1,c1,p2,2024-01-01,1,7,a\n"
LINED = "line_id,order_id,customer_id,product_id,ordered_at,quantity,amount,till\n"


def test_a_known_file_is_all_duplicates_and_changes_nothing(shop):
    shop.write("orders.csv", HEADER + A + B + "o2,,p,2024-01-01,1,1,a\n")
    assert shop.ingest()["orders"]["loaded"] == 2
    before = shop.state()
    assert shop.ingest()["orders"] == {
        "read": 3,
        "loaded": 0,
        "rejected": 0,
        "duplicates": 3,
        "reasons": {},
        "ignored_columns": [],
    }
    assert shop.state() == before


def test_rows_equal_in_all_source_columns_are_duplicates_within_and_across_files(shop):
    shop.write("orders/1.csv", HEADER + A + A + B)
    shop.write("orders/2.csv", HEADER + B + A.replace(",a", ",b"))
    # The second file's A differs in `till`, which the contract does not know: another purchase of the same.
    report = shop.ingest()["orders"]
    assert (report["read"], report["loaded"], report["duplicates"]) == (5, 3, 2)
    assert report["ignored_columns"] == ["till"]
    assert shop.rows("SELECT sum(amount) AS s FROM orders") == [{"s": Decimal("17.0000")}]  # 5 + 7 + 5


def test_rows_that_only_look_alike_when_joined_are_not_duplicates(shop):
    # Joined without lengths both rows spell "…y=1z=2".
    header = HEADER.replace("till", "y,z")
    shop.write("orders.csv", header + "o1,c,p,2024-01-01,1,1,1z=2,\no1,c,p,2024-01-01,1,1,1,2\n")
    assert shop.ingest()["orders"]["loaded"] == 2


def test_a_line_id_is_known_by_its_content_and_conflicts_with_another(shop):
    shop.write("orders/1.csv", LINED + "l1," + A + "l2," + B)
    # l1 again from another till: nothing the contract knows differs. l2 with another amount contradicts.
    shop.write(
        "orders/2.csv", LINED + "l1," + A.replace(",a", ",b") + "l2," + B.replace("7", "8") + "l3," + A
    )
    report = shop.ingest()["orders"]
    assert (report["loaded"], report["duplicates"]) == (3, 1)
    assert report["reasons"] == {"line_id: conflicting line_id": 1}
    (row,) = shop.quarantined()
    assert (row["file"], row["row"], row["column"]) == ("orders/2.csv", 2, "line_id")
    # A file of conflicts only has no wrong column, so it is no error either.
    shop.write("orders/3.csv", LINED + "l1," + B)
    (shop.export / "orders" / "1.csv").unlink()
    (shop.export / "orders" / "2.csv").unlink()
    assert shop.ingest()["orders"]["rejected"] == 1


def test_a_conflicting_line_within_one_file_is_rejected_and_the_first_stays(shop):
    shop.write("orders.csv", LINED + "l1," + A + "l1," + B + "l1," + A)
    report = shop.ingest()["orders"]
    assert (report["loaded"], report["duplicates"], report["rejected"]) == (1, 1, 1)
    assert shop.rows("SELECT product_id FROM orders") == [{"product_id": "p1"}]


def test_events_are_known_by_their_id(shop):
    header = "event_id,type,occurred_at,session_id\n"
    shop.write("events/1.csv", header + "e1,view,2024-01-01,s\n")
    shop.write("events/2.csv", header + "e1,view,2024-01-01,s\ne1,click,2024-01-01,s\ne2,view,2024-01-01,s\n")
    report = shop.ingest()["events"]
    assert (report["loaded"], report["duplicates"], report["rejected"]) == (2, 1, 1)


def test_a_later_file_renews_a_product_and_an_earlier_version_may_return(shop):
    header = "product_id,name,category\n"
    # The last file says of p1 what the first one said; it is another file, so it counts as news.
    for number, name in enumerate(("Tea", "Green tea", "Tea")):
        shop.write("products.csv", f"{header}p1,{name},drinks\np2,Rice,food\nnew{number},Soap,home\n")
        report = shop.ingest()["products"]
        assert shop.rows("SELECT product_id, name FROM products WHERE name <> 'Soap' ORDER BY 1") == [
            {"product_id": "p1", "name": name},
            {"product_id": "p2", "name": "Rice"},
        ]
    assert (report["loaded"], report["duplicates"]) == (2, 1)


def test_an_old_file_does_not_bring_back_old_versions(shop):
    header = "product_id,name,category\n"
    for name in ("Tea", "Green tea"):
        shop.write("products.csv", f"{header}p1,{name},drinks\n")
        shop.ingest()
    shop.write("products.csv", f"{header}p1,Tea,drinks\n")
    assert shop.ingest()["products"]["duplicates"] == 1
    assert shop.rows("SELECT name FROM products") == [{"name": "Green tea"}]


def test_a_product_twice_in_one_file_is_a_duplicate_or_a_conflict(shop):
    header = "product_id,name,category\n"
    shop.write("products.csv", header + "p1,Tea,drinks\np1,Tea,drinks\np1,Coffee,drinks\n")
    report = shop.ingest()["products"]
    assert (report["loaded"], report["duplicates"]) == (1, 1)
    assert report["reasons"] == {"product_id: conflicting product_id": 1}
    assert shop.rows("SELECT name FROM products") == [{"name": "Tea"}]


def test_customers_of_files_with_different_attributes_share_one_view(shop):
    shop.write("customers/1.csv", "customer_id,attr_income\nc1,high\n")
    shop.write("customers/2.csv", "customer_id,attr_age,shoe\nc2,45-54,42\n")
    assert shop.ingest()["customers"]["ignored_columns"] == ["shoe"]
    rows = shop.rows("SELECT customer_id, attr_income, attr_age FROM customers ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [("c1", "high", None), ("c2", None, "45-54")]


def test_csv_and_parquet_give_the_same_lake(new_shop, tmp_path):
    write_synthetic_shop(tmp_path, customers=20, products=30, days=60, seed=3)
    parquet, csv = new_shop("Asia/Shanghai"), new_shop("Asia/Shanghai")
    for table in ("orders", "products", "customers", "events"):
        rows = pq.read_table(tmp_path / f"{table}.parquet")
        parquet.write(f"{table}.parquet", rows)
        csv.write(f"{table}.csv", rows.to_pandas().to_csv(index=False))
    assert parquet.ingest() == csv.ingest()
    for table in ("orders", "products", "customers", "events"):
        everything = f"SELECT * FROM {table} ORDER BY ALL"
        assert parquet.rows(everything) == csv.rows(everything)


def test_a_changed_mapping_reads_a_known_file_anew(shop):
    shop.write("o.csv", HEADER + A + "o2,c1,p1,01.02.2024,1,5,a\n")
    table = '[orders]\nfile = "o.csv"\n'
    assert shop.ingest(table)["orders"]["reasons"] == {"ordered_at: not an instant": 1}
    again = shop.ingest(
        table + '[orders.columns]\nordered_at = {column = "ordered_at", format = "%d.%m.%Y"}\n'
    )
    # The row that was rejected loads now; the one that had loaded is not loaded twice, though now unreadable.
    assert again["orders"]["loaded"] == 1
    assert shop.rows("SELECT count(*) AS n FROM orders") == [{"n": 2}]


def test_an_error_in_a_later_table_leaves_lake_and_quarantine_as_they_were(shop):
    shop.write("orders.csv", HEADER + A + "o2,,p,2024-01-01,1,1,a\n")
    shop.ingest()
    before = shop.state()
    shop.write("orders.csv", HEADER + B + "o3,,p,2024-01-01,1,1,a\n")
    shop.write("products.csv", "product_id,name,category\n")
    with pytest.raises(DataError, match="products has no rows"):
        shop.ingest()
    assert shop.state() == before


def test_a_process_killed_before_the_commit_leaves_the_lake_as_it_was(shop):
    shop.write("orders.csv", HEADER + A)
    shop.ingest()
    committed = Lake(shop.settings.lake)
    shop.write("orders.csv", HEADER + B + "o2,,p,2024-01-01,1,1,a\n")
    # A real process that dies without clean-up at the last moment before the manifest is replaced.
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "from features.settings import load_settings\nfrom features.tables import ingest\n"
        "ingest.commit = lambda *_: os._exit(9)\n"
        "ingest.ingest(Path(sys.argv[1]), None, load_settings(workspace=Path(sys.argv[2])))\n"
    )
    command = [sys.executable, "-c", script, str(shop.export), str(shop.settings.workspace)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HUITOU_")}
    assert subprocess.run(command, check=False, env=environment).returncode == 9
    assert len(list((shop.settings.lake / "orders").glob("*.parquet"))) == 2  # the crash did leave a part

    assert Lake(shop.settings.lake).fingerprint() == committed.fingerprint()
    assert shop.rows("SELECT product_id FROM orders") == [{"product_id": "p1"}]
    assert len(shop.quarantined()) == 1

    # Another export comes next; it must not live beside what the crash left.
    shop.write("orders.csv", HEADER + "o5,c1,p5,2024-01-01,1,1,a\n")
    assert shop.ingest()["orders"]["loaded"] == 1
    lake = Lake(shop.settings.lake)
    assert sorted(lake.parts("orders")) == sorted((shop.settings.lake / "orders").glob("*.parquet"))
    assert shop.quarantined() == []


def test_a_failing_disk_leaves_no_half_written_part(shop, monkeypatch):
    shop.write("customers.csv", "customer_id\nc1\n")
    shop.write("orders.csv", HEADER + A)
    calls = []

    def full_disk(path):
        calls.append(path)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_loader, "sync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        shop.ingest()
    assert shop.state() == {}


def test_two_ingests_at_once_load_both(new_shop, shop):
    other = new_shop()
    shop.write("orders.csv", HEADER + A * 1)
    other.write("orders.csv", HEADER + B)
    script = (
        "import sys\nfrom pathlib import Path\nfrom features.settings import load_settings\n"
        "from features.tables.ingest import ingest\n"
        "ingest(Path(sys.argv[1]), None, load_settings(workspace=Path(sys.argv[2])))\n"
    )
    workspace = str(shop.settings.workspace)
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(export), workspace])
        for export in (shop.export, other.export)
    ]
    assert [process.wait() for process in processes] == [0, 0]
    products = Counter(row["product_id"] for row in shop.rows("SELECT product_id FROM orders"))
    assert products == {"p1": 1, "p2": 1}
    assert [part.load_number for part in Lake(shop.settings.lake).manifest.parts] == [1, 2]


def test_a_lake_keeps_to_one_time_zone(shop, settings_for):
    shop.write("orders.csv", HEADER + A)
    shop.ingest()
    elsewhere = settings_for(shop.settings.workspace, shop={"timezone": "Asia/Shanghai"})
    with pytest.raises(DataError, match="keeps local time of UTC, not of Asia/Shanghai"):
        ingest(shop.export, None, elsewhere)


def test_a_lost_part_is_named(shop):
    shop.write("orders.csv", HEADER + A)
    shop.ingest()
    (part,) = Lake(shop.settings.lake).parts("orders")
    part.unlink()
    with pytest.raises(DataError, match="has lost its part"):
        Lake(shop.settings.lake)


def test_a_broken_manifest_is_named(shop):
    shop.settings.lake.mkdir(parents=True)
    (shop.settings.lake / "manifest.json").write_text('{"format": 2}', encoding="utf-8")
    with pytest.raises(DataError, match=r"manifest\.json, cannot be read"):
        Lake(shop.settings.lake)


def test_the_fingerprint_says_whether_data_changed(shop):
    empty = Lake(shop.settings.lake).fingerprint()
    shop.write("orders.csv", HEADER + A)
    shop.ingest()
    first = Lake(shop.settings.lake).fingerprint()
    shop.ingest()
    assert Lake(shop.settings.lake).fingerprint() == first != empty
    shop.write("orders.csv", HEADER + B)
    shop.ingest()
    assert Lake(shop.settings.lake).fingerprint() != first


def test_an_absent_table_is_an_empty_view_with_types(shop):
    shop.write("customers.csv", "customer_id\nc1\n")
    shop.ingest()
    assert shop.rows("SELECT * FROM orders WHERE local_at < DATE '2030-01-01' AND amount > 0") == []
    assert Lake(shop.settings.lake).parts("orders") == []
    assert Lake(shop.settings.lake).parts("customers") != []


def test_columns_beside_the_contract_do_not_hide_it(shop):
    # A source column with the name of an intermediate one must not shadow it.
    rows = pa.table(
        {
            "customer_id": ["c1", "c2"],
            "row_hash": ["x", "x"],
            "problem_reason": ["y", "y"],
            "load_number": [7, 8],
        }
    )
    shop.write("customers.parquet", rows)
    assert shop.ingest()["customers"]["loaded"] == 2
