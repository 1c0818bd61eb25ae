"""`huitou value` as it is typed: files, the lake, refusals."""

import json
import shutil
from datetime import date
from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from features.errors import HuitouError
from tests.support.command import huitou_json, refusal
from training.customer_value.commands import value_app
from training.customer_value.saved_fit import read_fit
from training.customer_value.values_table import VALUE_SCHEMA

GOLDEN = Path(__file__).parents[2] / "golden" / "data"
SUMMARY = GOLDEN / "cdnow_customers_summary.csv"
PLAIN = ("--summary", SUMMARY, "--columns", "customer_id=ID")
WITH_MONEY = (
    "--summary", GOLDEN / "cdnow_customers_summary_with_transactions.csv",
    "--columns", "customer_id=ID,frequency=x,recency=t_x,monetary_value=zbar", "--time-unit", "week",
)  # fmt: skip


def run(folder, *arguments):
    """A command in this process, which spares the start of many: its JSON, or the stated failure."""
    here = (".json", ".csv", ".xlsx", ".svg")
    words = [str(folder / word) if str(word).endswith(here) else str(word) for word in arguments]
    finished = CliRunner().invoke(value_app, [*words, "--workspace", str(folder / "var"), "--json"])
    if isinstance(finished.exception, HuitouError):
        return str(finished.exception)
    assert finished.exception is None, finished.output
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("value")


@pytest.fixture(scope="module")
def saved(folder):
    """A fit of the published sample, saved as bg.json."""
    return huitou_json(
        "value", "fit", "--summary", SUMMARY, "--columns", "customer_id=ID", "--time-unit", "week",
        "--model", "bg_nbd", "--output", "bg.json", folder=folder,
    )  # fmt: skip


def test_fit_of_a_summary(saved, folder):
    assert saved["model"] == "bg_nbd"
    assert saved["params"].keys() == {"r", "alpha", "a", "b"} == saved["standard_errors"].keys()
    assert saved["log_likelihood"] == pytest.approx(-9582.4256, abs=0.005)
    assert saved["customers"] == 2357
    assert saved["converged"] is True
    assert saved["seconds"] > 0
    assert dict(read_fit(folder / "bg.json").fit().params) == saved["params"]
    # A fit of files leaves no workspace behind.
    assert not (folder / "var").exists()


def test_predict_from_a_saved_fit(saved, folder):
    result = run(
        folder, "predict", *WITH_MONEY, "--params", "bg.json", "--days", "273", "--output", "values.csv"
    )
    assert result["customers"] == 2357
    assert [fit["model"] for fit in result["fits"]] == ["bg_nbd", "gamma_gamma"]
    assert result["fits"][0]["params"] == saved["params"]
    assert sum(result["segments"].values()) == 2357
    table = pa_csv.read_csv(folder / "values.csv")
    assert table.column_names == VALUE_SCHEMA.names
    first = table.slice(0, 1).to_pylist()[0]
    # The published 1.226 purchases in 39 weeks and 24.66 a purchase.
    assert first["expected_purchases"] == pytest.approx(1.226, abs=5e-4)
    assert first["expected_value"] == pytest.approx(24.66, abs=5e-3)
    assert first["lifetime_value"] == pytest.approx(
        first["p_alive"] * first["purchases_if_alive"] * first["expected_value"] * first["discount_factor"]
    )


