"""`huitou experiment power`: a shop's past as if an experiment had run in it, worked by hand."""

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from experiments.commands import experiment_app
from features.errors import DataError, NotReadyError
from features.tables.ingest import ingest

D7 = "repeat_purchase_d7"
FIRST = datetime(2024, 1, 1, 12, tzinfo=UTC)
# Customer and days of orders. The newest day is 63, so the launch is day 63 − 7 − 28 = 28.
ORDERS = {
    "old": [0],
    "ada": [20, 30, 35],  # seen on day 30, bought 10 days before, returns after 5 days
    "eve": [27, 33],  # seen on day 33, bought 6 days before
    "bo": [11, 40],  # seen on day 40; day 11 is the 29th day before
    "cy": [27, 55, 62],  # seen on the last day of the 28; both ends of the windows
    "dee": [56],  # comes on day 56, too late to count
    "new": [63],  # the newest day is still going on
    "private": [30, 31],  # agreed to nothing
}


def day(number):
    return FIRST + timedelta(days=number)


@pytest.fixture
def shop(tmp_path, settings_for, empty_config):
    """Ingest the orders (and customers, events); gives the options of every command."""

    def build(orders=ORDERS, events=()):
        export = tmp_path / "export"
        export.mkdir()
        rows = [(customer, at) for customer, days in orders.items() for at in days]
        columns = {
            "order_id": [f"o{i}" for i in range(len(rows))],
            "line_id": [f"l{i}" for i in range(len(rows))],
            "customer_id": [customer for customer, _ in rows],
            "product_id": ["tea"] * len(rows),
            "ordered_at": [day(at) for _, at in rows],
            "quantity": [1] * len(rows),
            "amount": [10.0 + i for i in range(len(rows))],
        }
        pq.write_table(pa.table(columns), export / "orders.parquet")
        customers = {
            "customer_id": list(orders),
            "region": ["north" if name in ("ada", "bo") else "south" for name in orders],
            "consent_personalization": [name != "private" for name in orders],
        }
        pq.write_table(pa.table(customers), export / "customers.parquet")
        if events:
            seen = {
                "event_id": [f"e{i}" for i in range(len(events))],
                "type": ["view"] * len(events),
                "customer_id": [customer for customer, _ in events],
                "product_id": ["tea"] * len(events),
                "occurred_at": [day(at) for _, at in events],
            }
            pq.write_table(pa.table(seen), export / "events.parquet")
        settings = settings_for(tmp_path / "var")
        ingest(export, None, settings)
        return ["--config", str(empty_config), "--workspace", str(settings.workspace)]

    return build


