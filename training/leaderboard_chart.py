"""The leaderboard as a picture: every model with its interval, one panel a task."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

METRIC_TITLES = {"ndcg": "NDCG", "recall_capped": "capped recall"}
HIGHLIGHT, QUIET = "#1f5c99", "#8a8f98"


def save_chart(
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    title: str,
    *paths: Path,
    baseline: str = "popularity_28d",
) -> None:
    """Draw the leaderboards of each task to files; their endings choose the format (.svg, .png).

    Args:
        tables: task → rows as `training.judgement.leaderboard` makes them.
        title: over the chart.
        paths: where to write.
        baseline: drawn in a quiet colour, as what the others are compared with.
    """
    import altair as alt

    panels = [_panel(alt, task, rows, baseline) for task, rows in tables.items() if rows]
    chart = (
        alt.hconcat(*panels)
        .properties(
            title=alt.TitleParams(title, subtitle="Points with 95 % bootstrap intervals over customers")
        )
        .configure(font="sans-serif")
        .configure_view(stroke=None)
    )
    for path in paths:
        chart.save(str(path), scale_factor=2)


def _panel(alt: Any, task: str, rows: Sequence[Mapping[str, Any]], baseline: str) -> Any:
    metric = next(name for name in rows[0]["ci"] if name.startswith("ndcg"))
    points = [
        {
            "model": row["model"],
            "value": row[metric],
            "low": row["ci"][metric][0],
            "high": row["ci"][metric][1],
            "is_baseline": row["model"] == baseline,
        }
        for row in rows
    ]
    order = [row["model"] for row in rows]
    colour = alt.condition("datum.is_baseline", alt.value(QUIET), alt.value(HIGHLIGHT))
    y = alt.Y("model:N", sort=order, title=None, axis=alt.Axis(labelLimit=200))
    x_title = metric.replace("ndcg", METRIC_TITLES["ndcg"])
    base = alt.Chart(alt.Data(values=points)).encode(y=y, color=colour)
    bars = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=x_title), x2="high:Q")
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(x="value:Q")
    return (bars + dots).properties(title=f"{task} ({rows[0]['customers']:,} customers)", width=260)
