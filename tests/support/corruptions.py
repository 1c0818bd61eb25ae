"""Ways to ruin an export, each a function of a seeded generator, so that a failing variant can be seen again.

`CELLS` change order lines cell by cell, so that what must become of each is known; `BYTES` ruin the CSV file
and `PARQUET` the same lines as Parquet, where only the promise that every row is accounted for can be held.
"""

import csv
import gzip
import io
from collections.abc import Callable
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

HEADER = ["line_id", "order_id", "customer_id", "product_id", "ordered_at", "quantity", "amount"]
Rows = list[list[str]]


def good_rows(rng: Random, count: int = 30) -> Rows:
    """Order lines without a fault."""
    return [
        [
            f"l{i}",
            f"o{i // 3}",
            f"c{rng.randrange(8)}",
            f"p{rng.randrange(9)}",
            f"2024-02-{rng.randrange(1, 29):02d} {rng.randrange(24):02d}:{rng.randrange(60):02d}:00",
            str(rng.randrange(1, 6)),
            f"{rng.randrange(-500, 5000) / 100:.2f}",
        ]
        for i in range(count)
    ]


def text_of(header: list[str], rows: Rows, end: str = "\n") -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator=end).writerows([header, *rows])
    return out.getvalue()


def _cells(values: list[str], columns: list[str] = HEADER, share: float = 0.15) -> Callable:
    def corrupt(header: list[str], rows: Rows, rng: Random) -> tuple[list[str], Rows]:
        for row in rows:
            for column in columns:
                if rng.random() < share:
                    row[header.index(column)] = rng.choice(values)
        return header, rows

    return corrupt


def swapped_columns(header: list[str], rows: Rows, rng: Random) -> tuple[list[str], Rows]:
    a, b = rng.sample(range(len(header)), 2)
    header = list(header)
    header[a], header[b] = header[b], header[a]
    return header, rows


def repeated_ids(header: list[str], rows: Rows, rng: Random) -> tuple[list[str], Rows]:
    for _ in range(10):
        rng.choice(rows)[0] = rng.choice(rows)[0]
    return header, rows


def repeated_rows(header: list[str], rows: Rows, rng: Random) -> tuple[list[str], Rows]:
    for row in rows:
        row[0] = rng.choice(["", row[0]])
    return header, rows + [list(row) for row in rng.sample(rows, 12)]


def ragged_rows(header: list[str], rows: Rows, rng: Random) -> tuple[list[str], Rows]:
    for row in rng.sample(rows, 8):
        if rng.random() < 0.5:
            row.append("extra")
        else:
            del row[rng.randrange(2, 7) :]
    return header, rows


def header_again(header: list[str], rows: Rows, rng: Random) -> tuple[list[str], Rows]:
    rows.insert(rng.randrange(len(rows)), list(header))
    return header, rows


def no_rows(header: list[str], rows: Rows, rng: Random) -> tuple[list[str], Rows]:
    return header, rows[: rng.randrange(2)]


NUMBERS, INSTANTS = ["quantity", "amount"], ["ordered_at"]
CELLS = {
    "swapped columns": swapped_columns,
    "repeated ids": repeated_ids,
    "repeated rows": repeated_rows,
    "ragged rows": ragged_rows,
    "header again": header_again,
    "no rows": no_rows,
    "empty cells": _cells(["", " ", "   "]),
    "wrong types": _cells(["x", "true", "[]", "2024-01-01", "12", "0x1F"]),
    "not finite": _cells(["nan", "NaN", "inf", "-Infinity", "NULL", "None"], NUMBERS),
    "huge numbers": _cells(
        ["1e308", "-1e18", "99999999999999", "100000000000000", "1e400", "9" * 60], NUMBERS
    ),
    "other notations": _cells(
        ["1,5", "1.234,5", "1 000", "$5", "5-", "(5)", "١", "+5", ".5", "5.", "1e2"], NUMBERS
    ),
    "future dates": _cells(["2024-03-01 12:00:01", "2024-12-31", "2199-01-01 00:00:00"], INSTANTS),
    "impossible dates": _cells(
        ["2024-02-30", "0000-00-00", "9999-12-31", "1066-10-14", "31.12.2023", "2024-02-01 25:00", "now"],
        INSTANTS,
    ),
    "odd text": _cells(
        ["茶", "a\nb", 'say "x"', "a,b", "';--", "🍵", "\u202e", "a\tb", "é" * 300], HEADER[:4]
    ),
    "everything": _cells(["", "x", "nan", "1e400", "2024-02-30", "茶", "-0", "l1"]),
}


def truncated(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data))]


def flipped(data: bytes, rng: Random) -> bytes:
    ruined = bytearray(data)
    for _ in range(rng.randrange(1, 30)):
        ruined[rng.randrange(len(ruined))] = rng.randrange(256)
    return bytes(ruined)


def mixed_encodings(data: bytes, rng: Random) -> bytes:
    lines = data.splitlines(keepends=True)
    other = rng.choice(["gb18030", "utf-16", "shift_jis"])
    lines.insert(rng.randrange(1, len(lines)), "l99,o99,顧客,緑茶,2024-01-01,1,1\n".encode(other))
    return b"".join(lines)


