"""Charts of reports: real letters, no link to anything, drawn where the numbers say, nothing told by NaN."""

import re
from math import isclose
from xml.etree import ElementTree

import pytest

from experiments.analysis.chart_look import GAIN, LOSS, QUIET
from experiments.analysis.charts import draw_charts
from tests.support.reports import PRIMARY, compared, example_report, withheld

NAMES = {"forest", "cumulative", "retention", "guardrails", "tiers", "matured"}
SVG = "{http://www.w3.org/2000/svg}"
# What a picture on a page needs; nothing here can run, load or link.
HARMLESS = {"svg", "title", "desc", "g", "path", "line", "rect", "text", "tspan", "defs", "clipPath"}


@pytest.fixture(scope="module")
def charts():
    truth = {"metric": PRIMARY, "lift_abs": 0.02}
    return draw_charts(example_report(simulated=True, truth=truth))


def letters(svg: str) -> str:
    return " ".join(
        text for node in ElementTree.fromstring(svg).iter(f"{SVG}text") for text in node.itertext()
    )


def places(svg: str, tag: str, colour: str) -> list[tuple[float, float]]:
    """x and length of every line, or x of every symbol, of a colour."""
    found = []
    for node in ElementTree.fromstring(svg).iter(SVG + tag):
        if colour in (node.get("stroke"), node.get("fill")) and "translate" in node.get("transform", ""):
            x = float(re.findall(r"-?[\d.]+", node.get("transform"))[0])
            found.append((x, float(node.get("x2", 0))))
    return found


def test_every_chart_is_drawn_in_both_languages(charts):
    assert set(charts) == NAMES
    assert all(set(pictures) == {"zh", "en"} for pictures in charts.values())
    assert "30 天复购率" in letters(charts["forest"]["zh"])
    assert "repeat purchase within 30 days" in letters(charts["forest"]["en"])
    assert "金卡" in letters(charts["tiers"]["zh"])
    assert "gold" in letters(charts["tiers"]["en"])


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_chart_scales_is_read_as_one_picture_and_refers_to_nothing(charts, name):
    for svg in charts[name].values():
        root = ElementTree.fromstring(svg)
        assert root.get("viewBox")
        assert root.get("width") is None
        assert root.get("height") is None
        assert root.get("role") == "img"
        assert root.get("aria-label") == root.findtext(f"{SVG}title") != ""
        assert len(root.findtext(f"{SVG}desc")) > 10
        assert {node.tag.removeprefix(SVG) for node in root.iter()} <= HARMLESS
        attributes = {attribute for node in root.iter() for attribute in node.attrib}
        assert not [each for each in attributes if each.startswith("on") or "href" in each or each == "style"]
        assert not re.search(r"NaN|undefined|Infinity|null", svg)


def test_charts_may_stand_on_one_page(charts):
    """A reference goes to the first element of that id on the page, so no two charts may share one."""
    pictures = [pictures["zh"] for pictures in charts.values()]
    ids = [identity for svg in pictures for identity in re.findall(r' id="([^"]+)"', svg)]
    assert len(ids) == len(set(ids)) > 0
    for svg in pictures:
        assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(re.findall(r' id="([^"]+)"', svg))
        assert "url(" not in re.sub(r"url\(#[^)]+\)", "", svg)


def test_letters_are_large_enough_on_a_phone(charts):
    """390 px wide, of which the page leaves about 350 to a picture: no letter below 11 px."""
    for pictures in charts.values():
        for svg in pictures.values():
            width = float(ElementTree.fromstring(svg).get("viewBox").split()[2])
            sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)px"', svg)]
            assert min(sizes) * 350 / width > 11


