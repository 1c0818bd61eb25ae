"""`huitou report kpis` on a real lake: JSON, the CSV file and the page agree, and bad words are refused."""

import csv
import re
from xml.etree import ElementTree

import pytest

from features.columns import TIERS
from features.measures.registry import SHOP_MEASURES
from features.measures.shop_report import measure_shop
from huitou.kpi_charts import draw_kpis
from huitou.kpi_page import page, write_csv
from huitou.kpi_words import KpiWords
from tests.support.command import huitou, huitou_json, refusal
from tests.support.loyal_shop import AS_OF, loyal_lines, loyal_tables
from tests.support.order_lines import engine_with, settings_with


@pytest.fixture(scope="module")
def report():
    tables = loyal_tables()
    for row in tables["customers"]:
        # What a shop calls its regions is written into a page and read by a spreadsheet.
        row["region"] = {"north": "=<b>north</b>", "south": "south"}[row["region"]]
    # One customer of a region of its own: withheld, and so is the smallest other region.
    tables["customers"].append({"customer_id": "c1-0", "region": "islands"})
    tables["customers"] = list({row["customer_id"]: row for row in tables["customers"]}.values())
    with engine_with([loyal_lines()], **tables) as engine:
        return measure_shop(engine, settings_with(), as_of=AS_OF)


@pytest.mark.parametrize(("language", "name"), [("zh", "客单价"), ("en", "Order value")])
def test_page(report, language, name):
    text = page(report, KpiWords(language, "EUR"))
    assert f'<html lang="{language}">' in text
    assert name in text
    # Self-contained: nothing is fetched, nothing runs, and the shop's own words stay words.
    assert re.findall(r"<(?:script|link|img|iframe)|(?:src|href)=|url\((?!#)", text) == []
    assert "=&lt;b&gt;north&lt;/b&gt;" in text
    assert "<b>north" not in text
    assert {"zh": "不显示", "en": "withheld"}[language] in text
    assert "nan" not in re.sub(r"<svg.*?</svg>", "", text).lower()


def test_charts(report):
    for language in ("zh", "en"):
        charts = draw_kpis(report, KpiWords(language, "EUR"))
        # One complete month makes no cohort of later months.
        assert {"sales", "buyers", "retention"} <= set(charts)
        # All customers are of one tier, so there is nothing to compare.
        assert "repeat-tier" not in charts
        assert "cohorts" not in charts
        for svg in charts.values():
            assert ElementTree.fromstring(svg).get("role") == "img"


def test_csv(report, tmp_path):
    path = tmp_path / "kpis.csv"
    write_csv(report, KpiWords("zh", "EUR"), path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(report.values)
    for row, value in zip(rows, report.values, strict=True):
        assert (row["measure"], row["name"]) == (value.measure.key, value.measure.name.zh)
        assert row["value"] == ("" if value.value is None else str(value.value))
        assert row["withheld"] == str(value.withheld)
    groups = {row["group"] for row in rows if row["by"] == "region"}
    assert "'=<b>north</b>" in groups
    assert any(row["withheld"] == "True" and row["numerator"] == "" for row in rows)


@pytest.fixture(scope="module")
def folder(synthetic_lake, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    settings, _ = synthetic_lake
    return folder, ("--workspace", settings.workspace)


def test_the_command_answers_in_every_form(folder):
    folder, workspace = folder
    answer = huitou_json(
        "report", "kpis", *workspace, "--csv", "kpis.csv", "--html", "kpis.html", folder=folder
    )
    assert {"as_of", "measures", "cohorts", "not_measured"} <= set(answer)
    rows = answer["measures"]
    assert {"measure", "by", "value", "numerator", "denominator"} <= set(rows[0])
    assert {row["by"] for row in rows} == {None, "segment", "tier", "region", "gender", "channel", "month"}
    # Anonymous sessions are of no tier.
    assert {row["group"] for row in rows if row["by"] == "tier"} <= {*TIERS, "unknown"}
    named = {row["measure"] for row in rows} | {entry["measure"] for entry in answer["not_measured"]}
    assert named == set(SHOP_MEASURES)
    for row in rows:
        if row["value"] is not None and row["denominator"]:
            assert row["value"] == pytest.approx(row["numerator"] / row["denominator"])
    for key in ("net_sales", "order_count", "active_customers"):
        for by in ("segment", "tier", "region", "gender"):
            parts = [row for row in rows if (row["measure"], row["by"]) == (key, by)]
            whole = [row["value"] for row in rows if (row["measure"], row["by"]) == (key, None)]
            if parts and not any(row["withheld"] for row in parts):
                assert sum(row["value"] for row in parts) == pytest.approx(whole[0], abs=0.005)
    assert (folder / "kpis.csv").read_text(encoding="utf-8-sig").count("\n") == len(rows) + 1
    assert "<svg" in (folder / "kpis.html").read_text(encoding="utf-8")


def test_the_command_is_asked_for_less(folder):
    folder, workspace = folder
    words = ("report", "kpis", *workspace, "--as-of", "2024-06-01", "--by", "tier", "--measures", "nps,csat")
    answer = huitou_json(*words, folder=folder)
    assert answer["as_of"] == "2024-06-01"
    assert {(row["measure"], row["by"]) for row in answer["measures"]} == {
        (key, by) for key in ("nps", "csat") for by in (None, "tier")
    }
    shown = huitou("report", "kpis", *workspace, "--by", "", "--lang", "zh", folder=folder)
    assert shown.returncode == 0
    assert "首单复购率" in shown.stdout


def test_the_command_refuses(folder):
    folder, workspace = folder
    assert "colour" in refusal("report", "kpis", *workspace, "--by", "colour", folder=folder)
    assert "order_value" in refusal("report", "kpis", *workspace, "--measures", "joy", folder=folder)
    assert "zh or en" in refusal("report", "kpis", *workspace, "--lang", "fr", folder=folder)
    assert "no orders" in refusal("report", "kpis", *workspace, "--as-of", "2001-01-01", folder=folder)
    assert "no orders" in refusal("report", "kpis", "--workspace", "nowhere", folder=folder)
