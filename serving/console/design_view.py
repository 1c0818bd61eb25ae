"""A design and its audit log as a page tells them."""

from collections.abc import Iterable
from typing import Any

from experiments.design import Design, Treatment
from features.database.records import LogEntry
from features.measures.registry import shown_name
from serving.console.numbers import Numbers
from serving.console.words import Language, say


def design_rows(design: Design, version: int, language: Language, numbers: Numbers) -> list[tuple[str, str]]:
    """Name and value of everything that was planned, the variants apart."""

    def words(key: str, /, **values: object) -> str:
        return say(language, key, **values)

    comma, targeting = words("list_comma"), design.targeting
    rows = [
        ("hypothesis", design.hypothesis),
        ("primary", _measure(design.primary_key, language)),
        ("rule", words(f"rule_{design.rule}")),
        ("alpha", numbers.share(design.alpha)),
        ("planned_customers", numbers.count(design.planned_matured_customers)),
        ("minimum_days", words("days", days=design.minimum_days)),
        ("coverage", _coverage(design, language, numbers)),
        (
            "targeting",
            words("and").join(f"{field}: {comma.join(values)}" for field, values in targeting.items())
            or words("everyone"),
        ),
        (
            "guardrails",
            comma.join(
                f"{_measure(each.measure, language)} {numbers.change(each.margin_relative)}"
                for each in design.guardrails
            ),
        ),
        ("layer", "" if design.layer is None else f"{design.layer.name} {list(design.layer.range)}"),
        ("version", str(version)),
    ]
    return [(words(name), value) for name, value in rows if value]


def variant_rows(design: Design, language: Language, numbers: Numbers) -> list[dict[str, Any]]:
    """The variants with their share of the customers and what they change; the first is the control."""
    return [
        {
            "key": variant.key,
            "is_control": position == 0,
            "weight": numbers.share(design.weights[variant.key]),
            "treatment": _treatment(variant.treatment, language),
        }
        for position, variant in enumerate(design.variants)
    ]


def log_rows(log: Iterable[LogEntry], language: Language, numbers: Numbers) -> list[dict[str, str]]:
    """The audit log, newest first."""
    rows = [
        {
            "when": numbers.moment(entry.at),
            "who": entry.actor,
            "what": say(language, f"action_{entry.action}"),
            "detail": entry.detail,
        }
        for entry in log
    ]
    return rows[::-1]


def _measure(key: str, language: Language) -> str:
    """A measure as the registry calls it; one of the design's own metrics has only its key."""
    name = shown_name(key)
    return key if name is None else f"{getattr(name, language)} ({key})"


def _coverage(design: Design, language: Language, numbers: Numbers) -> str:
    steps = [
        say(language, "coverage_from", day=step.start.isoformat(), coverage=numbers.share(step.coverage))
        for step in design.schedule
    ]
    return say(language, "list_comma").join([numbers.share(design.coverage), *steps])


def _treatment(treatment: Treatment, language: Language) -> str:
    changes: dict[str, Any] = {"offer_policy": treatment.offer_policy, "release": treatment.release}
    if treatment.rerank is not None:
        changes |= {
            "max_per_category": treatment.rerank.max_per_category,
            "boost_categories": _factors(treatment.rerank.boost_categories, language),
            "bury_categories": say(language, "list_comma").join(treatment.rerank.bury_categories),
        }
    told = [say(language, f"treatment_{name}", value=value) for name, value in changes.items() if value]
    return say(language, "and").join(told) or say(language, "treatment_none")


def _factors(boosts: dict[str, float], language: Language) -> str:
    return say(language, "list_comma").join(f"{name} ×{factor:g}" for name, factor in boosts.items())
