"""`train`, `promote` and the champions' rows on a planted shop, with a real MLflow in SQLite."""

import json
import shutil
from datetime import date, timedelta

import numpy as np
import pytest

from features.columns import PERSONAL_PLACEMENTS, TASKS
from features.command_line import Output
from features.errors import DataError, NotReadyError
from features.mlflow_client import tracking_client
from features.tables.duckdb_engine import open_lake
from features.tables.lake import Lake
from training.jobs import fit_champions, load_interactions, train
from training.models.registry import MODELS
from training.promotion import champions, promote

AS_OF = date(2024, 1, 1) + timedelta(days=240)
METRICS = ("recall@20", "recall_capped@20", "ndcg@20")


@pytest.fixture(scope="module")
def settings(synthetic_lake, settings_for, tmp_path_factory):
    shared, _ = synthetic_lake
    workspace = tmp_path_factory.mktemp("trained")
    shutil.copytree(shared.lake, workspace / "lake")
    return settings_for(workspace, training={"bootstrap_samples": 200}, release={"row_products": 12})


@pytest.fixture(scope="module")
def trained(settings):
    return train(settings, AS_OF, None, Output(as_json=True))


def test_every_model_is_judged_on_every_task_with_intervals(trained):
    data = json.loads(json.dumps(trained.to_dict()))
    assert (data["as_of"], data["cut"]) == ("2024-08-28", "2024-07-31")
    assert data["validation"]["cuts"] == ["2024-07-03", "2024-06-05"]
    assert data["notes"] == []
    for tables in (data["models"], data["validation"]["models"]):
        for task in TASKS:
            assert {row["model"] for row in tables[task]} == set(MODELS)
            for row in tables[task]:
                for metric in METRICS:
                    low, high = row["ci"][metric]
                    assert 0 <= low <= row[metric] <= high <= 1
                    assert row["paired"][metric][1] <= row["paired"][metric][0] <= row["paired"][metric][2]
                assert row["paired"]["against"] == "popularity_28d"


def test_champions_were_chosen_on_the_earlier_windows(trained):
    for placement, task in (("home", "all"), ("buy_again", "repeat"), ("discover", "discover")):
        best = trained.validation[task][0]
        assert best["paired"]["ndcg@20"][1] > 0
        assert trained.to_dict()["champion"][placement] == best["model"]


def test_mlflow_holds_parameters_metrics_a_chart_the_fingerprint_and_aliases(trained, settings):
    with tracking_client(settings) as client:
        experiment = client.get_experiment_by_name("huitou")
        runs = client.search_runs([experiment.experiment_id])
        parent = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
        nested = {run.data.tags["model"]: run for run in runs if "model" in run.data.tags}
        assert set(nested) == set(MODELS)
        assert parent.data.tags["data_fingerprint"] == Lake(settings.lake).fingerprint()
        assert parent.data.params["horizon_days"] == "28"
        files = {file.path for file in client.list_artifacts(parent.info.run_id)}
        assert {"leaderboard.svg", "leaderboard.png", "last_window.csv", "validation.json"} <= files
        als = nested["implicit_als"].data
        assert als.params["factors"] == "128"
        row = next(row for row in trained.models["all"] if row["model"] == "implicit_als")
        assert als.metrics["all_recall_capped_at_20"] == row["recall_capped@20"]
        assert als.metrics["discover_ndcg_at_20_low"] <= als.metrics["discover_ndcg_at_20"]
        version = client.get_model_version_by_alias("huitou-home", "champion")
        assert version.tags["model"] == trained.to_dict()["champion"]["home"]
        assert version.run_id == nested[version.tags["model"]].info.run_id
    assert (settings.workspace / "mlflow.db").is_file()


