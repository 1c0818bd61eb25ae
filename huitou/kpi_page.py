"""The shop's report as one HTML page that needs nothing else, and as a CSV file for spreadsheets."""

import csv
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from features.measures.measure import BY_ALL
from features.measures.shop_report import ShopReport, Value, place_of_group
from huitou.kpi_charts import draw_kpis
from huitou.kpi_words import WORDS, KpiWords

# How a spreadsheet recognises a formula; a shop's own words that start so must not be run.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
STYLE = """
:root { --page: #f4f5f7; --card: #fff; --ink: #1b2027; --muted: #5a6370; --line: #dde1e7 }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f1216; --card: #181c22; --ink: #e7eaef; --muted: #a0a8b4; --line: #303741 }
}
* { box-sizing: border-box }
body { margin: 0; padding: 1rem max(1rem, calc(50vw - 33rem)); background: var(--page); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC",
  sans-serif }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1rem;
  margin: 1rem 0 }
h2 { margin: 0 0 .5rem; font-size: 1.15rem }
p, small, .none { color: var(--muted) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
small { font-weight: normal }
th, td { padding: .4rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line) }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem }
.charts svg { width: 100%; height: auto }
"""


def write_page(report: ShopReport, words: KpiWords, path: Path) -> None:
    """Write the page in the words' language."""
    path.write_text(page(report, words), encoding="utf-8")


def page(report: ShopReport, words: KpiWords) -> str:
    """The page: the whole shop, charts, every split, cohorts, and what could not be measured."""
    window = words.say(
        "window", as_of=report.span.as_of, days=report.span.days, newest=report.span.newest_day
    )
    charts = "".join(f"<div>{svg}</div>" for svg in draw_kpis(report, words).values())
    sections = [
        f"<h1>{words.say('title')}</h1><p>{escape(window)}</p><p>{words.say('withheld_about')}</p>",
        _section(words.say("overall"), _overall(report, words)),
        f'<section class="charts">{charts}</section>' if charts else "",
        *(_split(report, words, dimension) for dimension in BY_ALL),
        _cohorts(report, words),
        _missing(report, words),
    ]
    return (
        f'<!doctype html><html lang="{words.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{words.say('title')} {report.span.as_of}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(sections)}</main></body></html>\n"
    )


def write_csv(report: ShopReport, words: KpiWords, path: Path) -> None:
    """Write one row a value, in UTF-8 with the mark by which spreadsheets know it."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ("measure", "name", "by", "group", "value", "numerator", "denominator", "ci_low", "ci_high",
             "unit", "withheld", "reason", "as_of", "window_days", "definition")
        )  # fmt: skip
        for value in report.values:
            row = value.to_dict()
            low, high = value.interval or (None, None)
            days = None if value.by == "month" else report.span.days
            writer.writerow(
                (row["measure"], words.name(value.measure), row["by"], _text(row["group"]), row["value"],
                 row["numerator"], row["denominator"], low, high, row["unit"], row["withheld"], row["reason"],
                 report.span.as_of, days, words.definition(value.measure))
            )  # fmt: skip


def _text(value: str | None) -> str | None:
    """Text that a spreadsheet would take for a formula gets the quote that makes it text."""
    return f"'{value}" if value is not None and value.startswith(FORMULA_STARTS) else value


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _table(head: Sequence[str], rows: Iterable[str]) -> str:
    heads = f'<th scope="col">{escape(head[0])}</th>' + "".join(
        f'<th scope="col" class="number">{escape(text)}</th>' for text in head[1:]
    )
    body = f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="scroll"><table>{body}</table></div>'


def _row(name: str, cells: Iterable[str], about: str = "") -> str:
    small = f"<br><small>{escape(about)}</small>" if about else ""
    return f'<tr><th scope="row">{escape(name)}{small}</th>{"".join(cells)}</tr>'


def _cell(value: Value | None, words: KpiWords) -> str:
    if value is None:
        return '<td class="number"></td>'
    shown = escape(words.value(value))
    if value.reason is None:
        return f'<td class="number">{shown}</td>'
    return f'<td class="number none" title="{escape(words.say(value.reason))}">{shown}</td>'


def _number(text: str) -> str:
    return f'<td class="number">{escape(text)}</td>'


def _overall(report: ShopReport, words: KpiWords) -> str:
    head = [words.say(word) for word in ("measure", "value", "interval", "parts")]
    rows = []
    for value in (value for value in report.values if value.by is None):
        unit = value.measure.unit
        interval = "" if value.interval is None else " … ".join(words.number(n, unit) for n in value.interval)
        parts = "" if value.denominator is None else f"{_part(value.numerator)} / {_part(value.denominator)}"
        cells = [_cell(value, words), _number(interval), _number(parts)]
        rows.append(_row(words.name(value.measure), cells, words.definition(value.measure)))
    return _table(head, rows)


def _part(number: float | None) -> str:
    return "" if number is None else f"{number:,}" if isinstance(number, int) else f"{number:,.2f}"


def _split(report: ShopReport, words: KpiWords, dimension: str) -> str:
    """Measures down, groups across; nothing where the report is not split so."""
    values = [value for value in report.values if value.by == dimension]
    if not values:
        return ""
    groups = sorted({value.group or "" for value in values}, key=place_of_group)
    cells = {(value.measure.key, value.group): value for value in values}
    rows = [
        _row(words.name(measure), (_cell(cells.get((measure.key, group)), words) for group in groups))
        for measure in dict.fromkeys(value.measure for value in values)
    ]
    title = words.say("by", dimension=words.say(dimension))
    return _section(title, _table([words.say("measure"), *map(words.group, groups)], rows))


def _cohorts(report: ShopReport, words: KpiWords) -> str:
    if not report.cohorts:
        return ""
    furthest = range(1, len(report.cohorts))
    rows = []
    for cohort in report.cohorts:
        customers = words.say("withheld") if cohort["withheld"] else f"{cohort['customers']:,}"
        shares = {month["months_since"]: month["value"] for month in cohort["months"]}
        found = (shares.get(since) for since in furthest)
        cells = (_number("" if share is None else words.number(share, "share")) for share in found)
        rows.append(_row(cohort["cohort"], [_number(customers), *cells]))
    head = [words.say("cohort"), words.say("customers"), *map(str, furthest)]
    return _section(words.say("cohorts"), f"<p>{words.say('cohorts_about')}</p>{_table(head, rows)}")


def _missing(report: ShopReport, words: KpiWords) -> str:
    needs = [
        *((entry["measure"], entry["needs"]) for entry in report.not_measured),
        *(
            (words.say("by", dimension=words.say(entry["by"])), entry["needs"])
            for entry in report.not_split
            if entry["by"] in WORDS
        ),
    ]
    if not needs:
        return ""
    lines = "".join(f"<li>{escape(words.say('needs', what=what, need=need))}</li>" for what, need in needs)
    return _section(words.say("not_measured"), f"<ul>{lines}</ul>")
