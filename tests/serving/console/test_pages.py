"""What the console's pages show: stored reports, in both languages, and nothing that was not stored."""

import csv
import re
from html import unescape
from io import StringIO

import pytest

from experiments.analysis.charts import draw_charts
from features.database.store import open_database
from tests.serving.console.conftest import PATH
from tests.support.reports import PRIMARY, compared, example_report, withheld

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"


@pytest.fixture(scope="module")
def charts():
    return draw_charts(example_report())


def words_of(answer) -> str:
    """A page as it is read: without tags, spaces as one."""
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", answer.text)))


def test_an_empty_list_tells_how_to_begin(shop):
    with shop.client() as client:
        assert "还没有实验" in words_of(client.get("/console/?lang=zh"))
        english = words_of(client.get("/console/?lang=en"))
    assert "No experiments yet" in english
    assert "huitou experiment start DESIGN.toml" in english


def test_the_list_shows_verdict_lift_maturity_days_and_report(one_experiment):
    left = example_report()["progress"] | {"days_left": 12, "complete": False}
    one_experiment.keep(
        {"key": "second"}, example_report(experiment="second", progress=left), state="stopped"
    )
    one_experiment.keep({"key": "third"}, state="draft")
    with one_experiment.shop.client() as client:
        page = client.get("/console/?lang=en")
    shown = words_of(page)
    for text in (
        "win-back-offer running ✓ Ship",
        "Ship offer: repeat purchase within 30 days up 2.40 points",
        "Lift of repeat purchase within 30 days +2.40 points 96% interval +1.10 to +3.70 points",
        "Matured customers 83.0%",
        "planned number reached",
        "second stopped",
        "Still to go 12 days",
        "third draft",
        "Results appear here after huitou experiment report third has run.",
        "Last report 2026-03-02 01:30",
    ):
        assert text in shown, text
    assert f'href="{PATH}"' in page.text
    assert shown.index("win-back-offer") < shown.index("second") < shown.index("third")


def test_a_page_says_everything_in_the_language_asked_for(one_experiment):
    with one_experiment.shop.client() as client:
        english, chinese = (words_of(client.get(f"{PATH}?lang={language}")) for language in ("en", "zh"))
    for text in (
        "✓ Ship",
        "Customers split as planned (p = 0.41).",
        "Of every 100 customers about 2.4 more (likely between +1.1 and +3.7).",
        "repeat purchase within 30 days from 30.00% to 32.40%",
        "On average USD 0.60 more per customer (likely between −USD 0.60 and +USD 1.80). The interval holds",
        "▼ worse returned orders within 30 days · offer",
        "By 2026-02-28: offer at +2.47 points (+2.04 to +2.90), from 19,600 matured customers.",
        "within 30 days customers came back 0.42 days sooner on average (likely between 0.18 and 0.66 days)",
        "The whole curves differ (log-rank p = 0.0004).",
        "▲ holds revenue per customer within 30 days · offer: changed by +1.4%, interval −1.4% to +4.2%",
        "a variant has no customers that count yet",
        "at risk",
        "20,012 of 24,100 customers (83.0%) have matured.",
        "offer: about USD 45,790 more a year (USD 9,640 to USD 81,940), USD 1.90 per customer.",
        "If all 24,100 exposed customers had the variant all year.",
        "every USD 1 more spent on offers came back with USD 0.80 on top (USD 0.10 to USD 1.50)",
        "offer policy win_back",
        "hybrid: look at any time",
        "3 customers were served two variants and are dropped.",
    ):
        assert text in english, text
    for text in (
        "✓ 上线",
        "建议上线 offer：30 天复购率 由 30.00% 上升 2.40 个百分点。",
        "每 100 位顾客中约多 2.4 位（可能在 +1.1 到 +3.7 之间）。",
        "对照组",
        "护栏指标",
        "已成熟",
        "金卡",
        "有流失风险",
        "offer：30 天内，顾客平均早回来 0.42 天（可能在 0.18 到 0.66 天之间）。",
        "优惠每多花 USD 1，收回成本外净赚 USD 0.80",
    ):
        assert text in chinese, text


