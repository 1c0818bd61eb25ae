"""The warning before churn: planted danger is found, the future is never read, and noise is withheld."""

import csv
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from features.command_line import Output
from features.profiles.build import build_profiles
from features.tables.duckdb_engine import open_lake
from features.tables.ingest import ingest
from features.tables.lake import Lake
from training.customer_value.churn_features import NOT_USED, SILENCE, ChurnRows, churn_rows
from training.customer_value.churn_job import warn_of_churn, why_withheld
from training.customer_value.churn_model import train
from training.customer_value.churn_reasons import reasons
from training.customer_value.purchase_days import lake_purchase_days
from training.customer_value.ranking_scores import auc

START, END = date(2024, 1, 1), date(2024, 12, 1)
FEATURES = (SILENCE, "silence_in_gaps", "purchase_days_28d", "noise")


def origin(rng, as_of, customers, *, stated=True):
    """Who is silent for long against their own gap stays away; everything else is noise."""
    gap = rng.choice([4.0, 30.0], customers)
    silent = rng.uniform(0, 60, customers)
    ratio = silent / gap
    odds = -1.5 + 1.2 * np.log1p(ratio)
    ratio[:10] = np.nan  # some have no gap yet
    stayed_away = rng.random(customers) < 1 / (1 + np.exp(-odds))
    columns = (silent, ratio, rng.poisson(2, customers).astype(float), rng.normal(size=customers))
    ids = pa.array([f"c{i}" for i in range(customers)])
    features = dict(zip(FEATURES, columns, strict=True))
    return ChurnRows(as_of, ids, features, stayed_away if stated else None)


@pytest.fixture(scope="module")
def origins():
    rng = np.random.default_rng(4)
    return [origin(rng, END - timedelta(days=30 * k), 3000) for k in range(5)]


def test_planted_danger_is_found_beyond_recency(origins):
    model, alone = train(origins[1:], 30), train(origins[1:], 30, only=(SILENCE,))
    held_out = origins[0]
    risk, silence = model.probability(held_out), alone.probability(held_out)
    assert auc(risk, held_out.stayed_away) > auc(silence, held_out.stayed_away) + 0.03
    # The truth itself ranks no better than this by much: its own AUC on these customers.
    ratio = np.nan_to_num(held_out.features["silence_in_gaps"], nan=1.0)
    assert auc(risk, held_out.stayed_away) > auc(ratio, held_out.stayed_away) - 0.02


def test_probabilities_are_calibrated_on_a_date_they_never_saw(origins):
    held_out = origins[0]
    risk = train(origins[1:], 30).probability(held_out)
    for part in np.array_split(np.argsort(risk), 5):
        error = 3.5 * 0.5 / np.sqrt(len(part))
        assert risk[part].mean() == pytest.approx(held_out.stayed_away[part].mean(), abs=error)


def test_a_fitted_model_is_numbers_and_misses_no_feature(origins):
    model = train(origins, 30)
    stated = model.to_dict()
    assert {column["feature"] for column in stated["columns"]} <= set(FEATURES)
    assert all(np.isfinite(column["coefficient"]) for column in stated["columns"])
    bare = ChurnRows(END, origins[0].customer_id, {SILENCE: origins[0].features[SILENCE]}, None)
    assert np.isfinite(model.probability(bare)).all()


def test_contributions_add_up_to_the_risk(origins):
    model, rows = train(origins, 30), origins[0]
    total = model.intercept + sum(part for _, part in model.contributions(rows))
    assert model.log_odds(rows) == pytest.approx(total)
    # The average customer of the training is the zero of every contribution.
    for _, part in model.contributions(rows):
        assert part.mean() == pytest.approx(0, abs=0.1)


def test_reasons_name_what_raises_the_risk(origins):
    rows = origins[0]
    model = train(origins, 30)
    chinese, english = reasons(model, rows)
    worst = int(np.nanargmax(rows.features["silence_in_gaps"]))
    safest = int(np.nanargmin(rows.features["silence_in_gaps"]))
    assert "usual gap" in english[worst]
    assert "平时间隔" in chinese[worst]
    assert "usual gap" not in english[safest]
    assert len(chinese) == len(english) == len(rows)
    assert "nan" not in " ".join(english)
    assert max(text.count(";") for text in english) <= 2


def write_shop(folder, *, seed, customers=400, leaving=True, gaps=(4.0, 22.0)):
    """A shop in which most buy weekly and some monthly; who leaves falls silent, or leaving is a coin flip.

    With `leaving` everybody loses interest at some day of the year, weekly and monthly buyers alike, so ten
    days of silence mean something of the first and nothing of the second.
    """
    rng = np.random.default_rng(seed)
    days = (END - START).days
    with (folder / "orders.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("order_id", "customer_id", "product_id", "ordered_at", "quantity", "amount"))
        for customer in range(customers):
            gap = rng.choice(gaps)
            end = rng.exponential(300) if leaving else days
            day = rng.uniform(0, 20)
            while day < min(days, end):
                at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=int(day), hours=12)
                writer.writerow((f"{customer}-{day}", f"c{customer}", "tea", at.isoformat(), 1, 5))
                day += rng.gamma(4, gap / 4) if leaving else rng.exponential(gap)


