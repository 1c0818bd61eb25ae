"""The holdout as a picture: purchases by frequency, what happened beside the model and the past rate."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def save_calibration_chart(table: Sequence[Mapping[str, Any]], model: str, locale: str, *paths: Path) -> None:
    """Draw `holdout.by_frequency` to files; their endings choose the format (.svg, .png).

    Args:
        table: its rows.
        model: name of the model.
        locale: zh or en.
        paths: where to write.
    """
    import altair

    chart = _draw(altair, table, model, locale)
    for path in paths:
        chart.save(str(path), scale_factor=2)


def _draw(alt: Any, table: Sequence[Mapping[str, Any]], model: str, locale: str) -> Any:
    chinese = locale == "zh"
    names = {
        "actual": "实际" if chinese else "actual",
        "predicted": f"{model} 预测" if chinese else model,
        "frequency_rate": "按过去的频率" if chinese else "past rate",
    }
    points = [
        {"frequency": row["frequency"], "series": names[key], "purchases": row[key], "n": row["customers"]}
        for row in table
        for key in names
    ]
    title = "验证期复购次数：预测与实际" if chinese else "Purchases in the holdout: predicted and actual"
    x_title = "此前的复购次数" if chinese else "repeat purchases before it"
    y_title = "每位顾客的平均购买次数" if chinese else "mean purchases of a customer"
    scale = alt.Scale(domain=list(names.values()), range=["#222222", "#1f5c99", "#b0b5bc"])
    return (
        alt.Chart(alt.Data(values=points), title=title, width=420, height=260)
        .mark_line(point=True)
        .encode(
            x=alt.X("frequency:O", title=x_title, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("purchases:Q", title=y_title),
            color=alt.Color("series:N", title=None, scale=scale),
            strokeDash=alt.StrokeDash("series:N", legend=None),
        )
        .configure(font="sans-serif")
        .configure_view(stroke=None)
    )