@pytest.mark.parametrize(
    ("rule", "says"), [("hybrid", "holds on all days together"), ("fixed", "only the last day")]
)
def test_the_band_says_how_often_it_may_be_looked_at(console, rule, says):
    console.keep(report=example_report(rule=rule))
    with console.shop.client() as client:
        assert says in words_of(client.get(f"{PATH}?lang=en"))


def test_an_experiment_that_is_complete_has_no_days_left(console):
    progress = example_report()["progress"] | {"days_left": 777}
    console.keep(report=example_report(progress=progress))
    with console.shop.client() as client:
        for path in ("/console/?lang=en", f"{PATH}?lang=en"):
            assert "777" not in words_of(client.get(path))


def test_tiers_rise(console):
    segments = [
        {"by": "tier", "value": tier, "metrics": [compared(PRIMARY, 100, 0.3, 0.01, 0.1)]}
        for tier in ("bronze", "gold", "platinum", "silver", None)
    ]
    console.keep(report=example_report(segments=segments))
    with console.shop.client() as client:
        page = client.get(f"{PATH}?lang=zh").text
    assert re.findall(r'<th scope="row">(铜卡|银卡|金卡|白金|未知)', page) == [
        "铜卡",
        "银卡",
        "金卡",
        "白金",
        "未知",
    ]


def test_a_simulated_experiment_says_so_and_shows_the_planted_truth(console):
    report = example_report(simulated=True, truth={"metric": PRIMARY, "lift_abs": 0.02})
    console.keep(report=report, simulated=True)
    missed = example_report(experiment="missed", simulated=True, truth={"metric": PRIMARY, "lift_abs": 0.05})
    console.keep({"key": "missed"}, missed, simulated=True)
    with console.shop.client() as client:
        inside = words_of(client.get(f"{PATH}?lang=en"))
        outside = words_of(client.get("/console/experiments/missed?lang=en"))
        assert words_of(client.get("/console/?lang=zh")).count("模拟") == 2
    assert "Planted true lift +2.00 points Our estimate +2.40 points" in inside
    assert "The truth lies inside the interval." in inside
    assert "a 96% interval misses it about once in 25" in outside


def test_a_wrong_split_is_a_warning_and_no_number_shines(console):
    console.keep(report=example_report(sample_ratio={"p_value": 2e-9, "ok": False}))
    with console.shop.client() as client:
        page = client.get(f"{PATH}?lang=en")
    assert "did not split as planned (p < 0.0001). Trust no number here" in words_of(page)
    assert "not to be trusted" in words_of(page)
    assert 'class="number-big none"' in page.text
    assert 'class="finding good"' not in page.text.replace("<!--", "").split('id="guardrails"')[0]


def test_a_report_with_nothing_in_it_yet_is_a_page_too(console):
    unclear = {"variant": "offer", "state": "unclear", "lift_rel": None, "ci_rel": None}
    guardrail = {"measure": "revenue_d30", "margin_relative": -0.02, "variants": [unclear]}
    no_return = {"variant": "offer", "value": None, "ci": None, "margin_difference": None,
                 "cost_difference": None, "withheld": "no_extra_cost"}  # fmt: skip
    progress = {"exposed": 0, "matured": 0, "share": 0.0, "planned": None, "days": None, "days_left": None,
                "complete": True}  # fmt: skip
    bare = example_report(
        metrics=[withheld(PRIMARY)], segments=[], guardrails=[guardrail], cumulative=[], retention=None,
        annual_margin=None, offer_return=[no_return], progress=progress, notes=[], data_through=None,
    )  # fmt: skip
    console.keep(report=bare)
    with console.shop.client() as client:
        for language in ("zh", "en"):
            page = client.get(f"{PATH}?lang={language}")
            assert not re.search(r"\b(None|nan|inf|null)\b", words_of(page), re.IGNORECASE)
        assert "its offers did not clearly cost more" in words_of(page)
        assert (
            words_of(client.get("/console/?lang=en")).count("a variant has no customers that count yet") == 1
        )


def test_a_draft_without_a_report_shows_its_design(console):
    console.keep({"key": "春季 唤醒", "schedule": [{"from": "2026-02-01", "coverage": 0.5}]}, state="draft")
    with console.shop.client() as client:
        path = re.search(r'href="(/console/experiments/[^"]+)"', client.get("/console/").text)[1]
        shown = words_of(client.get(f"{path}?lang=zh"))
    assert "还没有报告" in shown
    assert "100.0%、2026-02-01 起 50.0%" in shown


