"""The engine's promises: parameters, registration, Parquet out, and names that cannot break SQL."""

from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import DataError
from features.tables.duckdb_engine import DuckDBEngine, identifier, literal
from features.tables.engine import Engine, read_sql


@pytest.fixture
def engine():
    with DuckDBEngine() as engine:
        yield engine


def test_parameters_are_named_and_typed(engine: Engine):
    result = engine.query(
        "SELECT $as_of - INTERVAL 1 DAY < $as_of AS before, $n + 1 AS n", {"as_of": date(2024, 1, 1), "n": 1}
    )
    assert result.to_pylist() == [{"before": True, "n": 2}]


def test_a_registered_table_is_readable_and_replaceable(engine: Engine):
    engine.register("t", pa.table({"x": [1, 2]}))
    assert engine.query("SELECT sum(x)::INT AS s FROM t").to_pylist() == [{"s": 3}]
    engine.register("t", pa.table({"x": [5]}))
    assert engine.query("SELECT x FROM t").to_pylist() == [{"x": 5}]


def test_copy_keeps_the_order_of_the_query(engine: Engine, tmp_path):
    path = tmp_path / "it's.parquet"
    engine.execute("CREATE TABLE numbers AS SELECT range AS i FROM range(1000)")
    engine.copy_to_parquet("SELECT i FROM numbers WHERE i < $end ORDER BY i DESC", path, {"end": 500})
    assert pq.read_table(path)["i"].to_pylist() == list(range(499, -1, -1))


def test_plain_and_zoned_stamps_convert_in_utc_whatever_the_machine(engine: Engine, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with DuckDBEngine() as elsewhere:
        (row,) = elsewhere.query(
            "SELECT CAST(TIMESTAMPTZ '2024-01-01 00:00:00+00' AS VARCHAR) AS t"
        ).to_pylist()
    assert row["t"] == "2024-01-01 00:00:00+00"


def test_quoting_takes_any_text(engine: Engine):
    name, text = 'a"b', "it's"
    assert engine.query(f"SELECT {literal(text)} AS {identifier(name)}").to_pylist() == [{name: text}]


def test_a_query_that_does_not_exist_is_named():
    with pytest.raises(DataError, match="no query named nowhere"):
        read_sql("nowhere")
