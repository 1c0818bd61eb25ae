"""`huitou profiles describe` is held to the profiles that are really built."""

from datetime import datetime

from features.profiles.build import build_profiles
from features.profiles.fields import CUSTOMER_FIELDS
from features.tables.duckdb_engine import open_lake
from features.tables.lake import Lake
from tests.support.command import huitou, huitou_json
from tests.support.loyal_shop import AS_OF
from tests.support.order_lines import Line, profiles_of

NULL_MEANS = {field.name: field.null for field in CUSTOMER_FIELDS}


def test_every_field_is_described(tmp_path):
    fields = huitou_json("profiles", "describe", folder=tmp_path)["fields"]
    assert {field["name"]: field["null"] or "" for field in fields} == NULL_MEANS
    for field in fields:
        assert field["name"]
        assert field["type"]
        assert field["unit"]
        assert field["formula"]
    assert len({field["name"] for field in fields}) == len(fields)
    shown = huitou("profiles", "describe", folder=tmp_path).stdout
    assert [name for name in NULL_MEANS if name not in shown] == []


def test_a_built_profile_has_the_fields_described(synthetic_lake):
    shop, truth = synthetic_lake
    with open_lake(Lake(shop.lake)) as engine:
        customers = build_profiles(engine, truth.start.replace(month=7), shop).customers
    assert customers.schema.names == list(NULL_MEANS)
    assert [str(kind) for kind in customers.schema.types] == [str(field.type) for field in CUSTOMER_FIELDS]
    nulls = {name for name in customers.schema.names if customers[name].null_count}
    assert nulls <= {name for name, meaning in NULL_MEANS.items() if meaning}


def test_of_whom_nothing_is_known_everything_is_null_that_may_be():
    # Another customer's line, so that there is a shop at all; of `stranger` only the id is known.
    other = Line("other", "milk", datetime(2024, 3, 1, 12), "5.00")  # noqa: DTZ001 - the shop's wall clock
    rows = profiles_of([other], AS_OF, signed_up={"stranger": None}).customers.to_pylist()
    (stranger,) = (row for row in rows if row["customer_id"] == "stranger")
    assert {name for name, value in stranger.items() if value is None} == {
        name for name, meaning in NULL_MEANS.items() if meaning
    }
