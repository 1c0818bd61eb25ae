"""`huitou experiment list`, `start`, `stop`, `decide` and `assign`: the JSON, the tables, the failures."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from experiments.assignment import assign, assign_many
from experiments.commands import experiment_app
from features.database.records import Exposure
from features.database.store import open_database
from features.errors import DataError, NotReadyError
from features.release.write import write_release
from tests.support.releases import CUSTOMERS, small_contents

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DESIGN = """
key = "mail"
rule = "fixed"
primary = "repeat_purchase_d30"
variants = [{key = "control", weight = 0.5}, {key = "offer", weight = 0.5}]
"""


@pytest.fixture
def place(tmp_path, empty_config):
    """A workspace and a design file."""
    (tmp_path / "mail.toml").write_text(DESIGN, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(place, empty_config):
    """Run a command there; `run(…)` is its JSON, `run(…, json=False)` what a person sees."""

    def invoke(*words, env=None, as_json=True):
        options = ["--config", empty_config, "--workspace", place / "var", *(["--json"] if as_json else [])]
        done = CliRunner().invoke(experiment_app, [str(word) for word in (*words, *options)], env=env)
        if done.exception is not None:
            raise done.exception
        return json.loads(done.stdout.splitlines()[-1]) if as_json else done.stdout

    return invoke


@pytest.fixture
def database(place):
    with open_database(f"sqlite:///{place / 'var' / 'huitou.db'}") as opened:
        yield opened


def test_an_experiment_goes_its_way_by_command(run, place, database):
    started = run("start", place / "mail.toml", "--draft")
    assert started == {"experiment": "mail", "version": 1, "state": "draft", "changes": [], "warnings": []}
    assert run("start", place / "mail.toml", "--actor", "ann")["state"] == "running"
    stopped = run("stop", "mail", "--reason", "enough", "--actor", "bob")
    assert (stopped["experiment"], stopped["version"], stopped["state"]) == ("mail", 1, "stopped")
    assert datetime.fromisoformat(stopped["stopped_at"]).tzinfo is not None
    decided = run("decide", "mail", "--decision", "ship", "--reason", "it pays")
    assert decided == {"experiment": "mail", "state": "decided", "decision": "ship offer"}
    assert [(entry.actor, entry.action, entry.detail) for entry in database.experiments.log("mail")] == [
        ("cli", "created", ""),
        ("ann", "started", ""),
        ("bob", "stopped", "enough"),
        ("cli", "decided", "ship offer: it pays"),
    ]


def test_the_list_shows_state_exposed_customers_and_the_last_verdict(run, place, database):
    assert run("list") == {"experiments": []}
    run("start", place / "mail.toml")
    database.experiments.insert_exposures(
        [Exposure("mail", customer, "offer", NOON) for customer in ("a", "b", "c")]
    )
    [row] = run("list")["experiments"]
    started_at = row.pop("started_at")
    assert datetime.fromisoformat(started_at).tzinfo is not None
    assert row == {
        "key": "mail", "version": 1, "state": "running", "primary": "repeat_purchase_d30", "exposed": 3,
        "verdict": None, "decision": None, "simulated": False,
    }  # fmt: skip
    body = json.dumps({"verdict": {"code": "keep_running"}})
    database.experiments.add_report("mail", 1, body, NOON, data_through=date(2026, 2, 28), actor="cli")
    assert run("list")["experiments"][0]["verdict"] == "keep_running"
    assert "keep_running" in run("list", as_json=False)


def test_the_holdout_is_listed_while_the_settings_ask_for_it(run):
    env = {"HUITOU_EXPERIMENTS__HOLDOUT_SHARE": "0.1"}
    [row] = run("list", env=env)["experiments"]
    assert (row["key"], row["state"]) == ("program_holdout", "running")


def test_a_start_warns_of_what_the_live_release_lacks(run, place, database):
    design = DESIGN.replace(
        '"offer", weight = 0.5', '"offer", weight = 0.5, treatment = {offer_policy = "x"}'
    )
    (place / "mail.toml").write_text(design, encoding="utf-8")
    folder = write_release(place / "var" / "releases", small_contents())
    database.set_live(folder.name, NOON)
    found = run("start", place / "mail.toml")["warnings"]
    assert any("offer policy 'x'" in warning for warning in found)
    (folder / "manifest.json").unlink()
    [unread] = run("start", place / "mail.toml")["warnings"]
    assert unread.startswith("The live release could not be looked into: There is no release")


@pytest.mark.parametrize("actor", ["", " ", "a\nb", "x" * 101])
def test_an_actor_is_a_short_name(run, place, actor):
    with pytest.raises(DataError, match="is no actor"):
        run("start", place / "mail.toml", "--actor", actor)


def test_customers_are_assigned_with_reasons(run, place):
    run("start", place / "mail.toml")
    found = run("assign", "mail", "c1", "客户三", "c1")
    variants = [("control", "offer")[assign("mail", each, [0.5, 0.5])] for each in ("c1", "客户三", "c1")]
    assert found == {
        "experiment": "mail",
        "assignments": [
            {"customer_id": each, "variant": variant, "reason": "assigned"}
            for each, variant in zip(("c1", "客户三", "c1"), variants, strict=True)
        ],
    }
    assert "客户三" in run("assign", "mail", "客户三", as_json=False)


def test_the_day_decides_the_coverage_and_the_settings_the_holdout(run, place):
    schedule = 'schedule = [{from = "2026-03-01", coverage = 1.0}]'
    (place / "mail.toml").write_text(DESIGN + schedule, encoding="utf-8")
    run("start", place / "mail.toml", "--draft")

    def reason(*words, env=None):
        return run("assign", "mail", "c1", *words, env=env)["assignments"][0]["reason"]

    assert reason("--on", "2026-02-28") == "outside_coverage"
    assert reason("--on", "2026-03-01") == "assigned"
    env = {"HUITOU_EXPERIMENTS__HOLDOUT_SHARE": "0.5"}
    ids = [f"c{i}" for i in range(200)]
    held_out = assign_many("program-holdout", ids, [0.5, 0.5]) == 0
    reasons = [row["reason"] for row in run("assign", "mail", *ids, env=env)["assignments"]]
    assert [each == "held_out" for each in reasons] == held_out.tolist()
    program = run("assign", "program_holdout", *ids, env=env)["assignments"]
    assert [row["variant"] == "held_out" for row in program] == held_out.tolist()


def test_targeting_looks_at_the_profiles_of_the_live_release(run, place, database):
    (place / "mail.toml").write_text(DESIGN + 'targeting = {tier = ["gold"]}', encoding="utf-8")
    run("start", place / "mail.toml")
    with pytest.raises(NotReadyError, match="no release is live"):
        run("assign", "mail", "ada")
    profiles = [json.dumps({"customer_id": c, "tier": "gold" if c == "ada" else "silver"}) for c in CUSTOMERS]
    contents = replace(small_contents(), profiles=[profile.encode() for profile in profiles])
    database.set_live(write_release(place / "var" / "releases", contents).name, NOON)
    rows = run("assign", "mail", "ada", "bo", "nobody")["assignments"]
    assert [row["reason"] for row in rows] == ["assigned", "not_targeted", "not_targeted"]


@pytest.mark.parametrize("kind", ["parquet", "csv", "csv.gz", "integers", "dictionary"])
def test_a_file_of_customers_gives_a_file_of_assignments(run, place, kind):
    run("start", place / "mail.toml")
    ids = [f"{i:06}" if kind != "integers" else str(i) for i in range(3000)]
    path = place / (f"C.{kind}" if kind.startswith("csv") else "C.parquet")
    if kind.startswith("csv"):
        with pa.CompressedOutputStream(path, "gzip") if kind == "csv.gz" else path.open("wb") as file:
            pc_csv.write_csv(pa.table({"x": [1] * len(ids), "customer_id": ids}), file)
    else:
        column = pa.array(ids)
        column = {"integers": lambda: pa.array(range(3000)), "dictionary": column.dictionary_encode}.get(
            kind, lambda: column
        )()
        pq.write_table(pa.table({"x": [1] * len(ids), "customer_id": column}), path)
    found = run("assign", "mail", "--customers", path, "--output", place / "A.parquet")
    table = pq.read_table(place / "A.parquet")
    assert table.column_names == ["customer_id", "variant", "reason"]
    assert table["customer_id"].to_pylist() == ids
    variants = [("control", "offer")[i] for i in assign_many("mail", ids, [0.5, 0.5])]
    assert table["variant"].to_pylist() == variants
    assert found == {
        "experiment": "mail", "output": str(place / "A.parquet"), "customers": 3000,
        "variants": {name: variants.count(name) for name in ("control", "offer")},
        "reasons": {"assigned": 3000},
    }  # fmt: skip
    assert [row["customer_id"] for row in run("assign", "mail", "--customers", path)["assignments"]] == ids
    assert "… and 2,950 more" in run("assign", "mail", "--customers", path, as_json=False)


def test_a_bad_file_is_named_and_leaves_nothing_behind(run, place):
    run("start", place / "mail.toml")
    path, output = place / "C.csv", place / "A.parquet"
    for content, words in [
        ('customer_id\nc1\n""\n', "has no customer_id in row 2"),
        ("customer_id,x\nc1,1\n,2\n", "has no customer_id in row 2"),
        ("name\nc1\n", "has no column 'customer_id'; it has name"),
        ("customer_id,x\nc1\n", "cannot be read"),
        (b"customer_id\n\xff\xfe\n", "cannot be read"),
        ("", "cannot be read"),
    ]:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(DataError) as refused:
            run("assign", "mail", "--customers", path, "--output", output)
        assert words in refused.value.message, content
        assert sorted(each.name for each in place.iterdir()) == ["C.csv", "mail.toml", "var"]
    pq.write_table(pa.table({"customer_id": [1.5]}), place / "F.parquet")
    for name, words in [
        ("F.parquet", "double is no id"),
        ("absent.csv", "does not exist"),
        ("mail.toml", "is none of"),
    ]:
        with pytest.raises(DataError, match=words):
            run("assign", "mail", "--customers", place / name)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mail"], "Name customers or a file"),
        (["mail", "c1", "--customers", "C.csv"], "Name customers or a file"),
        (["mail", ""], "'' is no customer id"),
        (["mail", "\udcff"], "is no customer id"),
        (["moon", "c1"], "There is no experiment 'moon'"),
        (["program_holdout", "c1"], "There is no program holdout"),
        (["mail", "c1", "--on", "tomorrow"], "'tomorrow' is not a date"),
    ],
)
def test_what_cannot_be_assigned_is_stated(run, place, words, message):
    run("start", place / "mail.toml")
    with pytest.raises(DataError, match=message):
        run("assign", *words)
