"""Profiles on disk."""

from datetime import date, datetime, timedelta

import pytest

from features.errors import DataError, NotReadyError
from features.profiles.store import read_profiles, write_profiles
from tests.support.order_lines import Line, profiles_of

AS_OF = date(2024, 3, 1)
START = datetime(2024, 1, 1, 12)  # noqa: DTZ001 - the shop's wall clock
LINES = [Line(f"c{n % 5}", f"p{n % 3}", START + timedelta(days=n), "60.00") for n in range(50)]


def test_what_was_written_is_read(tmp_path):
    profiles = profiles_of(LINES, AS_OF)
    write_profiles(profiles_of(LINES[:10], AS_OF), tmp_path)
    assert write_profiles(profiles, tmp_path) == tmp_path / "2024-03-01"
    again = read_profiles(tmp_path, AS_OF)
    assert again.customers.equals(profiles.customers)
    assert again.due.equals(profiles.due)
    assert again.summary() == profiles.summary()
    assert [path.name for path in tmp_path.iterdir()] == ["2024-03-01"]


def test_the_summary_counts_every_customer_once():
    summary = profiles_of(LINES, AS_OF).summary()
    assert summary["as_of"] == "2024-03-01"
    assert sum(summary["segments"].values()) == sum(summary["tiers"].values()) == summary["profiles"] == 5
    assert summary["tiers"] == {"bronze": 0, "silver": 5, "gold": 0, "platinum": 0}  # 10 × 60 each


def test_missing_profiles_name_the_command(tmp_path):
    with pytest.raises(NotReadyError, match="profiles build --as-of 2024-03-01"):
        read_profiles(tmp_path, AS_OF)


def test_a_damaged_file_is_named(tmp_path):
    write_profiles(profiles_of(LINES, AS_OF), tmp_path)
    (tmp_path / "2024-03-01" / "due.parquet").write_bytes(b"PAR1 no longer")
    with pytest.raises(DataError, match=r"due\.parquet"):
        read_profiles(tmp_path, AS_OF)
