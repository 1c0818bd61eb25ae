"""Nothing is learned from who did not agree; where the shop never asked, everybody counts as agreeing."""

from datetime import date

import pytest

from features.tables.duckdb_engine import open_lake
from features.tables.engine import read_sql
from features.tables.ingest import ingest
from features.tables.lake import Lake
from training.purchases import read_purchases

ORDERS = "order_id,customer_id,product_id,ordered_at,quantity,amount\n" + "".join(
    f"{n},{customer},tea,2024-01-0{n}T10:00:00Z,1,5.00\n"
    for n, customer in enumerate(("yes", "no", "silent", "only_orders"), start=1)
)
ASKED = "customer_id,consent_personalization,consent_marketing\nyes,true,true\nno,false,true\nsilent,,false\n"
NEVER_ASKED = "customer_id\nyes\nno\nsilent\n"


@pytest.fixture
def engine_of(tmp_path, settings_for):
    def build(customers):
        export = tmp_path / "export"
        export.mkdir()
        (export / "orders.csv").write_text(ORDERS, encoding="utf-8")
        (export / "customers.csv").write_text(customers, encoding="utf-8")
        settings = settings_for(tmp_path / "workspace")
        ingest(export, None, settings)
        return open_lake(Lake(settings.lake))

    return build


def test_no_answer_is_a_no_where_the_shop_asks(engine_of):
    with engine_of(ASKED) as engine:
        assert read_purchases(engine, date(2024, 2, 1)).customers.ids == ("yes",)
        answers = {row.pop("customer_id"): row for row in engine.query(read_sql("consent")).to_pylist()}
    assert answers == {
        "yes": {"personalization": True, "marketing": True},
        "no": {"personalization": False, "marketing": True},
        "silent": {"personalization": False, "marketing": False},
        "only_orders": {"personalization": False, "marketing": False},
    }


def test_where_the_shop_never_asked_everybody_counts(engine_of):
    with engine_of(NEVER_ASKED) as engine:
        customers = read_purchases(engine, date(2024, 2, 1)).customers.ids
    assert customers == ("no", "only_orders", "silent", "yes")