def test_champions_give_every_customer_rows_that_fit_their_placement(trained, settings):
    with open_lake(Lake(settings.lake)) as engine:
        interactions = load_interactions(engine, AS_OF, settings)
        sold_out = interactions.products.ids[0]
        fitted = fit_champions(engine, AS_OF, settings, interactions.products.ids[1:])
    assert fitted.customers == interactions.customers
    assert fitted.products == interactions.products
    bought = interactions.matrix.toarray() > 0
    bought[:, interactions.products.get(sold_out)] = False
    for placement in PERSONAL_PLACEMENTS:
        rows = fitted.rows[placement]
        assert rows.product.shape == rows.score.shape == (interactions.shape[0], 12)
        assert (np.diff(rows.score, axis=1)[rows.product[:, 1:] >= 0] <= 0).all()
        for customer, listed in enumerate(rows.product):
            real = listed[listed >= 0]
            assert len(set(real)) == len(real)
            assert sold_out not in [fitted.products.ids[p] for p in real]
            if placement == "buy_again":
                assert bought[customer, real].all()
                assert len(real) == min(12, bought[customer].sum())
            else:
                assert len(real) == 12
            if placement == "discover":
                assert not bought[customer, real].any()
    assert fitted.similar_product.shape == (interactions.shape[1], 20)
    assert (fitted.similar_product != np.arange(interactions.shape[1])[:, None]).all()
    assert not (fitted.similar_product == interactions.products.get(sold_out)).any()
    assert fitted.models["home"]["model"] == trained.to_dict()["champion"]["home"]


def test_a_model_or_an_older_version_is_promoted_by_hand(trained, settings):
    before = champions(settings)["discover"]
    promoted = promote(settings, "discover", model="rp3beta")
    assert champions(settings)["discover"] == promoted
    assert promoted.spec.params["beta"] == 0.4
    assert promote(settings, "discover", version=before.version) == before
    assert champions(settings)["discover"] == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"placement": "shelf", "model": "blend"}, r"shelf.*home, buy_again, discover"),
        ({"placement": "home"}, "Give either --version or --model"),
        ({"placement": "home", "version": "1", "model": "blend"}, "Give either"),
        ({"placement": "home", "version": "99"}, r"huitou-home has no version 99.*Versions: 1"),
        ({"placement": "home", "model": "svd"}, r"no model named 'svd'.*implicit_als"),
    ],
)
def test_promoting_what_is_not_there(trained, settings, arguments, words):
    with pytest.raises(DataError, match=words):
        promote(settings, **arguments)


def test_a_short_history_trains_with_what_there_is(settings, tmp_path):
    shutil.copytree(settings.lake, tmp_path / "lake")
    own = settings.model_copy(update={"workspace": tmp_path})
    # 60 days: the cut lies on day 32, and the only earlier window would have 4 days of history.
    result = train(own, date(2024, 1, 1) + timedelta(days=60), ["item_knn", "blend"], Output(as_json=True))
    assert result.chosen_on == ()
    assert len(result.notes) == 2
    assert "0 of 2 earlier windows" in result.notes[0]
    assert "blend is left out" in result.notes[1]
    judged = {row["model"] for row in result.models["all"]}
    assert judged == {"popularity_28d", "personal_frequency", "item_knn"}
    assert result.to_dict()["champion"]["home"] == "personal_frequency"
    assert champions(own)["discover"].spec.model == "popularity_28d"


def test_what_cannot_be_trained_is_said_before_any_work(settings, tmp_path):
    with pytest.raises(DataError, match=r"'svd'.*Known models: popularity"):
        train(settings, AS_OF, ["svd"], Output(as_json=True))
    with pytest.raises(DataError, match="budget of 0"):
        train(settings, AS_OF, None, Output(as_json=True), budget_minutes=0)
    with pytest.raises(NotReadyError, match="no purchase before"):
        train(settings, date(2024, 1, 1), None, Output(as_json=True))
    empty = settings.model_copy(update={"workspace": tmp_path})
    with pytest.raises(NotReadyError, match="no orders"):
        train(empty, None, None, Output(as_json=True))
    with pytest.raises(NotReadyError, match=r"No champion was chosen yet for home.*huitou train"):
        fit_champions(None, AS_OF, empty, [])
    with pytest.raises(NotReadyError, match="Nothing was trained"):
        promote(empty, "home", model="blend")
