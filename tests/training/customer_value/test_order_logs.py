"""Order logs and summaries from files and from the lake, with histories counted by hand."""

from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.errors import DataError, NotReadyError
from features.profiles.build import build_profiles
from features.tables.duckdb_engine import open_lake
from features.tables.ingest import ingest
from features.tables.lake import Lake
from training.customer_value.jobs import observe_lake, observe_log
from training.customer_value.purchase_days import lake_purchase_days
from training.customer_value.sources import parse_columns, read_order_log, read_summary

LOG = """who,when,paid
ann,2024-01-01,10.00
ann,2024-01-01,5.00
ann,2024-01-08,20.00
ann,2024-01-22,30.00
ann,2024-02-10,8.00
bo,2024-01-15,7.00
bo,2024-01-20,-7.00
cy,2024-02-01,0.00
"""
COLUMNS = {"customer_id": "who", "ordered_at": "when", "amount": "paid"}


@pytest.fixture
def log_of(tmp_path):
    def read(text=LOG, zone="UTC", columns=COLUMNS):
        path = tmp_path / "orders.csv"
        path.write_text(text, encoding="utf-8")
        return read_order_log(path, columns, zone)

    return read


def test_histories_by_hand(log_of):
    summary = log_of().summary(date(2024, 1, 31), "day")
    assert summary.customer_id.to_pylist() == ["ann", "bo"]  # cy came later
    assert summary.frequency.tolist() == [2, 0]
    assert summary.recency.tolist() == [21, 0]  # 1 to 22 January
    assert summary.T.tolist() == [30, 16]
    assert summary.monetary_value[0] == pytest.approx((20 + 30) / 2)  # the first day is not in it
    assert np.isnan(summary.monetary_value[1])


def test_a_week_is_seven_days_and_not_rounded(log_of):
    summary = log_of().summary(date(2024, 1, 31), "week")
    assert summary.recency.tolist() == [3.0, 0.0]
    assert summary.T.tolist() == pytest.approx([30 / 7, 16 / 7])


def test_the_calibration_day_is_inclusive(log_of):
    days = log_of()
    assert days.summary(date(2024, 1, 22), "day").frequency[0] == 2
    assert days.summary(date(2024, 1, 21), "day").frequency[0] == 1
    purchases, paid = days.after(date(2024, 1, 21), pa.array(["bo", "ann", "nobody"]))
    assert purchases.tolist() == [0, 2, 0]
    assert paid.tolist() == [0, 38, 0]


def test_a_day_of_returns_is_none_but_one_at_no_charge_is(log_of):
    """As the published counts of CDNOW have it, which holds 80 purchases of 0."""
    days = log_of()
    assert days.newest_day == date(2024, 2, 10)
    assert days.summary(date(2024, 2, 10), "day").frequency.tolist() == [3, 0, 0]


def test_the_holdout_follows_the_calibration(log_of):
    observed = observe_log(log_of(), "day", date(2024, 1, 31))
    assert observed.later.days == 10
    assert observed.later.purchases.tolist() == [1, 0]
    with pytest.raises(DataError, match="no purchase is known after 2024-02-10"):
        observe_log(log_of(), "day", date(2024, 2, 10))
    with pytest.raises(NotReadyError, match="Nobody bought anything by 2023-12-31"):
        observe_log(log_of(), "day", date(2023, 12, 31))


@pytest.mark.parametrize(
    ("stamp", "zone", "day"),
    [
        ("2024-01-01", "America/New_York", date(2024, 1, 1)),  # a bare date is a local day
        ("2024-01-01T02:00:00Z", "America/New_York", date(2023, 12, 31)),
        ("2024-01-01 02:00:00", "America/New_York", date(2023, 12, 31)),  # no offset: UTC
        ("2024-01-01T20:00:00+00:00", "Asia/Shanghai", date(2024, 1, 2)),
    ],
)
def test_local_days(log_of, stamp, zone, day):
    assert log_of(f"who,when,paid\nann,{stamp},1\n", zone).newest_day == day


def test_parquet_dates_are_local_days(tmp_path):
    table = pa.table({"customer_id": [7], "ordered_at": pa.array([date(2024, 1, 1)]), "amount": [1.5]})
    pq.write_table(table, tmp_path / "log.parquet")
    days = read_order_log(tmp_path / "log.parquet", {}, "America/New_York")
    assert days.newest_day == date(2024, 1, 1)
    assert days.customer_ids.to_pylist() == ["7"]


@pytest.mark.parametrize(("hour", "first"), [(0, date(2024, 1, 1)), (3, date(2023, 12, 31))])
def test_stamps_that_are_all_midnight_are_days(tmp_path, hour, first):
    """One stamp at three in the morning makes it a column of instants: midnight UTC is the evening before."""
    stamps = pa.array([datetime(2024, 1, 1, tzinfo=None), datetime(2024, 1, 9, hour)])  # noqa: DTZ001
    table = pa.table({"customer_id": ["a", "a"], "ordered_at": stamps, "amount": [1.0, 1.0]})
    pq.write_table(table, tmp_path / "log.parquet")
    assert read_order_log(tmp_path / "log.parquet", {}, "America/New_York").first_day == first


