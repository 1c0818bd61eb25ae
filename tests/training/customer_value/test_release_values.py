"""The values that go into the profiles of a release."""

import json
from datetime import date

import pytest

from features.profiles.build import build_profiles
from features.tables.duckdb_engine import open_lake
from features.tables.ingest import ingest
from features.tables.lake import Lake
from training.customer_value.jobs import release_values
from training.customer_value.lifetime import VALUE_SEGMENTS
from training.customer_value.values_table import VALUE_FIELDS, VALUE_SCHEMA, join_values

HEADER = "order_id,customer_id,product_id,ordered_at,quantity,amount\n"


def test_whoever_may_be_learned_from_has_a_value(synthetic_lake):
    settings, _ = synthetic_lake
    as_of = date(2024, 7, 1)
    with open_lake(Lake(settings.lake)) as engine:
        profiles = build_profiles(engine, as_of, settings).customers
        values = release_values(engine, as_of, settings)
    rows = join_values(profiles, values).to_pylist()
    valued = [row for row in rows if row["p_alive"] is not None]
    assert 0 < len(valued) < len(rows)
    for row in rows:
        known = row["consent_personalization"] and row["frequency"] is not None
        assert (row["p_alive"] is not None) == known
    for row in valued:
        assert 0 <= row["p_alive"] <= 1
        assert row["value_segment"] in VALUE_SEGMENTS
        assert row["lifetime_value"] == pytest.approx(
            row["p_alive"] * row["purchases_if_alive"] * row["expected_value"] * row["discount_factor"]
        )
    # What goes into the release is JSON, which has no NaN.
    json.dumps([{field.name: row[field.name] for field in VALUE_FIELDS} for row in rows], allow_nan=False)


@pytest.mark.parametrize(
    "orders",
    [
        "1,ann,tea,2024-01-02T10:00:00Z,1,5\n2,bo,tea,2024-01-03T10:00:00Z,1,5\n",  # nobody came back
        "1,ann,tea,2024-09-02T10:00:00Z,1,5\n",  # nobody bought before the date
    ],
)
def test_where_nothing_can_be_learned_there_are_no_values(tmp_path, settings_for, orders):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "orders.csv").write_text(HEADER + orders, encoding="utf-8")
    settings = settings_for(tmp_path / "workspace")
    ingest(tmp_path / "export", None, settings)
    with open_lake(Lake(settings.lake)) as engine:
        values = release_values(engine, date(2024, 7, 1), settings)
    assert values.num_rows == 0
    assert values.schema.equals(VALUE_SCHEMA)