def test_a_report_of_an_older_design_says_so(one_experiment):
    with open_database(one_experiment.shop.settings.database_url) as database:
        design = database.experiments.get("win-back-offer").design.replace("lapsing customers", "them")
        database.experiments.save_design("win-back-offer", design, "li", one_experiment.shop.clock())
    with one_experiment.shop.client() as client:
        assert "made with version 1 of the design" in words_of(client.get(f"{PATH}?lang=en"))


def test_a_design_that_breaks_a_younger_rule_hides_no_result(one_experiment):
    with open_database(one_experiment.shop.settings.database_url) as database:
        database.experiments.save_design("win-back-offer", '{"key": "x"}', "li", one_experiment.shop.clock())
    with one_experiment.shop.client() as client:
        shown = words_of(client.get(f"{PATH}?lang=en"))
    assert "+2.40 points" in shown
    assert "breaks a younger rule" in shown


def test_decision_and_audit_log(console):
    console.keep(
        report=example_report(), state="decided", actor="李雷", detail="全量上线", decision="ship offer"
    )
    with console.shop.client() as client:
        shown = words_of(client.get(f"{PATH}?lang=zh"))
    assert "最终决定： ship offer" in shown
    log = shown[shown.index("操作记录 谁在何时") :]
    assert [log.index(word) for word in ("生成报告", "决定", "停止", "开始", "创建")] == sorted(
        log.index(word) for word in ("生成报告", "决定", "停止", "开始", "创建")
    ), "the newest first"
    assert "李雷 全量上线" in log
    assert "2026-01-01 09:00" in log


def test_charts_stand_in_the_page(console, charts):
    report = example_report(charts=charts)
    console.keep(report=report)
    with console.shop.client() as client:
        page = client.get(f"{PATH}?lang=zh").text
    assert page.count("<svg ") == 6
    assert report["charts"]["forest"]["zh"] in page
    assert report["charts"]["forest"]["en"] not in page


def test_names_from_the_database_are_text(console):
    report = example_report(hypothesis=HOSTILE, data_through=HOSTILE)
    report["verdict"] |= {"text_en": HOSTILE, "remedy": {"code": "x", "text_en": HOSTILE, "text_zh": HOSTILE}}
    report["verdict"]["reasons"] = report["notes"] = [{"code": "x", "text_en": HOSTILE, "text_zh": HOSTILE}]
    report["measures"][PRIMARY]["name_en"] = HOSTILE
    report["segments"][0]["value"] = HOSTILE
    for result in report["metrics"]:
        result["variants"][0]["variant"] = HOSTILE
    report["cumulative"][0]["variant"] = report["retention"]["arms"][1]["variant"] = HOSTILE
    report["charts"] = draw_charts(report)
    console.keep(
        {"hypothesis": HOSTILE}, report, state="decided", actor=HOSTILE, detail=HOSTILE, decision=HOSTILE
    )
    with open_database(console.shop.settings.database_url) as database:
        database.experiments.save_design(HOSTILE, "{}", HOSTILE, console.shop.clock())
    with console.shop.client() as client:
        for path in (
            "/console/?lang=en",
            f"{PATH}?lang=en",
            f"{PATH}/report.html?lang=en",
            f"/console/{HOSTILE}",
        ):
            page = client.get(path)
            assert not re.search(r"<script|<img", page.text), path
        assert HOSTILE in unescape(client.get(f"{PATH}?lang=en").text)


def test_a_report_that_cannot_be_read_is_an_error_page_with_a_number(console):
    console.keep()
    with console.shop.client() as client:
        for body in ("", "[]", '{"metrics": NaN}', "{}"):
            console.report("win-back-offer", 1, body)
            answer = client.get(f"{PATH}?lang=en", headers={"x-request-id": "number-7"})
            assert answer.status_code == 500, body
            assert "Something went wrong" in answer.text
            assert "number-7" in answer.text
            assert answer.headers["content-type"].startswith("text/html")