def another_encoding(data: bytes, rng: Random) -> bytes:
    return data.decode().replace("c1", "客").encode(rng.choice(["utf-16", "utf-32", "gb18030"]))


def nul_bytes(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes(rng.randrange(1, 200)) + data[at:]


def stray_quotes(data: bytes, rng: Random) -> bytes:
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data))
        data = data[:at] + b'"' + data[at:]
    return data


def mixed_line_ends(data: bytes, rng: Random) -> bytes:
    return b"".join(line + rng.choice([b"\n", b"\r\n", b"\r", b"\n\n"]) for line in data.splitlines())


def random_bytes(data: bytes, rng: Random) -> bytes:
    return rng.randbytes(rng.randrange(len(data)))


def header_cut(data: bytes, rng: Random) -> bytes:
    return data[rng.randrange(1, 40) :]


BYTES = {
    function.__name__.replace("_", " "): function
    for function in (
        truncated,
        flipped,
        mixed_encodings,
        another_encoding,
        nul_bytes,
        stray_quotes,
        mixed_line_ends,
        random_bytes,
        header_cut,
    )
}


def gzipped(data: bytes, rng: Random) -> bytes:
    """A compressed file that was cut, or ruined somewhere."""
    return rng.choice([truncated, flipped])(gzip.compress(data, mtime=0), rng)


def parquet_of(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _typed(table: pa.Table) -> pa.Table:
    for name in NUMBERS:
        at = table.column_names.index(name)
        table = table.set_column(at, name, table[name].cast(pa.float64()))
    return table


def parquet_bytes(table: pa.Table, rng: Random) -> bytes:
    return rng.choice([truncated, flipped, random_bytes])(parquet_of(_typed(table)), rng)


def parquet_types(table: pa.Table, rng: Random) -> bytes:
    """A column or two of types that no such column has."""
    n = len(table)
    odd = [
        pa.array([True, None, False] * n)[:n],
        pa.array([[1.0], None, []] * n)[:n],
        pa.array([{"a": 1}] * n),
        pa.array([b"\xff\x00"] * n, pa.binary()),
        pa.nulls(n),
        pa.nulls(n, pa.timestamp("ns")),
        pa.array([float("nan"), float("inf"), 1e300] * n)[:n],
        pa.array(range(n), pa.uint64()),
        pa.array([2**62] * n).cast(pa.timestamp("us", "Asia/Tokyo")),
        pa.array(["x"] * n).dictionary_encode(),
        pa.array([1] * n, pa.time64("us")),
    ]
    table = _typed(table)
    for _ in range(rng.randrange(1, 3)):
        at = rng.randrange(table.num_columns)
        table = table.set_column(at, table.column_names[at], rng.choice(odd))
    return parquet_of(table)


def parquet_columns(table: pa.Table, rng: Random) -> bytes:
    """A column gone, twice under names that differ in case only, or none of the rows left."""
    gone = rng.choice(table.column_names)
    return parquet_of(
        rng.choice(
            [
                table.drop_columns([gone]),
                table.append_column(gone.upper(), table[gone]),
                table.slice(0, 0),
                table.select([]),
            ]
        )
    )


PARQUET = {
    "parquet bytes": parquet_bytes,
    "parquet types": parquet_types,
    "parquet columns": parquet_columns,
}


ODD_CODES = ["POST", "gift_0001_10", "", None, "茶", "85123a"]


def retail(rng: Random, count: int = 40) -> pa.Table:
    """Lines in the form of Online Retail II, with every cell that a mapping reads now and then odd."""

    def now_and_then(usual: object, *odd: object) -> list[object]:
        return [rng.choice(odd) if rng.random() < 0.1 else usual for _ in range(count)]

    codes = [rng.choice([*ODD_CODES, "22041", "22042", "22043", "22044"]) for _ in range(count)]
    return pa.table(
        {
            "Invoice": pa.array(now_and_then("489434", "C489434", None, ""), pa.string()),
            "StockCode": pa.array(codes, pa.string()),
            "Description": pa.array(now_and_then("MUG", "CHRISTMAS BAG", None, "?"), pa.string()),
            "Quantity": pa.array(now_and_then(2, -2, 0, 2**62, None), pa.int64()),
            "InvoiceDate": pa.array(
                now_and_then(
                    "2010-01-05 11:44:00", "2010-03-28 01:30:00", "05/01/2010", "2033-01-01 00:00:00", None
                ),
                pa.string(),
            ),
            "Price": pa.array(
                now_and_then(2.55, float("nan"), float("inf"), -1.0, 0.0, 1e300, None), pa.float64()
            ),
            "Customer ID": pa.array(
                now_and_then(float(13085), 7.5, float("nan"), 1e300, None, -1.0), pa.float64()
            ),
            "Country": pa.array(now_and_then("France", None, "EIRE"), pa.string()),
        }
    )
