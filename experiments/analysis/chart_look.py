"""How every chart of a report looks: colours, type, and an SVG that a page can scale.

A chart is drawn about 390 units wide with letters of 13 and 14, so that a phone shows it one to one. Letters
and lines take the colour of the text around them, so that one picture serves a light page and a dark one; the
other colours stand apart from both backgrounds (3.5 to 1 or more) and from each other also for colour-blind
readers, and nothing is told by colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

WIDTH = 372
# A panel has the numbers of its axis on the left.
PANEL_WIDTH, PANEL_HEIGHT = WIDTH - 42, 210
ROW_HEIGHT = 54
INK = "currentColor"
GAIN, LOSS, QUIET = "#2f7dd1", "#d1570f", "#7f8790"
# The control comes first; lines also differ in their dashes.
ARM_COLOURS = (QUIET, GAIN, LOSS, "#159a80", "#a45ac0")
ARM_DASHES = ([6, 3], [1, 0], [2, 2], [9, 3, 2, 3], [12, 4])
FONT = (
    "system-ui, -apple-system, 'Segoe UI', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"
)
# Nothing is drawn further from the reference than this many times what the middle interval reaches: one wild
# interval would squeeze all the others, and the first days of an experiment all the later ones.
WIDEST_ROW, WIDEST_DAY = 6.0, 2.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart with its words.

    Attributes:
        chart: what to draw.
        title: stands above it.
        about: what it shows, in a sentence, for who cannot see it.
        subtitle: a smaller line below the title.
    """

    chart: Any
    title: str
    about: str
    subtitle: str = ""


def interval_rows(
    alt: Any, rows: Sequence[dict[str, Any]], axis_format: str, axis_title: str, reference: float = 0.0
) -> Any:
    """One row an interval: its name and value in letters, and below them the interval with its estimate.

    Args:
        alt: the altair module.
        rows: label, text, value, low, high, colour, shape; and `margin`, where a row has a line not to cross.
        axis_format: of the numbers below the rows (d3).
        axis_title: what they are.
        reference: where the dashed line stands.
    """
    data = alt.Data(values=[row | {"row": position} for position, row in enumerate(rows)])
    base = alt.Chart(data).encode(y=alt.Y("row:O", axis=None))
    scale = alt.Scale(domain=domain(rows, reference, WIDEST_ROW), nice=False, zero=False)
    axis = alt.Axis(format=axis_format, title=axis_title, grid=False, tickCount=5)
    colour = alt.Color("colour:N", scale=None)
    below: dict[str, Any] = {"yOffset": 11, "clip": True}
    layers = [
        # Beside the intervals only, so that it crosses no letters.
        base.mark_tick(thickness=1.5, size=ROW_HEIGHT / 2, color=QUIET, **below).encode(
            x=alt.datum(reference)
        ),
        base.mark_rule(strokeWidth=5, strokeCap="round", strokeOpacity=0.55, **below).encode(
            alt.X("low:Q", scale=scale, axis=axis), alt.X2("high:Q"), color=colour
        ),
        base.mark_point(filled=True, size=130, opacity=1, **below).encode(
            x="value:Q", color=colour, shape=alt.Shape("shape:N", scale=None)
        ),
        base.mark_text(align="left", dy=-11, limit=WIDTH * 0.74).encode(x=alt.value(0), text="label:N"),
        base.mark_text(align="right", dy=-11, fontWeight="bold").encode(x=alt.value(WIDTH), text="text:N"),
    ]
    if any("margin" in row for row in rows):
        layers.append(base.mark_tick(thickness=3, size=24, color=INK, **below).encode(x="margin:Q"))
    return alt.layer(*layers).properties(width=WIDTH, height=alt.Step(ROW_HEIGHT))