def test_what_is_not_there_is_a_page_of_the_console(shop):
    with shop.client() as client:
        for path in ("nothing", "experiments/none", "experiments/%00", "experiments/a%22b", "x/y/z"):
            answer = client.get(f"/console/{path}?lang=zh")
            assert answer.status_code == 404, path
            assert "没有这个页面" in answer.text
            assert "返回实验列表" in answer.text


def test_a_language_is_remembered_and_the_shops_is_the_default(shop, settings_for):
    with shop.client() as client:
        assert 'lang="en"' in client.get("/console/").text
        assert 'lang="zh-CN"' in client.get("/console/?lang=zh").text
        assert 'html lang="zh-CN"' in client.get("/console/").text, "remembered"
        assert 'html lang="zh-CN"' in client.get("/console/?lang=klingon").text
    with shop.client(shop={"locale": "zh"}) as client:
        assert 'html lang="zh-CN"' in client.get("/console/").text


def test_the_address_without_a_slash_leads_to_the_list(shop):
    with shop.client() as client:
        answer = client.get("/console", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/")
        assert client.head("/console/").status_code == 200


def test_the_style_sheet_is_kept_by_browsers_until_it_changes(shop):
    with shop.client() as client:
        address = re.search(r'href="(/console/style.css[^"]*)"', client.get("/console/").text)[1]
        first = client.get(address)
        again = client.get(address, headers={"if-none-match": first.headers["etag"]})
    assert first.headers["content-type"].startswith("text/css")
    assert "max-age" in first.headers["cache-control"]
    assert again.status_code == 304


def test_the_exported_page_needs_nothing_else(console, charts):
    report = example_report(charts=charts)
    console.keep(report=report)
    with console.shop.client() as client:
        answer = client.get(f"{PATH}/report.html?lang=zh")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''win-back-offer.html"
    page = answer.text
    assert page.count("<svg ") == 6
    assert "<style>" in page
    assert not re.search(
        r'<link|<script|<form|(?:href|src)="(?!#)|url\((?!#)|@import|https?://(?!www\.w3\.org)', page
    )
    assert "每 100 位顾客中约多 2.4 位" in page


def test_the_exported_numbers_are_tidy(one_experiment):
    with one_experiment.shop.client() as client:
        answer = client.get(f"{PATH}/report.csv")
    assert answer.content.startswith("\ufeff".encode()), "Excel reads Chinese only with it"
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 3 + 3
    first = rows[0]
    assert (first["metric"], first["variant"], first["n"], first["control_n"]) == (
        PRIMARY,
        "offer",
        "10012",
        "10000",
    )
    assert float(first["lift_abs"]) == 0.024
    assert [float(first[f"ci_abs_{end}"]) for end in ("low", "high")] == [0.024 - 0.013, 0.024 + 0.013]
    assert (first["by"], first["segment"], first["significant"], first["level"]) == ("", "", "True", "0.96")
    unknown = next(row for row in rows if row["withheld"])
    assert (unknown["by"], unknown["segment"], unknown["lift_abs"]) == ("tier", "", "")


def test_no_cell_is_a_formula(console):
    console.keep()
    with console.shop.client() as client:
        for start in ("=", "+", "-", "@", "\t", "\r"):
            report = example_report()
            report["segments"][0]["value"] = f"{start}cmd|' /C calc'!A0"
            console.report("win-back-offer", 1, report)
            text = client.get(f"{PATH}/report.csv").content.decode("utf-8-sig")
            rows = list(csv.DictReader(StringIO(text, newline="")))
            (row,) = [row for row in rows if "calc" in row["segment"]]
            assert row["segment"].startswith(f"'{start}")
            assert any(row["ci_abs_low"].startswith("-") for row in rows), "numbers stay numbers"


def test_a_draft_exports_a_header(console):
    console.keep(state="draft")
    with console.shop.client() as client:
        text = client.get(f"{PATH}/report.csv").content.decode("utf-8-sig")
    assert text.startswith("by,segment,metric")
    assert len(text.splitlines()) == 1


def test_the_pages_are_no_part_of_the_api(shop):
    with shop.client() as client:
        assert not [path for path in client.get("/openapi.json").json()["paths"] if "console" in path]
