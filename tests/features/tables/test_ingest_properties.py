"""Whatever is broken in an export: every row is accounted for, twice is once, and pieces give the whole."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEADER = "line_id,order_id,customer_id,product_id,ordered_at,quantity,amount"
GOOD = ("", "o1", "c1", "p1", "2024-01-01T00:00:00Z", "1", "1.5")
# Values that are wrong, odd or merely different, in any column.
VALUES = st.sampled_from(
    [
        "",
        " ",
        "x",
        "0",
        "-1",
        "1e400",
        "nan",
        "2024-02-30",
        "2024-03-31 02:30",
        "茶",
        "a\nb",
        "'",
        ";",
        "99999999",
    ]
)
ROW = st.tuples(
    st.sampled_from(["", "l1", "l2", "l3"]),
    st.sampled_from(["o1", "o2"]) | VALUES,
    st.sampled_from(["c1", "c2"]) | VALUES,
    st.sampled_from(["p1", "p2"]),
    st.sampled_from(["2024-01-01T00:00:00Z", "2024-01-02 10:00"]) | VALUES,
    st.sampled_from(["1", "2"]) | VALUES,
    st.sampled_from(["1.5", "-1.5"]) | VALUES,
)


def csv_of(rows: list[tuple[str, ...]]) -> str:
    return "\n".join([HEADER, *(",".join(f'"{value}"' for value in row) for row in rows)]) + "\n"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=30), cut=st.integers(min_value=0, max_value=30))
def test_every_row_is_accounted_for_and_pieces_give_the_whole(new_shop: Callable, rows, cut):
    rows = [GOOD, *rows]  # one good row, or the whole table would be refused
    whole, pieces = new_shop(), new_shop()
    whole.write("orders.csv", csv_of(rows))
    report = whole.ingest()["orders"]  # asserts read = loaded + rejected + duplicates
    assert report["read"] == len(rows)
    assert whole.rows("SELECT count(*) AS n FROM orders") == [{"n": report["loaded"]}]
    quarantined = [(r["row"], r["column"], r["reason"]) for r in whole.quarantined()]
    assert len(quarantined) == report["rejected"]

    before = whole.state()
    assert whole.ingest()["orders"]["duplicates"] == len(rows)
    assert whole.state() == before

    # The same rows in two files of one ingest: the same lake, the same rejections at shifted row numbers.
    parts = [part for part in (rows[:cut], rows[cut:]) if part]
    for number, part in enumerate(parts):
        pieces.write(f"orders/{number}.csv", csv_of(part))
    split = pieces.ingest()["orders"]
    assert split == report
    everything = "SELECT * FROM orders ORDER BY ALL"
    assert pieces.rows(everything) == whole.rows(everything)
    first = len(parts[0])
    shifted = [
        (r["row"] + (first if r["file"] == "orders/1.csv" else 0), r["column"], r["reason"])
        for r in pieces.quarantined()
    ]
    assert shifted == quarantined
