"""The charts of the shop's report as SVG, in the look of the experiments' reports; they compute nothing."""

from collections.abc import Callable
from typing import Any

from experiments.analysis.chart_look import (
    GAIN,
    INK,
    LOSS,
    PANEL_HEIGHT,
    PANEL_WIDTH,
    QUIET,
    Picture,
    interval_rows,
    to_svg,
)
from features.measures.measure import TRAITS
from features.measures.registry import SHOP_MEASURES
from features.measures.shop_report import ShopReport, Value
from huitou.kpi_words import KpiWords

CELL = 26
# A heat map of more months would not be read on a phone.
COHORTS_MAX = 13
GROUPS_MAX = 12


def draw_kpis(report: ShopReport, words: KpiWords) -> dict[str, str]:
    """Name → SVG of every chart that has something to show."""
    import altair as alt

    pictures: dict[str, Picture | None] = {name: draw(alt, report, words) for name, draw in CHARTS.items()}
    for trait in TRAITS:
        pictures[f"repeat-{trait}"] = _split(alt, report, words, trait)
    return {name: to_svg(alt, name, picture) for name, picture in pictures.items() if picture is not None}


def _shown(report: ShopReport, key: str, by: str | None) -> list[Value]:
    """The values of a measure that there are."""
    return [
        value
        for value in report.values
        if value.measure.key == key and value.by == by and value.value is not None
    ]


def _month_axis(alt: Any) -> Any:
    axis = alt.Axis(format="%Y-%m", title=None, tickCount=5, grid=False)
    return alt.X("month:T", timeUnit="yearmonth", axis=axis)


def _sales(alt: Any, report: ShopReport, words: KpiWords) -> Picture | None:
    rows = [{"month": f"{v.group}-01", "value": v.value} for v in _shown(report, "net_sales", "month")]
    if not rows:
        return None
    y = alt.Y("value:Q", axis=alt.Axis(format="~s", title=None, tickCount=5))
    chart = alt.Chart(alt.Data(values=rows)).mark_bar(color=GAIN).encode(_month_axis(alt), y)
    name = words.name(SHOP_MEASURES["net_sales"])
    return Picture(_sized(chart), name, words.say("sales_about"))


def _buyers(alt: Any, report: ShopReport, words: KpiWords) -> Picture | None:
    kinds = (("new_customers", "new", GAIN), ("returning_customers", "returning", QUIET))
    rows = [
        {"month": f"{value.group}-01", "value": value.value, "kind": words.say(word)}
        for key, word, _ in kinds
        for value in _shown(report, key, "month")
    ]
    if not rows:
        return None
    colours = alt.Scale(domain=[words.say(word) for _, word, _ in kinds], range=[c for _, _, c in kinds])
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar()
        .encode(
            _month_axis(alt),
            alt.Y("value:Q", axis=alt.Axis(format=",d", title=None, tickCount=5)),
            color=alt.Color("kind:N", scale=colours, legend=alt.Legend(orient="top", title=None)),
        )
    )
    return Picture(_sized(chart), words.say("buyers"), words.say("buyers_about"))


def _retention(alt: Any, report: ShopReport, words: KpiWords) -> Picture | None:
    rows = [
        {
            "month": f"{value.group}-01",
            "value": value.value,
            "low": value.interval[0],
            "high": value.interval[1],
        }
        for value in _shown(report, "retention_rate", "month")
        if value.interval is not None
    ]
    if not rows:
        return None
    base = alt.Chart(alt.Data(values=rows)).encode(_month_axis(alt))
    axis = alt.Axis(format="~%", title=None, tickCount=5)
    chart = alt.layer(
        base.mark_rule(strokeWidth=5, strokeCap="round", strokeOpacity=0.45, color=GAIN).encode(
            alt.Y("low:Q", axis=axis, scale=alt.Scale(zero=True)), alt.Y2("high:Q")
        ),
        base.mark_line(strokeWidth=2, color=GAIN, point=alt.OverlayMarkDef(color=GAIN, size=60)).encode(
            alt.Y("value:Q", axis=axis)
        ),
    )
    name = words.name(SHOP_MEASURES["retention_rate"])
    return Picture(_sized(chart), name, words.say("retention_about"))


def _cohorts(alt: Any, report: ShopReport, words: KpiWords) -> Picture | None:
    rows = [
        {"cohort": cohort["cohort"], "since": month["months_since"], "value": month["value"]}
        for cohort in report.cohorts[-COHORTS_MAX:]
        for month in cohort["months"]
        if month["value"] is not None
    ]
    if not rows:
        return None
    for row in rows:
        row["text"] = f"{100 * row['value']:.0f}"
    x = alt.X("since:O", axis=alt.Axis(title=words.say("months_since"), orient="top", labelAngle=0))
    base = alt.Chart(alt.Data(values=rows)).encode(x, alt.Y("cohort:O", axis=alt.Axis(title=None)))
    # Shades of one colour behind letters that take the page's own: the darkest leaves them readable.
    shade = alt.Opacity("value:Q", scale=alt.Scale(domain=[0, 1], range=[0.04, 0.75]), legend=None)
    chart = alt.layer(
        base.mark_rect(color=GAIN).encode(opacity=shade),
        base.mark_text(fontSize=12, color=INK).encode(text="text:N"),
    ).properties(width=alt.Step(CELL), height=alt.Step(CELL))
    return Picture(chart, words.say("cohorts"), words.say("cohorts_about"), subtitle="%")


def _split(alt: Any, report: ShopReport, words: KpiWords, trait: str) -> Picture | None:
    overall = _shown(report, "repeat_purchase_rate", None)
    values = _shown(report, "repeat_purchase_rate", trait)
    if not overall or len(values) < 2:
        return None
    reference = float(overall[0].value or 0)
    largest = sorted(values, key=lambda value: -value.people)[:GROUPS_MAX]
    rows = [_row(value, reference, words) for value in values if value in largest]
    chart = interval_rows(alt, rows, "~%", words.say("share_axis"), reference)
    subtitle = words.say("by", dimension=words.say(trait))
    name = words.name(SHOP_MEASURES["repeat_purchase_rate"])
    return Picture(chart, name, words.say("split_about"), subtitle=subtitle)


def _row(value: Value, reference: float, words: KpiWords) -> dict[str, Any]:
    """A group's interval; blue lies above the whole shop, orange below it."""
    low, high = value.interval or (reference, reference)
    apart = low > reference or high < reference
    colour = QUIET if not apart else GAIN if low > reference else LOSS
    return {
        "label": words.group(value.group or ""),
        "text": words.value(value),
        "value": value.value,
        "low": low,
        "high": high,
        "colour": colour,
        "shape": "circle" if apart else "diamond",
    }


def _sized(chart: Any) -> Any:
    return chart.properties(width=PANEL_WIDTH, height=PANEL_HEIGHT)


CHARTS: dict[str, Callable[[Any, ShopReport, KpiWords], Picture | None]] = {
    "sales": _sales,
    "buyers": _buyers,
    "retention": _retention,
    "cohorts": _cohorts,
}
