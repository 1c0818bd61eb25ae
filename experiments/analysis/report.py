"""What an analysis found: plain data, as JSON and as a tidy table."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from experiments.analysis.arms import Estimate, Interval, Withheld
from experiments.analysis.corrections import benjamini_hochberg
from experiments.analysis.exposed import Exposed
from experiments.analysis.sample_ratio import SampleRatio
from experiments.design import Design, Metric


@dataclass(frozen=True, slots=True)
class Text:
    """A statement in both languages, with a code for programs."""

    code: str
    en: str
    zh: str

    def to_dict(self) -> dict[str, str]:
        """`{code, text_en, text_zh}`."""
        return {"code": self.code, "text_en": self.en, "text_zh": self.zh}


@dataclass(frozen=True, slots=True)
class VariantResult:
    """One variant against the control: an estimate, or why there is none.

    Attributes:
        variant: its key.
        n: customers that count (matured ones, where the metric has a window).
        mean: its plain mean; None without customers.
        estimate: the lift; None where withheld.
        withheld: why there is no estimate.
        significant: after Holm's correction over the variants (in segments: variants × segments).
    """

    variant: str
    n: int
    mean: float | None
    estimate: Estimate | None
    withheld: Withheld | None
    significant: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Numbers are None where the estimate is withheld; `withheld` then says why."""
        found = self.estimate
        return {
            "variant": self.variant,
            "n": self.n,
            "mean": self.mean,
            "lift_abs": found and found.lift_abs,
            "lift_rel": found and found.lift_rel,
            "ci_abs": _list(found.ci_abs if found else None),
            "ci_rel": _list(found.ci_rel if found else None),
            "p_value": found and found.p_value,
            "significant": self.significant,
            "withheld": self.withheld and self.withheld.value,
        }


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric: the control and every other variant against it.

    Attributes:
        metric: what is measured.
        control, control_n, control_mean: the control, its customers that count, and their plain mean.
        method: `welch` or `confidence_sequence`.
        alpha: the error the intervals spend, which is also what `significant` is held against.
        variants: the others, in the design's order.
    """

    metric: Metric
    control: str
    control_n: int
    control_mean: float | None
    method: str
    alpha: float
    variants: tuple[VariantResult, ...]

    @property
    def customers(self) -> int:
        """Customers that count, all variants together."""
        return self.control_n + sum(variant.n for variant in self.variants)

    def to_dict(self) -> dict[str, Any]:
        """As issue and API show it; `level` is what the intervals cover."""
        return {
            "metric": self.metric.key,
            "kind": self.metric.kind,
            "method": self.method,
            "level": round(1 - self.alpha, 10),
            "control": {"variant": self.control, "n": self.control_n, "mean": self.control_mean},
            "variants": [variant.to_dict() for variant in self.variants],
        }


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """Every metric within one segment; None is customers whose segment is not known."""

    by: str
    value: str | None
    metrics: tuple[MetricResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """`{by, value, metrics}`."""
        return {"by": self.by, "value": self.value, "metrics": [metric.to_dict() for metric in self.metrics]}


@dataclass(frozen=True, slots=True)
class Report:
    """A whole analysis.

    Attributes:
        design: what was planned.
        exposed: who was exposed, and who was left out.
        ratio: whether customers split as planned.
        metrics: results in the design's order; the primary decides.
        segments: the same within each segment.
        verdict: what to do.
        notes: what a reader must know beside the numbers.
    """

    design: Design
    exposed: Exposed
    ratio: SampleRatio
    metrics: tuple[MetricResult, ...]
    segments: tuple[SegmentResult, ...]
    verdict: Text
    notes: tuple[Text, ...]

    @property
    def primary(self) -> MetricResult:
        """The metric that decides."""
        return next(result for result in self.metrics if result.metric.key == self.design.primary_key)

    def to_dict(self) -> dict[str, Any]:
        """One JSON object; no number in it is NaN or infinite."""
        return {
            "experiment": self.design.key,
            "rule": self.design.rule,
            "alpha": self.design.alpha,
            "method": self.primary.method,
            "sample_ratio": {"p_value": self.ratio.p_value, "ok": self.ratio.ok},
            "metrics": [metric.to_dict() for metric in self.metrics],
            "segments": [segment.to_dict() for segment in self.segments],
            "verdict": self.verdict.to_dict(),
            "customers": {
                "exposed": self.exposed.customers,
                "in_two_variants": self.exposed.in_two_variants,
                "forced": self.exposed.forced,
            },
            "notes": [note.to_dict() for note in self.notes],
        }

    def table(self) -> pa.Table:
        """Tidy: one row a segment (None: everyone), metric and variant other than the control.

        `q_value` is Benjamini and Hochberg's over all rows, for reading many results and rarely being fooled.
        """
        rows = list(self._rows())
        tested = [row for row in rows if row["p_value"] is not None]
        adjusted = benjamini_hochberg([row["p_value"] for row in tested])
        for row, q_value in zip(tested, adjusted, strict=True):
            row["q_value"] = q_value
        return pa.Table.from_pylist(rows, schema=TIDY)

    def _rows(self) -> Iterator[dict[str, Any]]:
        parts = [(None, None, self.metrics), *((s.by, s.value, s.metrics) for s in self.segments)]
        for by, value, results in parts:
            for result in results:
                for variant in result.variants:
                    row = variant.to_dict()
                    for name in ("ci_abs", "ci_rel"):
                        row[f"{name}_low"], row[f"{name}_high"] = row.pop(name) or (None, None)
                    yield row | {
                        "by": by,
                        "segment": value,
                        "metric": result.metric.key,
                        "kind": result.metric.kind,
                        "method": result.method,
                        "level": 1 - result.alpha,
                        "control": result.control,
                        "control_n": result.control_n,
                        "control_mean": result.control_mean,
                    }


_TEXTS = ("by", "segment", "metric", "kind", "variant", "control")
_NUMBERS = (
    "lift_abs",
    "ci_abs_low",
    "ci_abs_high",
    "lift_rel",
    "ci_rel_low",
    "ci_rel_high",
    "p_value",
    "q_value",
)
TIDY = pa.schema(
    [
        *((name, pa.string()) for name in _TEXTS),
        ("control_n", pa.int64()),
        ("control_mean", pa.float64()),
        ("n", pa.int64()),
        ("mean", pa.float64()),
        *((name, pa.float64()) for name in _NUMBERS),
        ("significant", pa.bool_()),
        ("withheld", pa.string()),
        ("method", pa.string()),
        ("level", pa.float64()),
    ]
)


def _list(interval: Interval | None) -> list[float] | None:
    return None if interval is None else list(interval)
