"""What the pages show, put together from the database's rows; templates only lay it out."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from markupsafe import Markup

from experiments.design import Design, read_design
from features.database.records import ExperimentRecord, LogEntry
from features.errors import DataError
from features.settings import ShopSettings
from serving.console.design_view import design_rows, log_rows, variant_rows
from serving.console.numbers import Numbers
from serving.console.report_view import Report, ReportView
from serving.console.words import Language, say

Page = dict[str, Any]
STATES = ("running", "stopped", "draft", "decided")


def list_page(
    found: Iterable[tuple[ExperimentRecord, Report | None]], language: Language, shop: ShopSettings
) -> list[Page]:
    """A card an experiment: those that want attention first, within a state as the database orders them."""
    cards = [_summary(record, report, language, shop) for record, report in found]
    return sorted(cards, key=lambda card: STATES.index(card["state"]))


def experiment_page(
    record: ExperimentRecord,
    report: Report | None,
    log: Iterable[LogEntry],
    language: Language,
    shop: ShopSettings,
) -> Page:
    """Everything about one experiment."""
    numbers, design = Numbers(language, shop.currency, shop.zone), _design(record)
    page = _summary(record, report, language, shop) | {
        "hypothesis": design.hypothesis if design else "",
        "decision": record.decision or "",
        "design": design_rows(design, record.version, language, numbers) if design else [],
        "variants": variant_rows(design, language, numbers) if design else [],
        "log": log_rows(log, language, numbers),
    }
    if report is None:
        return page
    view = ReportView(report, language, shop)
    ratio, text = report["sample_ratio"], f"text_{language}"
    return page | {
        "data_through": report["data_through"],
        "older_version": report["version"] if report["version"] != record.version else None,
        "truth": view.truth(),
        "split_wrong": "" if ratio["ok"] else view.say("split_wrong", p=numbers.chance(ratio["p_value"])),
        "reasons": [reason[text] for reason in report["verdict"]["reasons"]],
        "remedy": (report["verdict"]["remedy"] or {}).get(text, ""),
        "notes": [note[text] for note in report["notes"]],
        "level": numbers.level(view.primary["level"]),
        "definitions": view.definitions(),
        "rows": view.rows(report["metrics"]),
        "cumulative": view.cumulative(),
        "segments": view.segments(),
        "guardrails": view.guardrails(),
        "retention": view.retention(),
        "progress": view.progress(),
        "progress_rows": _progress_rows(report, view, numbers),
        "annual_margin": view.annual_margin(),
        "annual_margin_assumption": (report["annual_margin"] or {}).get("assumption", {}).get(text, ""),
        "offer_return": view.offer_return(),
        "charts": _charts(report, language),
    }


def _summary(record: ExperimentRecord, report: Report | None, language: Language, shop: ShopSettings) -> Page:
    """What both pages show of an experiment."""
    summary: Page = {
        "key": record.key,
        "state": record.state,
        "simulated": record.simulated,
        "has_report": report is not None,
    }
    if report is None:
        return summary
    view, numbers = ReportView(report, language, shop), Numbers(language, shop.currency, shop.zone)
    progress, verdict = report["progress"], report["verdict"]
    if progress["planned"] is not None and progress["complete"]:
        days_left = say(language, "days_left_done")
    elif progress["days_left"] is not None:
        days_left = say(language, "days", days=numbers.count(progress["days_left"]))
    else:
        days_left = say(language, "none")
    return summary | {
        "verdict": verdict["code"],
        "verdict_text": verdict[f"text_{language}"],
        "primary": view.measure(report["primary"]),
        "headlines": view.headlines(),
        "matured_share": numbers.share(progress["share"]),
        "days_left": days_left,
        "reported_at": numbers.moment(datetime.fromisoformat(report["generated_at"])),
    }


def _design(record: ExperimentRecord) -> Design | None:
    """The design; None if it breaks a rule that is younger than it, which must not hide its results."""
    try:
        return read_design(record.design)
    except DataError:
        return None


def _progress_rows(report: Report, view: ReportView, numbers: Numbers) -> list[tuple[str, str]]:
    progress = report["progress"]
    rows = [(view.say(name), numbers.count(progress[name])) for name in ("exposed", "matured", "planned")]
    if progress["days"] is not None:
        rows.append((view.say("days_so_far"), view.say("days", days=numbers.count(progress["days"]))))
    return rows


def _charts(report: Report, language: Language) -> dict[str, Markup]:
    """The pictures of a language. `analysis/charts.py` drew them and escaped every name in them; should
    anything else ever come to stand there, the page's policy still lets nothing run.
    """
    charts: dict[str, dict[str, str]] = report.get("charts", {})
    return {name: Markup(pictures[language]) for name, pictures in charts.items()}  # noqa: S704
