"""A whole analysis: plain data, as JSON and as tidy tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from experiments.analysis import tidy
from experiments.analysis.cumulative import CumulativeLift
from experiments.analysis.exposed import Exposed
from experiments.analysis.guardrails import GuardrailResult
from experiments.analysis.measured_words import describe
from experiments.analysis.money import AnnualMargin, OfferReturn
from experiments.analysis.progress import Progress
from experiments.analysis.results import MetricResult, SegmentResult, Text
from experiments.analysis.retention import Retention
from experiments.analysis.sample_ratio import SampleRatio
from experiments.analysis.verdict import Verdict
from experiments.design import Design
from features.database.records import ExperimentState, LogEntry


@dataclass(frozen=True, slots=True)
class Sections:
    """What an analysis of orders adds to lifts; empty where outcomes come ready from a wide table.

    Attributes:
        retention: time to the first order after exposure.
        cumulative: the primary metric as it stood at each look.
        annual_margin: what the margin adds up to in a year.
        offer_return: what offers earned on their cost.
    """

    retention: Retention | None = None
    cumulative: tuple[CumulativeLift, ...] = ()
    annual_margin: AnnualMargin | None = None
    offer_return: tuple[OfferReturn, ...] | None = None


@dataclass(frozen=True, slots=True)
class About:
    """Which experiment this is and on what data.

    Attributes:
        generated_at: when it was made.
        version: of the design in the database; None for a file.
        simulated: its customers are made up.
        truth: the planted lift of a simulation, `{metric, lift_abs}`.
        log: the audit log, oldest first.
        state: of the experiment in the database; None for a file.
    """

    generated_at: datetime
    version: int | None = None
    simulated: bool = False
    truth: Mapping[str, Any] | None = None
    log: tuple[LogEntry, ...] = ()
    state: ExperimentState | None = None

    @property
    def closed(self) -> bool:
        """Whether nobody joins any more."""
        return self.state in ("stopped", "decided")


@dataclass(frozen=True, slots=True)
class Report:
    """A whole analysis.

    Attributes:
        design: what was planned.
        exposed: who was exposed, and who was left out.
        ratio: whether customers split as planned.
        metrics: results in the design's order; the primary decides.
        segments: the same within each segment.
        guardrails: what must not get worse.
        verdict: what to do, and why.
        progress: how far it is.
        sections: what orders add.
        notes: what a reader must know beside the numbers.
        about: which experiment it is.
        data_through: the last whole local day of orders; None for outcomes without days.
    """

    design: Design
    exposed: Exposed
    ratio: SampleRatio
    metrics: tuple[MetricResult, ...]
    segments: tuple[SegmentResult, ...]
    guardrails: tuple[GuardrailResult, ...]
    verdict: Verdict
    progress: Progress
    sections: Sections
    notes: tuple[Text, ...]
    about: About
    data_through: date | None = None

    @property
    def primary(self) -> MetricResult:
        """The metric that decides."""
        return next(result for result in self.metrics if result.metric.key == self.design.primary_key)

    def to_dict(self) -> dict[str, Any]:
        """One JSON object; no number in it is NaN or infinite."""
        return {
            "experiment": self.design.key,
            "version": self.about.version,
            "state": self.about.state,
            "hypothesis": self.design.hypothesis,
            "rule": self.design.rule,
            "alpha": self.design.alpha,
            "method": self.primary.method,
            "primary": self.design.primary_key,
            "generated_at": self.about.generated_at.isoformat(),
            "data_through": self.data_through and self.data_through.isoformat(),
            "simulated": self.about.simulated,
            "truth": self.about.truth and dict(self.about.truth),
            "sample_ratio": {"p_value": self.ratio.p_value, "ok": self.ratio.ok},
            "measures": {result.metric.key: describe(result.metric) for result in self.metrics},
            "metrics": [metric.to_dict() for metric in self.metrics],
            "segments": [segment.to_dict() for segment in self.segments],
            "guardrails": [guardrail.to_dict() for guardrail in self.guardrails],
            **self._sections(),
            "verdict": self.verdict.to_dict(),
            "progress": self.progress.to_dict(self.exposed.customers),
            "customers": {
                "exposed": self.exposed.customers,
                "in_two_variants": self.exposed.in_two_variants,
                "forced": self.exposed.forced,
            },
            "notes": [note.to_dict() for note in self.notes],
            "design": self.design.model_dump(mode="json", by_alias=True),
            "log": [
                {
                    "at": entry.at.isoformat(),
                    "actor": entry.actor,
                    "action": entry.action,
                    "detail": entry.detail,
                }
                for entry in self.about.log
            ],
        }

    def _sections(self) -> dict[str, Any]:
        found = self.sections
        returns = found.offer_return
        return {
            "retention": found.retention and found.retention.to_dict(),
            "cumulative": [line.to_dict() for line in found.cumulative],
            "annual_margin": found.annual_margin and found.annual_margin.to_dict(),
            "offer_return": None if returns is None else [variant.to_dict() for variant in returns],
        }

    def table(self) -> pa.Table:
        """Tidy: one row a segment (None: everyone), metric and variant other than the control.

        `q_value` is Benjamini and Hochberg's over all rows, for reading many results and rarely being fooled.
        """
        return tidy.metrics_table(self)

    def tables(self) -> dict[str, pa.Table]:
        """Every part of the report as a tidy table, also the empty ones.

        Their names are metrics, guardrails, retention (the curves), pace (each variant against the control),
        cumulative, annual_margin and offer_return.
        """
        return tidy.tables(self)