def test_fit_with_holdout_and_chart(folder):
    lines = ["customer,day,paid"]
    for customer in range(60):
        step = 4 + customer % 17
        lines += [
            f"c{customer},{date.fromordinal(738_900 + day)},9.5" for day in range(customer % 5, 300, step)
        ]
    (folder / "log.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = run(
        folder, "fit", "--orders", "log.csv", "--columns", "customer_id=customer,ordered_at=day,amount=paid",
        "--calibration-end", date.fromordinal(738_900 + 199), "--chart", "chart.svg",
    )  # fmt: skip
    assert result["model"] == "mbg_nbd"  # the setting value.model
    holdout = result["holdout"]
    assert holdout.keys() >= {"actual", "predicted", "correlation", "mae", "baseline", "by_frequency"}
    assert holdout["baseline"].keys() == {"frequency_rate", "recency"}
    assert holdout["actual"] == sum(line.split(",")[1] > str(date.fromordinal(739_099)) for line in lines[1:])
    assert (folder / "chart.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "--summary", SUMMARY), "has no column customer_id"),
        (("fit", "--summary", "none.csv"), "none.csv does not exist"),
        (("fit", "--summary", SUMMARY, "--orders", SUMMARY), "Give one of them"),
        (("fit", *PLAIN, "--calibration-end", "2024-01-01"), "Give --orders instead"),
        (("fit", *PLAIN, "--model", "gamma_gamma"), "has no monetary value"),
        (("fit", *PLAIN, "--as-of", "2024-01-01"), "for the lake"),
        (("fit", *PLAIN, "--chart", "c.svg"), "no calibration"),
        (("predict", *WITH_MONEY, "--params", "none.json"), "none.json does not exist"),
        (("predict", *WITH_MONEY, "--params", "bg.json", "--params", "bg.json"), "two fits for one purpose"),
        (("predict", *WITH_MONEY[:4], "--params", "bg.json"), "counts in weeks, the customers in days"),
        (("predict", *WITH_MONEY, "--params", "bg.json", "--output", "v.xlsx"), "neither .parquet nor .csv"),
        (("fit",), "The lake has no orders"),
        (("churn",), "The lake has no orders"),
    ],
)
def test_refusals_name_the_thing(saved, folder, arguments, words):
    assert words in run(folder, *arguments)


def test_a_refusal_is_one_sentence_and_exit_1(folder):
    assert "none.csv does not exist" in refusal("value", "fit", "--summary", "none.csv", folder=folder)


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"model": "bg_nbd", "params": {"r": 1}}', '{"model": "oracle", "params": {}}']
)
def test_files_that_are_no_fit_are_refused(folder, text):
    (folder / "wrong.json").write_text(text, encoding="utf-8")
    assert "wrong.json cannot be read" in run(folder, "predict", *WITH_MONEY, "--params", "wrong.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "oracle"}, "There is no value model named oracle"),
        ({"model": "pareto_nbd"}, "that has r, alpha, s, beta"),
        ({"params": {"r": 1, "alpha": -1, "a": 1, "b": 1}}, "all above 0"),
    ],
)
def test_fits_of_another_kind_are_refused(saved, folder, change, words):
    fit = json.loads((folder / "bg.json").read_text(encoding="utf-8"))
    (folder / "other.json").write_text(json.dumps(fit | change), encoding="utf-8")
    assert words in run(folder, "predict", *WITH_MONEY, "--params", "other.json")


def test_the_lake_is_fitted_predicted_and_recorded(synthetic_lake, tmp_path):
    """In a copy of the lake, because MLflow and values are written beside it."""
    settings, _ = synthetic_lake
    shutil.copytree(settings.workspace, tmp_path / "var")
    fitted = run(tmp_path, "fit", "--model", "bg_nbd", "--calibration-end", "2024-06-30")
    assert fitted["holdout"]["customers"] == fitted["customers"]
    predicted = run(tmp_path, "predict", "--as-of", "2024-07-01", "--days", "90")
    written = tmp_path / "var" / "lake" / "values" / "2024-07-01" / "customers.parquet"
    assert pq.read_schema(written).names == VALUE_SCHEMA.names
    assert predicted["customers"] == pq.read_table(written).num_rows
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path}/var/mlflow.db")
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    metrics = next(run.data.metrics for run in runs if run.info.run_name == "value fit bg_nbd")
    assert metrics["holdout_baseline_recency_auc"] == fitted["holdout"]["baseline"]["recency"]["auc"]
