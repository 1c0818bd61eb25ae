"""`huitou experiment analyze` on files: the JSON, the table, the stated failures."""

import json

import pytest
from typer.testing import CliRunner

from experiments.commands import experiment_app
from features.errors import DataError

DESIGN = """
key = "mail"
rule = "fixed"
variants = [
  {key = "control", weight = 0.3333}, {key = "mens", weight = 0.3333}, {key = "womens", weight = 0.3333}
]
primary = "visit"
[[metrics]]
key = "visit"
kind = "proportion"
[[metrics]]
key = "spend"
kind = "mean"
"""
VARIANTS = ("control", "mens", "womens")


@pytest.fixture
def files(tmp_path, empty_config):
    """300 customers: visits of 10, 40 and 30 in 100; visitors spend 5 or 15; ids with leading zeros."""
    design, exposures, outcomes = (tmp_path / name for name in ("design.toml", "E.csv", "O.csv"))
    design.write_text(DESIGN, encoding="utf-8")
    people = [(f"{i:04}", VARIANTS[i % 3], i // 3) for i in range(300)]
    visitors = {"control": 10, "mens": 40, "womens": 30}
    exposures.write_text(
        "customer_id,variant,region\n"
        + "".join(f"{name},{variant},{'north' if rank % 2 else 'south'}\n" for name, variant, rank in people),
        encoding="utf-8",
    )
    rows = [
        f"{name},{int(rank < visitors[variant])},{(5 + 10 * (rank % 2)) * (rank < visitors[variant])}\n"
        for name, variant, rank in people
    ]
    outcomes.write_text("customer_id,visit,spend\n" + "".join(rows), encoding="utf-8")
    options = {"--design": design, "--exposures": exposures, "--outcomes": outcomes, "--config": empty_config}
    return {**options, "--workspace": tmp_path / "var"}


def run(files, *more):
    words = [str(word) for pair in files.items() for word in pair]
    return CliRunner().invoke(experiment_app, ["analyze", *words, *more])


def test_the_last_line_is_the_report(files):
    done = run(files, "--json", "--by", "region")
    assert done.exit_code == 0
    report = json.loads(done.stdout.splitlines()[-1], parse_constant=pytest.fail)
    assert set(report) >= {
        "experiment", "rule", "alpha", "method", "sample_ratio", "metrics", "segments", "verdict",
    }  # fmt: skip
    assert (report["experiment"], report["rule"], report["alpha"], report["method"]) == (
        "mail", "fixed", 0.05, "welch",
    )  # fmt: skip
    assert report["sample_ratio"] == {"p_value": 1.0, "ok": True}
    visit, spend = report["metrics"]
    assert (visit["metric"], visit["kind"]) == ("visit", "proportion")
    assert visit["control"] == {"variant": "control", "n": 100, "mean": 0.1}
    mens = visit["variants"][0]
    assert (mens["variant"], mens["n"], mens["mean"]) == ("mens", 100, 0.4)
    assert (mens["lift_abs"], mens["lift_rel"]) == pytest.approx((0.3, 3.0))
    # Variances .09 · 100/99 and .24 · 100/99: √(.33 / 99) = .057735, with 163.6 degrees of freedom · 1.9746.
    assert mens["ci_abs"] == pytest.approx([0.3 - 0.114, 0.3 + 0.114], abs=5e-4)
    assert mens["ci_rel"][0] < mens["lift_rel"] < mens["ci_rel"][1]
    assert mens["significant"] is True
    assert spend["control"]["mean"] == 1.0
    assert [(part["by"], part["value"]) for part in report["segments"]] == [
        ("region", "north"),
        ("region", "south"),
    ]
    assert report["segments"][0]["metrics"][0]["control"] == {"variant": "control", "n": 50, "mean": 0.1}
    assert report["verdict"]["code"] == "ship"
    assert report["verdict"]["text_en"].startswith("Ship mens: visit up 30.00 points from 10.00%")
    assert report["verdict"]["text_zh"].startswith("建议上线 mens")


def test_a_person_reads_the_verdict_first(files):
    done = run(files)
    assert done.exit_code == 0
    assert done.stdout.startswith("Ship mens: visit up 30.00 points")
    assert "Customers split as planned (p = 1)." in done.stdout


def test_the_shops_language_is_spoken(files, monkeypatch):
    monkeypatch.setenv("HUITOU_SHOP__LOCALE", "zh")
    assert run(files).stdout.startswith("建议上线 mens")


def test_ids_keep_their_leading_zeros(files):
    text = files["--outcomes"].read_text(encoding="utf-8")
    files["--outcomes"].write_text(text.replace("\n0000,", "\n0,"), encoding="utf-8")
    report = json.loads(run(files, "--json").stdout.splitlines()[-1])
    assert [note["code"] for note in report["notes"]] == ["without_outcome"]


@pytest.mark.parametrize(
    ("option", "content", "words"),
    [
        ("--design", DESIGN.replace("0.3333", "0"), "design.toml, variants.1.weight: a weight of 0"),
        ("--exposures", "customer_id,variant\n1,mens\n2,boys\n", "E.csv has 1 rows of the variant 'boys'"),
        (
            "--outcomes",
            "customer_id,visit,spend\n0000,1,\n",
            "O.csv, column 'spend': the value of customer '0000'",
        ),
        ("--outcomes", "customer_id,visit,spend\n0000,1,inf\n", "is 'inf'"),
    ],
)
def test_bad_files_are_named(files, option, content, words):
    files[option].write_text(content, encoding="utf-8")
    done = run(files, "--json")
    assert done.exit_code == 1
    assert isinstance(done.exception, DataError)
    assert words in done.exception.message
    assert done.exception.remedy


def test_files_that_are_none_are_named(files, tmp_path):
    for path, words in [
        (tmp_path / "absent.parquet", "does not exist"),
        (tmp_path / "notes.txt", "is not one of .parquet, .csv, .csv.gz"),
        (tmp_path / "broken.parquet", "cannot be read"),
    ]:
        if path.name != "absent.parquet":
            path.write_text("no table", encoding="utf-8")
        done = run({**files, "--outcomes": path})
        assert isinstance(done.exception, DataError)
        assert words in done.exception.message