def test_an_interval_is_drawn_where_its_numbers_are(charts):
    svg = charts["forest"]["en"]
    (low, length), *_ = places(svg, "line", GAIN)
    (value, _), *_ = places(svg, "path", GAIN)
    assert isclose(value - low, length / 2, abs_tol=0.01), "the estimate is the middle of its interval"
    # Returns rose, and they should not: 0.012 ± 0.008 of 0.11, beside 0.024 ± 0.013 of 0.30.
    (_, worse_length), *_ = places(svg, "line", LOSS)
    assert isclose(worse_length / length, (0.016 / 0.11) / (0.026 / 0.30), rel_tol=1e-3)
    assert places(svg, "line", QUIET), "what is not significant is grey"
    assert "+8.0%" in letters(svg)
    assert "+10.9%" in letters(svg)


def test_one_wild_interval_leaves_the_others_room():
    wild = compared("revenue_d30", 3, 40.0, 1.0, 4000.0)
    report = example_report(metrics=[compared(PRIMARY, 10_000, 0.30, 0.024, 0.013, True)] * 2 + [wild])
    (_, length), *_ = places(draw_charts(report)["forest"]["en"], "line", GAIN)
    assert length > 372 / 20


def test_the_planted_truth_stands_in_the_chart_of_a_simulation_only(charts):
    assert "预设真值 +2.00" in letters(charts["cumulative"]["zh"])
    other = example_report(truth={"metric": "revenue_d30", "lift_abs": 1.0})
    assert "truth" not in letters(draw_charts(other)["cumulative"]["en"])


@pytest.mark.parametrize(("rule", "says"), [("sequence", "对每一天同时有效"), ("fixed", "只对单次查看有效")])
def test_the_band_of_the_daily_lift_says_what_it_holds_for(rule, says):
    alone = {
        "metrics": [compared(PRIMARY, 100, 0.3, 0.0, 0.1)],
        "retention": None,
        "segments": [],
        "guardrails": [],
    }
    assert says in letters(draw_charts(example_report(rule=rule, **alone))["cumulative"]["zh"])


def test_what_a_report_lacks_is_not_drawn():
    unclear = {"variant": "offer", "state": "unclear", "lift_rel": None, "ci_rel": None}
    bare = example_report(
        metrics=[withheld(PRIMARY)],
        segments=[{"by": "tier", "value": "gold", "metrics": [withheld(PRIMARY)]}],
        guardrails=[{"measure": "revenue_d30", "margin_relative": -0.02, "variants": [unclear]}],
        cumulative=[{"variant": "offer", "points": []}],
        retention=None,
        progress={"exposed": 0, "matured": 0, "share": 0.0, "planned": None},
    )
    assert draw_charts(bare) == {}


def test_several_variants_are_told_apart_by_name():
    report = example_report()
    for result in report["metrics"]:
        result["variants"].append(result["variants"][0] | {"variant": "points"})
    report["cumulative"].append(report["cumulative"][0] | {"variant": "points"})
    report["retention"]["arms"].append(report["retention"]["arms"][1] | {"variant": "points"})
    charts = draw_charts(report)
    for name in ("forest", "cumulative", "retention"):
        assert "offer" in letters(charts[name]["en"])
        assert "points" in letters(charts[name]["en"])


def test_names_are_letters_and_nothing_else():
    name = "</text><script>alert(1)</script>&\"'"
    report = example_report()
    report["measures"][PRIMARY] |= {"name_en": name, "name_zh": name}
    report["retention"]["arms"][1]["variant"] = name
    charts = draw_charts(report)
    for pictures in charts.values():
        for svg in pictures.values():
            root = ElementTree.fromstring(svg)
            assert {node.tag.removeprefix(SVG) for node in root.iter()} <= HARMLESS
    assert name in letters(charts["forest"]["en"])


@pytest.mark.parametrize("reach", [0.0, 1e-9, 1e9])
def test_odd_intervals_are_drawn_without_a_broken_number(reach):
    report = example_report(metrics=[compared(PRIMARY, 10, 0.3, 0.0, reach)], cumulative=[])
    report["retention"] = None
    svg = draw_charts(report)["forest"]["zh"]
    assert "NaN" not in svg
    assert places(svg, "path", QUIET)