@pytest.fixture(scope="module")
def shop(tmp_path_factory, settings_for):
    folder = tmp_path_factory.mktemp("leaving")
    write_shop(folder, seed=1)
    settings = settings_for(folder / "workspace", value={"churn_minimum": 30, "churn_origins": 4})
    ingest(folder, None, settings)
    return settings


@pytest.fixture(scope="module")
def report(shop):
    return warn_of_churn(shop, END, 30, Output())


def test_a_shop_with_leavers_is_warned(report):
    assert report.withheld is None
    assert report.difference["ci"][0] > 0
    assert report.model["auc"] > report.baseline["auc"] > 0.5
    assert report.model["brier"] < report.baseline["brier"]
    assert report.model["top_decile_lift"] > 1
    assert report.model["lead_days"] > report.baseline["lead_days"]
    assert report.warnings["churn_risk"].to_pylist() == sorted(
        report.warnings["churn_risk"].to_pylist(), reverse=True
    )
    flagged = report.warnings["top_decile"].to_pylist()
    assert sum(flagged) == round(len(flagged) / 10)
    assert flagged == sorted(flagged, reverse=True)


def test_it_is_judged_on_dates_whose_outcome_is_known(report):
    assert report.origins[0] == END - timedelta(days=30)
    assert all(later - earlier == timedelta(days=30) for earlier, later in
               zip(report.origins[1:], report.origins, strict=False))  # fmt: skip
    assert report.judged == sum(row["customers"] for row in report.calibration)
    left = sum(row["actual"] * row["customers"] for row in report.calibration)
    assert left == pytest.approx(report.churned)


def rows_of(settings, as_of):
    with open_lake(Lake(settings.lake)) as engine:
        profiles, days = build_profiles(engine, as_of, settings), lake_purchase_days(engine, as_of)
    return churn_rows(profiles, days, "mbg_nbd", 30, settings.profiles.churned_after_days)


def test_the_future_is_never_read(shop, tmp_path, settings_for):
    """The same customers on the same date, from a lake that ends there and from one that goes on."""
    as_of = date(2024, 7, 1)
    (tmp_path / "export").mkdir()
    write_shop(tmp_path / "export", seed=1)
    lines = (tmp_path / "export" / "orders.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.startswith("order_id") or line.split(",")[3] < "2024-07-01"]
    (tmp_path / "export" / "orders.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    settings = settings_for(tmp_path / "workspace")
    ingest(tmp_path / "export", None, settings)
    before, after = rows_of(settings, as_of), rows_of(shop, as_of)
    assert before.customer_id.equals(after.customer_id)
    assert before.features.keys() == after.features.keys()
    for name, values in before.features.items():
        np.testing.assert_allclose(values, after.features[name], rtol=1e-9, err_msg=name)


def test_who_is_gone_or_only_a_name_is_not_looked_at(shop):
    rows = rows_of(shop, date(2024, 11, 1))
    assert rows.features[SILENCE].max() <= shop.profiles.churned_after_days
    assert not set(NOT_USED) & set(rows.features)
    assert np.isfinite(rows.features["p_alive"]).all()


def test_where_nobody_leaves_nothing_is_claimed(tmp_path, settings_for):
    (tmp_path / "export").mkdir()
    write_shop(tmp_path / "export", seed=2, customers=120, leaving=False)
    settings = settings_for(tmp_path / "workspace", value={"churn_origins": 4})
    ingest(tmp_path / "export", None, settings)
    report = warn_of_churn(settings, END, 60, Output())
    assert report.warnings is None
    assert report.model is None
    assert "needs 100 of each" in report.withheld
    assert report.to_dict()["warned"] == 0


def test_where_recency_says_it_all_nothing_is_claimed(tmp_path, settings_for):
    """Everybody has the same rhythm, so nothing but the length of the silence tells who left."""
    (tmp_path / "export").mkdir()
    write_shop(tmp_path / "export", seed=3, customers=300, gaps=(8.0,))
    settings = settings_for(tmp_path / "workspace", value={"churn_minimum": 20, "churn_origins": 4})
    ingest(tmp_path / "export", None, settings)
    report = warn_of_churn(settings, END, 30, Output())
    assert report.model is not None
    assert report.difference["ci"][0] <= 0
    assert report.warnings is None
    assert "not shown to beat recency alone" in report.withheld


@pytest.mark.parametrize(
    ("difference", "interval", "briers", "why"),
    [
        (0.07, (0.05, 0.09), (0.05, 0.06), None),
        (0.07, (0.0, 0.14), (0.05, 0.06), "not shown to beat recency alone: its AUC differs by +0.0700"),
        # A better order at the price of probabilities that mislead.
        (0.024, (0.01, 0.04), (0.4547, 0.2558), "Brier score 0.4547 against 0.2558"),
        (0.024, (0.01, 0.04), (0.25, 0.25), "no better than those of recency alone"),
    ],
)
def test_a_warning_must_rank_better_and_not_mislead(difference, interval, briers, why):
    found = why_withheld(difference, interval, *briers)
    assert found is None if why is None else why in found
