"""What is stamped later than the load has not happened: rejected, in every column that tells of the past."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from features.tables.ingest import ingest
from tests.support.command import huitou_json

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
ORDERS = "order_id,customer_id,product_id,ordered_at,quantity,amount\n"


def reasons(shop, now):
    return {
        name: table["reasons"]
        for name, table in ingest(shop.export, None, shop.settings, now=now).to_dict()["tables"].items()
    }


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=8))])
def test_an_order_after_now_is_rejected_and_one_at_now_is_not(shop, zone):
    rows = "o1,c,p,2024-03-01 12:00,1,1\no2,c,p,2024-03-01 12:00:01,1,1\no3,c,p,2033-01-01,1,1\n"
    shop.write("orders.csv", ORDERS + rows)
    assert reasons(shop, NOW.astimezone(zone)) == {"orders": {"ordered_at: in the future": 2}}
    assert shop.rows("SELECT order_id FROM orders") == [{"order_id": "o1"}]


def test_the_command_goes_by_the_clock(shop):
    shop.write("orders.csv", ORDERS + "o1,c,p,2024-01-01,1,1\no2,c,p,2199-01-01,1,1\n")
    report = huitou_json("ingest", shop.export, "--workspace", "var", folder=shop.export.parent)
    assert report["tables"]["orders"]["reasons"] == {"ordered_at: in the future": 1}


def test_without_a_clock_nothing_is_in_the_future(shop):
    shop.write("orders.csv", ORDERS + "o1,c,p,2199-01-01,1,1\n")
    assert reasons(shop, None) == {"orders": {}}


def test_every_instant_and_the_birth_date_are_past_and_plans_are_not(new_shop):
    shop = new_shop("Asia/Shanghai")
    shop.write(
        "customers.csv",
        "customer_id,signed_up_at,birth_date\na,2024-03-02,\nb,,2024-03-02\nc,2024-03-01,2024-03-01\n",
    )
    shop.write("products.csv", "product_id,name,category,available_from\np,x,y,2030-01-01\n")
    shop.write(
        "tickets.csv",
        "ticket_id,customer_id,category,opened_at,resolved_at\nt,c,system,2024-02-01,2025-01-01\n"
        "u,c,system,2024-02-01,2024-02-02\n",
    )
    shop.write("costs.csv", "cost_id,kind,occurred_at,amount,period_end\nk,program,2024-03-01,5,2024-12-31\n")
    assert reasons(shop, NOW) == {
        "customers": {"signed_up_at: in the future": 1, "birth_date: in the future": 1},
        "products": {},
        "tickets": {"resolved_at: in the future": 1},
        "costs": {},
    }


def test_a_birth_date_is_compared_with_the_shops_own_day(new_shop):
    shop = new_shop("Asia/Shanghai")
    shop.write("customers.csv", "customer_id,birth_date\na,2024-03-02\nb,2024-03-03\n")
    # 17:00 UTC on 1 March is 2 March in Shanghai.
    late = NOW.replace(hour=17)
    assert reasons(shop, late) == {"customers": {"birth_date: in the future": 1}}