def arm_lines(alt: Any, points: Sequence[dict[str, Any]], arms: Sequence[str], x: Any, y: Any) -> Any:
    """A line of steps for each arm, named above, with the band of its interval.

    Args:
        alt: the altair module.
        points: arm, low, high, and the fields of `x` and `y`.
        arms: in the order of their colours.
        x: the channel across.
        y: the channel upwards; its axis and scale are the band's too.
    """
    colour_of = {arm: ARM_COLOURS[place % len(ARM_COLOURS)] for place, arm in enumerate(arms)}
    dash_of = {arm: ARM_DASHES[place % len(ARM_DASHES)] for place, arm in enumerate(arms)}
    colours = alt.Scale(domain=list(arms), range=list(colour_of.values()))
    dashes = alt.Scale(domain=list(arms), range=list(dash_of.values()))
    legend = alt.Legend(
        orient="top", title=None, symbolType="stroke", symbolSize=700, symbolStrokeWidth=3, columns=2
    )
    coloured = [point | {"colour": colour_of[point["arm"]]} for point in points]
    base = alt.Chart(alt.Data(values=coloured)).encode(x)
    # The band takes its colour without a scale: a scale of its own would want a legend of its own.
    band = base.mark_area(opacity=0.18, interpolate="step-after").encode(
        alt.Y("low:Q"), alt.Y2("high:Q"), fill=alt.Fill("colour:N", scale=None), detail="arm:N"
    )
    line = base.mark_line(strokeWidth=2.5, interpolate="step-after").encode(
        y,
        stroke=alt.Stroke("arm:N", scale=colours, legend=legend),
        strokeDash=alt.StrokeDash("arm:N", scale=dashes, legend=legend),
    )
    return alt.layer(band, line).properties(width=PANEL_WIDTH, height=PANEL_HEIGHT)


def reference_line(alt: Any, value: float, colour: str = INK) -> Any:
    """A dashed line across the chart at a height."""
    rule = alt.Chart(alt.Data(values=[{"at": value}])).mark_rule(
        strokeDash=[4, 3], color=colour, opacity=0.75
    )
    return rule.encode(y="at:Q")


def to_svg(alt: Any, name: str, picture: Picture) -> str:
    """The chart as an SVG without fixed size that screen readers read as one picture.

    Args:
        alt: the altair module.
        name: sets its inner references apart from those of other charts on the same page.
        picture: what to draw.
    """
    import vl_convert

    title = picture.title
    dressed = (
        picture.chart.properties(
            title=alt.TitleParams(title, subtitle=picture.subtitle, anchor="start", frame="bounds")
        )
        .configure(font=FONT, background="transparent", aria=False, padding=8)
        .configure_view(stroke=None)
        .configure_title(
            color=INK, fontSize=15, fontWeight=600, offset=12, subtitleColor=INK, subtitleFontSize=13
        )
        .configure_text(color=INK, fontSize=14)
        .configure_legend(labelColor=INK, labelFontSize=14, labelLimit=300)
        .configure_axis(
            labelColor=INK, titleColor=INK, labelFontSize=13, titleFontSize=13, titleFontWeight="normal",
            gridColor=INK, gridOpacity=0.14, domainColor=QUIET, tickColor=QUIET, labelOverlap=True,
        )
    )  # fmt: skip
    drawn = str(vl_convert.vegalite_to_svg(dressed.to_dict()))
    head, _, body = drawn.replace('id="', f'id="{name}-').replace("url(#", f"url(#{name}-").partition(">")
    view_box = head.partition('viewBox="')[2].partition('"')[0]
    label = f'viewBox="{view_box}" role="img" aria-label="{escape(title)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {label}>'
        f"<title>{escape(title)}</title><desc>{escape(picture.about)}</desc>{body}"
    )


def domain(rows: Sequence[dict[str, Any]], reference: float, widest: float) -> list[float]:
    """The ends of an axis that holds the reference and every low, high and margin, up to `widest` (above)."""
    reaches = sorted(max(abs(row["low"] - reference), abs(row["high"] - reference)) for row in rows)
    furthest = widest * reaches[(len(reaches) - 1) // 2] or 1.0
    ends = [end for row in rows for end in (row["low"], row["high"], row.get("margin", reference))]
    low = max(min(*ends, reference), reference - furthest)
    high = min(max(*ends, reference), reference + furthest)
    room = 0.06 * ((high - low) or 1.0)
    return [low - room, high + room]