def ask(options, *words):
    done = CliRunner().invoke(experiment_app, ["power", *options, *map(str, words)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def plan(options, *words):
    done = ask(options, "--json", *words)
    return json.loads(done.stdout.splitlines()[-1], parse_constant=pytest.fail)


def test_the_past_by_hand(shop):
    found = plan(shop(), "--metric", D7, "--lift-abs", 0.1)
    # Returned ada 1, eve 0, bo 0, cy 1: mean 1/2, variance 4 · .25 / 3. Bought before 1, 1, 0, 1, mean 3/4:
    # Σ(r − .5)(b − .75) = .125 − .125 + .375 + .125 = .5, Σ(r − .5)² = 1, Σ(b − .75)² = .75; ρ² = .5² / .75.
    assert found["baseline"] == {
        "mean": 0.5,
        "variance": pytest.approx(1 / 3),
        "rho_squared": pytest.approx(1 / 3),
        "customers": 4,
        "from": "2024-01-29",
        "seen_by": "orders",
    }
    # (1.95996 + .84162)² · (1 − 1/3) · 2 · (1/3 + .6 · .4) / .1² = 7.84888 · 76.4444
    assert found["customers_needed"] == 601
    assert found["customers_needed_without_cuped"] == 901  # 7.84888 · 114.6667 = 900.005
    assert (found["lift_abs"], found["lift_rel"]) == (0.1, pytest.approx(0.2))
    assert found["customers_per_day"] == pytest.approx(4 / 28)
    # 5 came in 35 days, the last 28 of them brought 3 (bo, cy, dee): 595 more take 595 / (3/28) days.
    assert found["days_needed"] == 35 + 5_563 + 8
    assert found["minimum_detectable"]["customers"] == 4
    assert found["minimum_detectable"]["days"] == 28 + 8


def test_what_a_number_of_customers_finds(shop):
    options = shop()
    found = plan(options, "--metric", D7, "--customers", 1_000)
    assert found["customers_needed"] == pytest.approx(1_000, abs=1)
    assert found["lift_abs"] == found["minimum_detectable"]["lift_abs"]
    assert found["days_needed"] == found["minimum_detectable"]["days"]
    back = plan(options, "--metric", D7, "--lift-abs", found["lift_abs"])
    assert back["customers_needed"] == pytest.approx(1_000, abs=1)
    # The hybrid ends at α .04 rather than .05: (2.05375 + .84162)² / (1.95996 + .84162)² = 1.0681.
    assert back["rules"]["hybrid"]["customers_needed"] == pytest.approx(1_068, abs=2)


def test_what_a_number_of_days_finds(shop):
    options = shop()
    month = plan(options, "--metric", D7, "--days", 28 + 8)
    assert month["minimum_detectable"]["customers"] == 4
    with pytest.raises(DataError, match="Within 8 days no customer matures"):
        ask(options, "--metric", D7, "--days", 8)


def test_events_count_where_they_reach_back(shop):
    events = [("bo", 28), ("old", 29), ("ada", 30), ("private", 30), ("cy", 60)]
    found = plan(shop(events=events), "--metric", D7, "--lift-abs", 0.1)
    # bo, old and ada were seen; ada bought on day 35.
    assert (found["baseline"]["seen_by"], found["baseline"]["customers"]) == ("events", 3)
    assert found["baseline"]["mean"] == pytest.approx(1 / 3)


def test_targeting_keeps_only_such_customers(shop):
    options = shop()
    found = plan(options, "--metric", D7, "--lift-abs", 0.1, "--targeting", "region=north")
    assert (found["baseline"]["customers"], found["baseline"]["mean"]) == (2, 0.5)  # ada and bo
    both = ("--targeting", "region=north", "--targeting", "region=south")
    assert plan(options, "--metric", D7, "--lift-abs", 0.1, *both)["baseline"]["customers"] == 4
    for wrong, words in [("shoe=42", "no field 'shoe'"), ("region", "is not FIELD=VALUE")]:
        with pytest.raises(DataError, match=words):
            ask(options, "--metric", D7, "--targeting", wrong)


def test_a_design_says_its_size(shop, tmp_path):
    design = tmp_path / "design.toml"
    design.write_text(
        f"""key = "three"
rule = "hybrid"
alpha = 0.1
planned_matured_customers = 100
primary = "{D7}"
coverage = 0.5
variants = [{{key = "control", weight = 0.4}}, {{key = "a", weight = 0.3}}, {{key = "b", weight = 0.3}}]
""",
        encoding="utf-8",
    )
    found = plan(shop(), "--design", design, "--lift-abs", 0.1)
    assert (found["metric"], found["rule"], found["alpha"], found["coverage"]) == (D7, "hybrid", 0.1, 0.5)
    # α .1 · .8 / 2 by hybrid and Holm: (2.05375 + .84162)² · (2/3) · ((1/3) / .4 + .24 / .3) / .1²
    assert found["customers_needed"] == 913
    assert found["customers_per_day"] == pytest.approx(2 / 28)


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_a_person_reads_sentences(shop, monkeypatch, locale):
    monkeypatch.setenv("HUITOU_SHOP__LOCALE", locale)
    text = " ".join(ask(shop(), "--metric", D7, "--lift-abs", 0.1).stdout.split())
    words = {
        "en": (
            "50.00% of 4 customers with an order",
            "+10.00 points (+20.0%)",
            "by 601 matured customers",
            "5,606 days",
        ),
        "zh": (
            "有订单的 4 位顾客为 50.00%",
            "+10.00 个百分点（+20.0%）",
            "共需 601 位观察期满的顾客",
            "5,606 天",
        ),
    }[locale]
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--metric", "profit_d30"), "'profit_d30' is no measure"),
        (("--metric", D7, "--lift-abs", "0.6"), "out of 0 to 1"),
        (("--metric", D7, "--lift-abs", "0"), "A lift of 0 cannot"),
        (("--metric", D7, "--lift-relative", "nan"), "A lift of nan cannot"),
        (("--metric", D7, "--days", "90", "--customers", "90"), "different questions"),
        (
            (
                "--metric",
                "offer_claims_d7",
            ),
            "is the same for all 4 customers",
        ),
    ],
)
def test_what_cannot_be_planned_says_why(shop, words, problem):
    with pytest.raises(DataError, match=problem) as caught:
        ask(shop(), *words)
    assert caught.value.remedy


def test_too_short_a_past_says_how_long_it_must_be(shop):
    options = shop()
    with pytest.raises(NotReadyError, match="span 63 days, and planning repeat_purchase_d8 needs 64"):
        ask(options, "--metric", "repeat_purchase_d8")