def test_lines_that_cannot_be_read_are_counted_not_guessed(log_of):
    days = log_of(LOG + ",2024-01-01,1\nann,yesterday,1\nann,2024-01-30,much\nann,2024-01-29,\n")
    assert days.rejected == {
        "customer_id: missing": 1,
        "ordered_at: not an instant": 1,
        "amount: not a number": 1,
        "amount: missing": 1,
    }
    assert days.summary(date(2024, 1, 31), "day").frequency.tolist() == [2, 0]


def test_a_log_without_any_good_line_is_refused(log_of):
    with pytest.raises(DataError, match="ordered_at: not an instant"):
        log_of("who,when,paid\nann,soon,1\nbo,later,2\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("customer_id=ID,frequency", "at 'frequency'"),
        ("customer_id=ID,customer_id=x", "at 'customer_id=x'"),
        ("=x", "at '=x'"),
    ],
)
def test_columns_are_read_or_refused(text, words):
    assert parse_columns(" customer_id = ID ,T=age") == {"customer_id": "ID", "T": "age"}
    assert parse_columns(None) == {}
    with pytest.raises(DataError, match=words):
        parse_columns(text)


def test_a_missing_column_is_named(log_of):
    with pytest.raises(DataError, match="has no column customer_id; it has who, when, paid"):
        log_of(columns={})
    with pytest.raises(DataError, match="--columns names spend"):
        log_of(columns={**COLUMNS, "spend": "paid"})


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a,1.5,1,2", "a frequency that is no count"),
        ("a,-1,1,2", "a frequency that is no count"),
        ("a,1,3,2", "recency above T"),
        ("a,0,1,2", "without a repeat purchase"),
        ("a,1,-1,2", "negative recency"),
        ("a,many,1,2", "no number"),
        ("a,1,1,nan", "no number"),
        (",1,1,2", "without a customer_id"),
        ("b,1,1,2", "who has another row"),
    ],
)
def test_summaries_that_are_no_histories_are_refused(tmp_path, row, words):
    path = tmp_path / "summary.csv"
    path.write_text(f"customer_id,frequency,recency,T\nb,1,1,2\n{row}\n", encoding="utf-8")
    with pytest.raises(DataError, match=words):
        read_summary(path, {}, "day")


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_summary(tmp_path / "nothing.csv", {}, "day")
    (tmp_path / "summary.xlsx").write_text("x", encoding="utf-8")
    with pytest.raises(DataError, match="is not one of"):
        read_summary(tmp_path / "summary.xlsx", {}, "day")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match="cannot be read"):
        read_order_log(tmp_path / "broken.parquet", {}, "UTC")


def test_the_lake_counts_as_the_profile_does(synthetic_lake):
    """Frequency, recency, T and monetary value are the profile's own, returns undone."""
    settings, _ = synthetic_lake
    as_of = date(2024, 6, 1)
    with open_lake(Lake(settings.lake)) as engine:
        profiles = build_profiles(engine, as_of, settings).customers
        summary = observe_lake(engine, as_of, "day", None).summary
    agreed = pc.and_(pc.is_valid(profiles["frequency"]), profiles["consent_personalization"])
    bought = profiles.filter(agreed)
    assert 0 < len(summary) < profiles.num_rows
    assert summary.customer_id.to_pylist() == bought["customer_id"].to_pylist()
    for name in ("frequency", "recency", "T"):
        assert getattr(summary, name).tolist() == bought[name].to_pylist()
    known = summary.frequency > 0
    assert summary.monetary_value[known] == pytest.approx(
        bought["monetary_value"].to_numpy().astype(float)[known]
    )


def test_a_calibration_knows_no_later_return(tmp_path, settings_for):
    """The return of March undoes January's purchase, but on 31 January nobody knew."""
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "orders.csv").write_text(
        "order_id,customer_id,product_id,ordered_at,quantity,amount\n"
        "1,ann,tea,2024-01-02T10:00:00Z,1,5\n2,ann,pot,2024-01-20T10:00:00Z,1,50\n"
        "3,ann,pot,2024-03-01T10:00:00Z,-1,-50\n4,ann,tea,2024-03-05T10:00:00Z,1,5\n",
        encoding="utf-8",
    )
    settings = settings_for(tmp_path / "workspace")
    ingest(tmp_path / "export", None, settings)
    with open_lake(Lake(settings.lake)) as engine:
        observed = observe_lake(engine, date(2024, 3, 6), "day", date(2024, 1, 31))
        now = observe_lake(engine, date(2024, 3, 6), "day", None)
        with pytest.raises(NotReadyError, match="no purchase before 2024-01-02"):
            lake_purchase_days(engine, date(2024, 1, 2))
    assert observed.summary.frequency.tolist() == [1]
    assert observed.later.purchases.tolist() == [1]
    assert now.summary.frequency.tolist() == [1]
    assert now.summary.recency.tolist() == [63]  # 2 January to 5 March
