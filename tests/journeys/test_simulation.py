"""`huitou experiment simulate`: what HTTP and ingest bring back is, to the last digit, what was planted."""

import json
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from experiments.analysis.estimates import estimate
from experiments.analysis.sequential import FixedRule
from experiments.simulate import draw_population, planned_customers, simulate_twin
from features.database.store import open_database
from features.settings import load_settings
from features.tables.duckdb_engine import open_lake
from features.tables.lake import Lake
from huitou.simulation.run import OFFER_COST, Plan, design_of, simulation_settings
from tests.support.command import huitou_json, refusal

PLAN = Plan(customers=400, days=45, seed=5, true_lift=0.2)
POPULATION = {"customers": PLAN.customers, "days": PLAN.days, "true_lift": PLAN.true_lift}
OPTIONS = (
    "--customers",
    PLAN.customers,
    "--days",
    PLAN.days,
    "--seed",
    PLAN.seed,
    "--true-lift",
    PLAN.true_lift,
)


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory(prefix="huitou-") as name:  # short for the Redis socket
        yield Path(name)


@pytest.fixture(scope="module")
def summary(folder):
    return huitou_json("experiment", "simulate", *OPTIONS, folder=folder)


@pytest.fixture(scope="module")
def database(folder, summary):
    url = f"sqlite:///{folder / 'var' / 'simulation' / 'huitou.db'}"
    with closing(open_database(url)) as opened:
        yield opened


@pytest.fixture(scope="module")
def people():
    return draw_population(np.random.default_rng(PLAN.seed), **POPULATION)


def rows(folder, sql):
    with open_lake(Lake(folder / "var" / "simulation" / "lake"), threads=1) as engine:
        return engine.query(sql).to_pylist()


def test_http_and_the_twin_agree_on_assignment_outcomes_and_truth(summary, people):
    design = design_of(PLAN, planned_customers(people, PLAN.days))
    twin = simulate_twin(np.random.default_rng(PLAN.seed), design, **POPULATION)
    assert summary["exposed"] == twin.exposed
    control, gift = twin.matured["control"], twin.matured["gift"]
    found = summary["experiment"]
    assert summary["counted"] == control.n + gift.n > 100
    assert found["true_lift_abs"] == pytest.approx(twin.true_lift)
    assert found["level"] == 0.96, "the planned number is reached, so the hybrid gives its last interval"
    metric = next(each for each in design.described_metrics() if each.key == design.primary_key)
    judged = estimate(metric.model_copy(update={"covariate": None}), control, gift, FixedRule(0.04))
    assert found["lift_abs"] == pytest.approx(judged.lift_abs, abs=1e-9)
    assert found["ci_abs"] == pytest.approx(judged.ci_abs, abs=1e-9)
    low, high = found["ci_abs"]
    assert low <= found["true_lift_abs"] <= high
    assert summary["simulated"] is True
    assert summary["degraded"] == 0


def test_only_lapsed_customers_were_exposed_on_the_day_of_their_first_visit(database, people):
    exposures = [e for batch in database.experiments.exposure_batches("simulated-win-back") for e in batch]
    positions = [people.customer_ids.index(exposure.customer_id) for exposure in exposures]
    assert people.lapsed[positions].all()
    assert {exposure.lifecycle for exposure in exposures} == {"lapsing", "churned"}
    first = min(exposure.exposed_at.date() for exposure in exposures)
    days = [(exposure.exposed_at.date() - first).days for exposure in exposures]
    assert days == (people.first_visit[positions] - people.first_visit[positions].min()).tolist()


def test_the_offer_was_claimed_in_its_arm_only_and_every_claim_was_redeemed(folder, database, summary):
    claims = [claim for batch in database.claims.claim_batches() for claim in batch]
    exposures = [e for batch in database.experiments.exposure_batches("simulated-win-back") for e in batch]
    variant = {exposure.customer_id: exposure.variant for exposure in exposures}
    assert {variant[claim.customer_id] for claim in claims} == {"gift"}
    assert len(claims) == len({claim.customer_id for claim in claims}) == summary["claims"] > 10
    redeemed = rows(folder, "SELECT count(*) AS n, sum(amount)::DOUBLE AS amount FROM redemptions")[0]
    assert redeemed == {"n": len(claims), "amount": len(claims) * OFFER_COST}


def test_every_order_came_back_through_ingest(folder, summary):
    sql = "SELECT count(DISTINCT order_id) AS n FROM orders WHERE order_id LIKE 's%'"
    assert rows(folder, sql)[0]["n"] == summary["orders"] > 200


def test_what_was_served_was_clicked_and_bought(folder, database):
    events = [event for batch in database.event_batches(["click"]) for event in batch]
    assert len(events) > 100
    assert all(event.recommendation_id and event.product_id for event in events)
    bought = {(row["customer_id"], row["product_id"]) for row in rows(folder, "SELECT * FROM orders")}
    share = np.mean([(event.customer_id, event.product_id) in bought for event in events])
    assert 0.2 < share < 1


def test_the_report_is_kept_as_simulated_with_the_truth_beside_it(database, summary):
    record = database.experiments.get("simulated-win-back")
    assert (record.state, record.simulated) == ("stopped", True)
    actions = [entry.action for entry in database.experiments.log(record.key)]
    assert actions == ["created", "started", "stopped", "reported"]
    body = json.loads(database.experiments.latest_report(record.key).body)
    assert body["simulated"] is True
    truth = {"metric": "repeat_purchase_d30", "lift_abs": summary["experiment"]["true_lift_abs"]}
    assert body["truth"] == truth
    assert body["verdict"] == summary["experiment"]["verdict"]
    assert body["charts"]


def test_what_somebody_else_put_there_is_left_alone(tmp_path):
    kept = tmp_path / "var" / "simulation" / "notes.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine", encoding="utf-8")
    assert "is not of an earlier simulation" in refusal("experiment", "simulate", folder=tmp_path)
    assert kept.read_text(encoding="utf-8") == "mine"


def test_an_impossible_simulation_is_said_before_anything_is_written(tmp_path):
    assert "30 days" in refusal("experiment", "simulate", "--days", 30, folder=tmp_path)
    assert not (tmp_path / "var").exists()


def test_the_shops_own_database_cache_and_tracker_are_out_of_reach(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://shop.example/huitou")
    monkeypatch.setenv("REDIS_URL", "redis://shop.example:6379/0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://shop.example:5000")
    monkeypatch.setenv("HUITOU_EXPERIMENTS__HOLDOUT_SHARE", "0.1")
    simulated = simulation_settings(load_settings(None, tmp_path))
    for address in (simulated.database_url, simulated.mlflow_uri):
        assert address.startswith(f"sqlite:///{tmp_path}/simulation/")
    assert simulated.cache.redis_url == ""
    assert simulated.experiments.holdout_share == 0
