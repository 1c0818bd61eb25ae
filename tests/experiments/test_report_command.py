"""`huitou experiment analyze KEY` and `report`: what is printed, stored, written and logged."""

import json

import pyarrow.csv
import pytest
from typer.testing import CliRunner

from experiments.analysis.live import store_report
from experiments.analysis.tracking import EXPERIMENT
from experiments.commands import experiment_app
from experiments.design import parse_design
from features.database.store import open_database
from features.errors import DataError, NotReadyError
from features.mlflow_client import tracking_client
from tests.support.live_shop import LiveShop, utc

HALVES = [{"key": "control", "weight": 0.5}, {"key": "offer", "weight": 0.5}]


def plan(key):
    rails = [{"measure": "revenue_d7", "margin_relative": -0.5}]
    primary = "repeat_purchase_d7"
    return parse_design(
        {"key": key, "rule": "fixed", "variants": HALVES, "primary": primary, "guardrails": rails}
    )


@pytest.fixture
def shop(tmp_path, settings_for):
    """An experiment on 60 customers, of whom offers bring more back; one without exposures, and a draft."""
    with open_database(settings_for(tmp_path / "var").database_url) as database:
        shop = LiveShop(tmp_path, settings_for(tmp_path / "var"), database)
        rows = [
            (f"o{i}", f"c{i}", "p1", utc(8 + i % 3), 1, 5.0 + i % 4)
            for i in range(60)
            if i % 4 < 2 or i % 3 == 0
        ]
        shop.load(orders=[*rows, ("last", "z", "p1", utc(25), 1, 1.0)])
        shop.start(plan("mail"), utc(1))
        variants = ("offer", "offer", "control", "control")
        shop.expose("mail", *((f"c{i}", variants[i % 4], utc(5), "gold", "loyal") for i in range(60)))
        shop.start(plan("waiting"), utc(1))
        database.experiments.save_design("draft", plan("draft").to_json(), "test", utc(1))
        yield shop


@pytest.fixture
def run(tmp_path, empty_config):
    """Run a command; returns its JSON, or with `as_json=False` what a person sees."""

    def invoke(*words, as_json=True):
        options = [
            "--config",
            empty_config,
            "--workspace",
            tmp_path / "var",
            *(["--json"] if as_json else []),
        ]
        done = CliRunner().invoke(experiment_app, [str(word) for word in (*words, *options)])
        if done.exception is not None:
            raise done.exception
        return (
            json.loads(done.stdout.splitlines()[-1], parse_constant=pytest.fail) if as_json else done.stdout
        )

    return invoke


def test_analyze_without_files_reads_database_and_lake_and_stores_nothing(shop, run):
    body = run("analyze", "mail")
    assert (body["experiment"], body["metrics"][0]["variants"][0]["mean"]) == ("mail", 1.0)
    assert {segment["by"] for segment in body["segments"]} == {"tier", "segment"}
    assert {segment["by"] for segment in run("analyze", "mail", "--by", "lifecycle")["segments"]} == {
        "lifecycle"
    }
    assert shop.database.experiments.latest_report("mail") is None


def test_a_report_is_stored_with_charts_and_a_line_in_the_log(shop, run):
    (body,) = run("report", "mail", "--actor", "ann", "--no-mlflow")["reports"]
    assert "charts" not in body
    stored = shop.database.experiments.latest_report("mail")
    kept = json.loads(stored.body, parse_constant=pytest.fail)
    assert set(kept["charts"]) >= {"forest", "cumulative", "retention", "guardrails", "tiers", "matured"}
    assert kept["charts"]["forest"]["zh"].startswith("<svg")
    assert {name: part for name, part in kept.items() if name != "charts"} == body
    assert (stored.version, stored.data_through.isoformat()) == (1, body["data_through"])
    last = shop.database.experiments.log("mail")[-1]
    assert (last.actor, last.action) == ("ann", "reported")


def test_a_person_reads_the_verdict_first(shop, run):
    shown = run("report", "mail", "--no-mlflow", as_json=False)
    assert shown.startswith("Ship offer: 7-day repeat purchase up")
    assert "Customers split as planned" in shown
    assert "offer: first order" in shown


def test_all_reports_what_was_started_and_says_what_it_cannot(shop, run, tmp_path):
    (shown,) = run("report", "--all", "--no-mlflow", "--csv", tmp_path / "lifts.csv")["reports"]
    table = pyarrow.csv.read_csv(tmp_path / "lifts.csv").to_pylist()
    assert {row["experiment"] for row in table} == {"mail"}
    everybody = next(row for row in table if not row["by"])
    assert everybody["lift_abs"] == pytest.approx(shown["metrics"][0]["variants"][0]["lift_abs"])
    with pytest.raises(NotReadyError, match="'waiting' has no exposures yet"):
        run("report", "waiting", "--no-mlflow")
    # One that cannot be reported does not keep the others from being.
    shop.expose("waiting", ("c1", "stranger", utc(5)))
    with pytest.raises(DataError, match="1 of 2 experiments could not be reported: waiting"):
        run("report", "--all", "--no-mlflow")
    assert len(shop.database.experiments.reports("mail")) == 2


def test_each_report_is_a_run(shop):
    body = store_report(shop.settings, shop.database, "mail", now=utc(28), actor="test")
    with tracking_client(shop.settings) as client:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        (run,) = client.search_runs([experiment.experiment_id])
        files = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
    assert run.info.status == "FINISHED"
    assert (run.data.params["rule"], run.data.params["primary"]) == ("fixed", "repeat_purchase_d7")
    lift = body["metrics"][0]["variants"][0]["lift_abs"]
    assert run.data.metrics["repeat_purchase_d7.offer.lift_abs"] == pytest.approx(lift)
    assert run.data.tags["verdict"] == body["verdict"]["code"]
    assert files >= {"report.json", "metrics.csv", "retention.csv", "cumulative.csv", "forest.en.svg"}


def test_a_failing_mlflow_is_stated_and_loses_no_report(shop, run, tmp_path):
    (tmp_path / "var" / "mlflow.db").mkdir()
    with pytest.raises(NotReadyError, match="unable to open database file"):
        run("report", "mail")
    assert shop.database.experiments.latest_report("mail") is not None
    quiet = shop.settings.mlflow.model_copy(update={"log_reports": False})
    settings = shop.settings.model_copy(update={"mlflow": quiet})
    assert store_report(settings, shop.database, "mail", now=utc(28), actor="test")["charts"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["analyze"], "--design, --exposures, --outcomes is missing"),
        (["analyze", "--design", "d.toml"], "--exposures, --outcomes is missing"),
        (["analyze", "mail", "--design", "d.toml"], "it names both an experiment and files"),
        (["report"], "report needs the keys of experiments or --all"),
        (["report", "mail", "--all"], "report needs the keys of experiments or --all"),
        (["report", "stranger"], "There is no experiment 'stranger'"),
        (
            ["report", "mail", "--no-mlflow", "--csv", "/no/such/folder/x.csv"],
            "/no/such/folder/x.csv cannot be written",
        ),
    ],
)
def test_what_is_asked_wrongly_is_stated(shop, run, words, message):
    with pytest.raises(DataError) as failure:
        run(*words)
    assert message in failure.value.message
    assert failure.value.remedy
