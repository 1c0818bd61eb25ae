"""Files to take away: the numbers of a report as CSV."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

# One row a metric and variant other than the control, as `Report.table()` has them for data scientists.
COLUMNS = (
    "by", "segment", "metric", "kind", "variant", "n", "mean", "control", "control_n", "control_mean",
    "lift_abs", "ci_abs_low", "ci_abs_high", "lift_rel", "ci_rel_low", "ci_rel_high", "p_value",
    "significant", "withheld", "method", "level",
)  # fmt: skip
# How a spreadsheet recognises a formula; a name that starts so must not be run.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads Chinese as Latin letters


def csv_file(report: dict[str, Any] | None) -> bytes:
    """The numbers of a report; of none, the header alone."""
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for row in _rows(report) if report is not None else ():
        writer.writerow({name: _cell(row[name]) for name in COLUMNS})
    return (BYTE_ORDER_MARK + text.getvalue()).encode("utf-8")


def download(content: bytes, name: str, media_type: str) -> Response:
    """A file for the browser to keep under this name."""
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(content, headers={"Content-Disposition": disposition}, media_type=media_type)


def _rows(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    everyone = {"by": None, "value": None, "metrics": report["metrics"]}
    for part in (everyone, *report["segments"]):
        for result in part["metrics"]:
            control = result["control"]
            shared = {
                "by": part["by"],
                "segment": part["value"],
                "control": control["variant"],
                "control_n": control["n"],
                "control_mean": control["mean"],
                **{name: result[name] for name in ("metric", "kind", "method", "level")},
            }
            for variant in result["variants"]:
                absolute, relative = variant["ci_abs"] or (None, None), variant["ci_rel"] or (None, None)
                ends = {
                    "ci_abs_low": absolute[0], "ci_abs_high": absolute[1],
                    "ci_rel_low": relative[0], "ci_rel_high": relative[1],
                }  # fmt: skip
                yield shared | ends | variant


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula gets the quote that makes it text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
