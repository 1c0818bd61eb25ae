"""The charts of a report as SVG in both languages, drawn once when the report is stored.

They show the report's numbers and compute none. What cannot be shown (an estimate withheld, a part that the
report does not have) is left out; the page says why in words.
"""

from collections.abc import Callable
from typing import Any

from experiments.analysis.chart_look import (
    ARM_COLOURS,
    GAIN,
    INK,
    LOSS,
    PANEL_HEIGHT,
    PANEL_WIDTH,
    QUIET,
    ROW_HEIGHT,
    WIDEST_DAY,
    WIDTH,
    Picture,
    arm_lines,
    domain,
    interval_rows,
    reference_line,
    to_svg,
)
from experiments.analysis.chart_words import LANGUAGES, Wording, relative

Report = dict[str, Any]


def draw_charts(report: Report) -> dict[str, dict[str, str]]:
    """Draw what the report holds.

    Args:
        report: as `Report.to_dict` gives it.

    Returns:
        name → language → SVG; names are forest, cumulative, retention, guardrails, tiers and matured, without
        those that have nothing to show. An SVG has a viewBox and no size, real letters, and links to nothing.
    """
    import altair as alt

    charts: dict[str, dict[str, str]] = {}
    for name, draw in CHARTS.items():
        for language in LANGUAGES:
            picture = draw(alt, report, Wording(report, language))
            if picture is not None:
                charts.setdefault(name, {})[language] = to_svg(alt, name, picture)
    return charts


def _forest(alt: Any, report: Report, words: Wording) -> Picture | None:
    """Relative changes, because they alone share an axis."""
    rows = [
        _row(
            _label(report, words.measure(result["metric"]), variant), variant, "rel", words, result["metric"]
        )
        | {"text": relative(variant["lift_rel"])}
        for result in report["metrics"]
        for variant in result["variants"]
        if variant["ci_rel"] is not None
    ]
    if not rows:
        return None
    chart = interval_rows(alt, rows, "+.0%", words.say("relative"))
    return Picture(chart, words.say("forest"), words.say("forest_about"))


def _guardrails(alt: Any, report: Report, words: Wording) -> Picture | None:
    looks = {"holds": (GAIN, "circle"), "unclear": (QUIET, "diamond"), "breached": (LOSS, "cross")}
    rows = []
    for guardrail in report["guardrails"]:
        for variant in guardrail["variants"]:
            if variant["ci_rel"] is None:
                continue
            colour, shape = looks[variant["state"]]
            rows.append(
                {
                    "label": _label(report, words.measure(guardrail["measure"]), variant),
                    "text": words.say(variant["state"]),
                    "value": variant["lift_rel"],
                    "low": variant["ci_rel"][0],
                    "high": variant["ci_rel"][1],
                    "colour": colour,
                    "shape": shape,
                    "margin": guardrail["margin_relative"],
                }
            )
    if not rows:
        return None
    chart = interval_rows(alt, rows, "+.0%", words.say("guardrails_axis"))
    return Picture(chart, words.say("guardrails"), words.say("guardrails_about"))


def _tiers(alt: Any, report: Report, words: Wording) -> Picture | None:
    key = report["primary"]
    rows = [
        _row(_label(report, words.tier(segment["value"]), variant), variant, "abs", words, key)
        | {"text": words.difference(key, variant["lift_abs"])}
        for segment in sorted(report["segments"], key=lambda segment: words.tier_rank(segment["value"]))
        if segment["by"] == "tier"
        for result in segment["metrics"]
        if result["metric"] == key
        for variant in result["variants"]
        if variant["ci_abs"] is not None
    ]
    if not rows:
        return None
    name = words.measure(key)
    chart = interval_rows(alt, _scaled(rows, words, key), "+,~r", words.say(words.unit(key)))
    about = words.say("tiers_about", measure=name)
    return Picture(chart, words.say("tiers", measure=name), about, subtitle=words.say("by_tier"))


def _cumulative(alt: Any, report: Report, words: Wording) -> Picture | None:
    key, lines = report["primary"], [line for line in report["cumulative"] if line["points"]]
    if not lines:
        return None
    panels = []
    for line in lines:
        points = _scaled([point | {"arm": line["variant"]} for point in line["points"]], words, key)
        panels.append(_panel(alt, line["variant"], points, report, words))
    name = words.measure(key)
    last = ", ".join(
        f"{line['variant']} {words.difference(key, line['points'][-1]['lift'])}" for line in lines
    )
    chart = panels[0] if len(panels) == 1 else alt.vconcat(*panels).resolve_scale(y="shared")
    about = words.say("cumulative_about", measure=name, last=last)
    looks = "one_look" if report["rule"] == "fixed" else "looks"
    subtitle = words.say(looks, unit=words.say(f"{words.unit(key)}_band"))
    return Picture(chart, words.say("cumulative", measure=name), about, subtitle)


