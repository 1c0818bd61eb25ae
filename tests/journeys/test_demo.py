"""`huitou demo` on a fifth of Complete Journey: everything the closing JSON promises, from this run."""

import json
import re
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from features.columns import PERSONAL_PLACEMENTS, SEGMENTS, TASKS, TIERS
from features.database.store import open_database
from tests.support.command import huitou_json


@pytest.fixture(scope="module")
def summary():
    with tempfile.TemporaryDirectory(prefix="huitou-") as folder:
        found = huitou_json("demo", "--quick", "--no-serve", folder=Path(folder))
        yield found | {"workspace": Path(folder) / "var-quick"}


def test_every_row_is_accounted_for(summary):
    orders = summary["orders"]
    assert orders["read"] == orders["loaded"] + orders["rejected"] + orders["duplicates"] > 200_000
    assert summary["profiles"] == sum(summary["segments"].values()) == sum(summary["tiers"].values()) > 400
    assert set(summary["segments"]) <= set(SEGMENTS)
    assert set(summary["tiers"]) == set(TIERS)
    assert summary["as_of"] == "2018-01-01"


def test_the_judge_reports_every_model_on_every_task(summary):
    assert summary["cut"] == "2017-12-04"
    for task in TASKS:
        rows = {row["model"]: row for row in summary["models"][task]}
        assert {
            "popularity",
            "popularity_28d",
            "personal_frequency",
            "item_knn",
            "rp3beta",
            "implicit_als",
        } <= set(rows)
        for row in rows.values():
            assert row["paired"]["against"] == "popularity_28d"
            for metric in ("recall@20", "recall_capped@20", "ndcg@20"):
                low, high = row["ci"][metric]
                assert 0 <= low <= row[metric] <= high <= 1
    repeats = {row["model"]: row for row in summary["models"]["all"]}
    assert repeats["personal_frequency"]["paired"]["ndcg@20"][1] > 0, (
        "grocery customers buy again what they bought"
    )
    assert set(summary["champion"]) == set(PERSONAL_PLACEMENTS)


def test_the_release_is_live_and_three_customers_have_answers(summary):
    assert summary["published_customers"] == summary["profiles"]
    assert len({customer["customer_id"] for customer in summary["sample"]}) == 3
    for customer in summary["sample"]:
        assert customer["tier"] in TIERS
        assert len(customer["recommendations"]) == 5
        assert all(product["reason"]["text"] for product in customer["recommendations"])
        assert customer["bought"]
        assert customer["offers"]
    steps = {"ingest", "train", "profiles", "fit", "release", "publish", "simulate", "total"}
    assert steps <= set(summary["seconds"])
    assert summary["peak_memory_mb"] < 4000


def test_a_simulated_experiment_is_judged_beside_its_truth(summary):
    found = summary["experiment"]
    assert (found["key"], found["metric"]) == ("simulated-win-back", "repeat_purchase_d30")
    low, high = found["ci_abs"]
    assert low < found["lift_abs"] < high
    assert low <= found["true_lift_abs"] <= high
    assert found["sample_ratio_p"] >= 0.001
    assert found["verdict"]["code"] == "ship"
    assert summary["simulation"]["simulated"] is True


def test_the_demos_console_has_its_report_and_its_server_does_not_run_it(summary):
    with closing(open_database(f"sqlite:///{summary['workspace'] / 'huitou.db'}")) as database:
        record = database.experiments.get("simulated-win-back")
        assert (record.state, record.simulated) == ("stopped", True)
        report = json.loads(database.experiments.latest_report(record.key).body)
        assert database.control().experiments == ()
    assert report["simulated"] is True
    assert report["truth"]["lift_abs"] == summary["experiment"]["true_lift_abs"]
    assert report["verdict"] == summary["experiment"]["verdict"]


def test_the_notebook_of_the_docs_runs_on_the_demos_workspace(summary, monkeypatch):
    page = Path(__file__).parents[2] / "docs" / "data-scientist.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.setenv("HUITOU_WORKSPACE", str(summary["workspace"]))
    found = {}
    exec(compile(code, str(page), "exec"), found)
    assert found["scores"].shape == (10, found["interactions"].shape[1])
    assert found["profiles"].customers.num_rows == summary["profiles"]
    assert found["spend"].num_rows == summary["profiles"]
