"""Two hundred ruined exports: each loads or fails in one sentence, and every row of it is accounted for."""

import re
from collections import Counter
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import HuitouError
from features.tables.ingest import ingest
from features.tables.lake import Lake
from features.tables.mapping import load_mapping
from tests.support.corruptions import BYTES, CELLS, HEADER, PARQUET, good_rows, gzipped, retail, text_of

MAPPING = Path(__file__).parents[3] / "examples" / "mappings" / "online_retail.toml"
NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
SEEDS = range(7)
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def outcome(shop):
    """The report and the loaded lines, or (None, []) where the file is refused; checks what always holds."""
    refusal = None
    try:
        report = ingest(shop.export, None, shop.settings, now=NOW).to_dict()["tables"]["orders"]
    except HuitouError as error:
        refusal = error
    if refusal is not None:
        assert refusal.message
        assert refusal.remedy
        assert "\n" not in str(refusal)
        assert shop.state() == {}
        return None, []
    assert report["read"] == report["loaded"] + report["rejected"] + report["duplicates"]
    assert sum(report["reasons"].values()) == report["rejected"] == len(shop.quarantined())
    parts = Lake(shop.settings.lake).parts("orders")
    lines = [row for part in parts for row in pq.read_table(part, columns=HEADER).to_pylist()]
    assert len(lines) == report["loaded"]
    return report, lines


def number(text):
    text = text.strip(" ")
    if not NUMBER.fullmatch(text) or len(text) > 40:
        return None
    value = Decimal(text)
    if abs(value) >= Decimal(10) ** 14:
        return None
    return value.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def instant(text):
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        try:
            at = datetime.strptime(text, form)  # noqa: DTZ007 (the lake's stamps are UTC without a zone)
        except ValueError:
            continue
        early = datetime(1900, 1, 1)  # noqa: DTZ001
        return at if early <= at <= NOW.replace(tzinfo=None) else None
    return None


def read_by_hand(header, row):
    """The order line as the contract reads it, or None where it must be rejected."""
    if len(row) != len(header):
        return None
    value = dict(zip(header, row, strict=True))
    ids = [value[name] if value[name].strip(" ") else None for name in HEADER[:4]]
    measured = [instant(value["ordered_at"]), number(value["quantity"]), number(value["amount"])]
    return None if None in (*ids[1:], *measured) else (*ids, *measured)


def expected(header, rows):
    """Lines that must be in the lake, and how many rows must be duplicates."""
    known, lines, duplicates = {}, Counter(), 0
    for row in rows:
        line = read_by_hand(header, row)
        if line is None:
            continue
        identity = tuple(row) if line[0] is None else line[0]
        if identity not in known:
            known[identity] = line
            lines[line] += 1
        elif known[identity] == line:
            duplicates += 1
    return lines, duplicates


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", CELLS)
def test_of_ruined_cells_exactly_the_whole_rows_load_unchanged(shop, kind, seed):
    rng = Random(f"{kind} {seed}")
    header, rows = CELLS[kind](HEADER, good_rows(rng), rng)
    text = text_of(header, rows, rng.choice(["\n", "\r\n"]))
    (shop.export / "orders.csv").write_bytes(text.encode(rng.choice(["utf-8", "utf-8-sig"])))
    lines, duplicates = expected(header, rows)
    report, found = outcome(shop)
    assert Counter(tuple(row.values()) for row in found) == lines
    if lines:
        assert (report["read"], report["duplicates"]) == (len(rows), duplicates)
    else:
        assert report is None  # none acceptable, or none at all: said, not loaded as an empty table


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", BYTES)
def test_ruined_bytes_are_refused_or_accounted_for(shop, kind, seed):
    rng = Random(f"{kind} {seed}")
    (shop.export / "orders.csv").write_bytes(BYTES[kind](text_of(HEADER, good_rows(rng)).encode(), rng))
    outcome(shop)


@pytest.mark.parametrize("seed", SEEDS)
def test_ruined_archives_are_refused_or_accounted_for(shop, seed):
    rng = Random(seed)
    (shop.export / "orders.csv.gz").write_bytes(gzipped(text_of(HEADER, good_rows(rng)).encode(), rng))
    outcome(shop)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", PARQUET)
def test_ruined_parquet_is_refused_or_accounted_for(shop, kind, seed):
    rng = Random(f"{kind} {seed}")
    columns = list(zip(*good_rows(rng), strict=True))
    table = pa.table([pa.array(column) for column in columns], names=HEADER)
    (shop.export / "orders.parquet").write_bytes(PARQUET[kind](table, rng))
    outcome(shop)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_messy_export_through_a_mapping_is_accounted_for_in_every_table(shop, seed):
    shop.write("online_retail_x.parquet", retail(Random(seed)))
    tables = ingest(shop.export, load_mapping(MAPPING), shop.settings, now=NOW).to_dict()["tables"]
    for table in tables.values():
        assert table["read"] == 40 == table["loaded"] + table["rejected"] + table["duplicates"]
        assert sum(table["reasons"].values()) == table["rejected"]
    # What is left has the usual price, and the amounts are those prices.
    assert shop.rows("SELECT * FROM orders WHERE amount <> quantity * 2.55 OR abs(quantity) > 2") == []
    assert len(shop.rows("SELECT * FROM products")) == tables["products"]["loaded"]


def test_there_are_two_hundred_of_them():
    kinds = [*CELLS, "archives", *BYTES, *PARQUET, "mapped"]
    assert len(kinds) * len(SEEDS) >= 200