def _panel(alt: Any, variant: str, points: list[dict[str, Any]], report: Report, words: Wording) -> Any:
    """One variant's lift; each has a panel of its own, because bands on top of each other hide one."""
    key, variants = report["primary"], [result["variant"] for result in report["metrics"][0]["variants"]]
    # The colour that the variant has among the retention curves, where the control comes first.
    colour = ARM_COLOURS[(1 + variants.index(variant)) % len(ARM_COLOURS)]
    scale = alt.Scale(domain=domain(points, 0.0, WIDEST_DAY), nice=False, zero=False)
    x = alt.X("day:T", axis=alt.Axis(format="%m-%d", title=None, tickCount=5, grid=False))
    axis = alt.Axis(format="+,~r", title=None, tickCount=5)
    base = alt.Chart(alt.Data(values=points)).encode(x)
    layers = [
        reference_line(alt, 0.0),
        base.mark_area(opacity=0.2, color=colour, clip=True).encode(
            alt.Y("low:Q", scale=scale, axis=axis), alt.Y2("high:Q")
        ),
        base.mark_line(strokeWidth=2.5, color=colour, clip=True).encode(alt.Y("lift:Q")),
    ]
    truth = report["truth"]
    if truth is not None and truth["metric"] == key and variant == variants[0]:
        layers.append(reference_line(alt, words.scale(key) * truth["lift_abs"], LOSS))
        planted = words.say("truth", value=words.difference(key, truth["lift_abs"]))
        layers.append(_corner(alt, planted, "bottom", LOSS))
    if len(variants) > 1:
        layers.append(_corner(alt, variant, "top", INK))
    return alt.layer(*layers).properties(width=PANEL_WIDTH, height=PANEL_HEIGHT)


def _corner(alt: Any, text: str, corner: str, colour: str) -> Any:
    """Letters in the right upper or lower corner of a panel."""
    y = 12 if corner == "top" else PANEL_HEIGHT - 12
    mark = alt.Chart(alt.Data(values=[{"text": text}])).mark_text(
        align="right", fontWeight="bold", color=colour
    )
    return mark.encode(x=alt.value(PANEL_WIDTH), y=alt.value(y), text="text:N")


def _retention(alt: Any, report: Report, words: Wording) -> Picture | None:
    found = report["retention"]
    arms = [arm for arm in found["arms"] if arm["curve"]] if found is not None else []
    if not arms:
        return None
    points = [point | {"arm": arm["variant"]} for arm in arms for point in arm["curve"]]
    x = alt.X(
        "day:Q", axis=alt.Axis(title=words.say("day"), tickCount=6, grid=False), scale=alt.Scale(nice=False)
    )
    y = alt.Y("returned:Q", axis=alt.Axis(format="~%", title=None, tickCount=5), scale=alt.Scale(zero=True))
    chart = arm_lines(alt, points, [arm["variant"] for arm in arms], x, y)
    last = ", ".join(f"{arm['variant']} {arm['curve'][-1]['returned']:.1%}" for arm in arms)
    day = arms[0]["curve"][-1]["day"]
    return Picture(chart, words.say("retention"), words.say("retention_about", day=day, last=last))


def _matured(alt: Any, report: Report, words: Wording) -> Picture | None:
    progress = report["progress"]
    if not progress["exposed"]:
        return None
    bars = [("exposed", QUIET), ("matured", GAIN), ("planned", "#159a80")]
    rows = [
        {"label": words.say(f"{name}_bar"), "text": f"{progress[name]:,}", "value": progress[name],
         "colour": colour, "row": place}
        for place, (name, colour) in enumerate(bars)
        if progress[name] is not None
    ]  # fmt: skip
    base = alt.Chart(alt.Data(values=rows)).encode(y=alt.Y("row:O", axis=None))
    axis = alt.Axis(format=",d", title=words.say("customers"), tickCount=4, tickMinStep=1)
    chart = alt.layer(
        base.mark_bar(height=16, yOffset=11).encode(
            x=alt.X("value:Q", axis=axis), color=alt.Color("colour:N", scale=None)
        ),
        base.mark_text(align="left", dy=-11).encode(x=alt.value(0), text="label:N"),
        base.mark_text(align="right", dy=-11, fontWeight="bold").encode(x=alt.value(WIDTH), text="text:N"),
    ).properties(width=WIDTH, height=alt.Step(ROW_HEIGHT))
    counts = {name: f"{progress[name]:,}" for name in ("matured", "exposed")}
    return Picture(chart, words.say("matured"), words.say("matured_about", **counts))


CHARTS: dict[str, Callable[[Any, Report, Wording], Picture | None]] = {
    "forest": _forest,
    "cumulative": _cumulative,
    "retention": _retention,
    "guardrails": _guardrails,
    "tiers": _tiers,
    "matured": _matured,
}


def _label(report: Report, name: str, variant: Report) -> str:
    """A row's name; it says which variant where there are several."""
    several = len(report["metrics"][0]["variants"]) > 1
    return f"{variant['variant']} · {name}" if several else name


def _row(label: str, variant: Report, scale: str, words: Wording, metric: str) -> dict[str, Any]:
    """A variant's interval as a row; blue is better, orange worse, grey not significant."""
    lift = variant[f"lift_{scale}"]
    low, high = variant[f"ci_{scale}"]
    better = (lift < 0) == words.lower_is_better(metric)
    colour = (GAIN if better else LOSS) if variant["significant"] else QUIET
    shape = "circle" if variant["significant"] else "diamond"
    return {"label": label, "value": lift, "low": low, "high": high, "colour": colour, "shape": shape}


def _scaled(rows: list[dict[str, Any]], words: Wording, key: str) -> list[dict[str, Any]]:
    """Differences of shares are shown in percentage points."""
    factor, fields = words.scale(key), ("value", "lift", "low", "high")
    return [row | {field: factor * row[field] for field in fields if field in row} for row in rows]
