"""The warning before churn: learned and judged on rolling dates, given only where it beats recency alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.command_line import Output
from features.profiles.build import build_profiles, require_orders
from features.settings import Settings
from features.tables.duckdb_engine import open_lake
from features.tables.engine import Engine
from features.tables.lake import Lake
from training.customer_value.churn_features import SILENCE, ChurnRows, churn_rows
from training.customer_value.churn_model import ChurnModel, train
from training.customer_value.churn_reasons import reasons
from training.customer_value.purchase_days import lake_purchase_days
from training.customer_value.ranking_scores import Judged, auc, auc_difference
from training.customer_value.summary import Floats

STEP_DAYS = 30
JUDGED_ORIGINS = 3
TOP_SHARE = 0.1


@dataclass(frozen=True)
class ChurnReport:
    """What the warning is worth, and the warnings themselves.

    Attributes:
        as_of: the morning of the warning.
        days: no purchase for so long is churn.
        origins: the dates it was judged on, newest first.
        judged, churned: customers on those dates together, and how many of them left.
        model, baseline: auc, brier, top_decile_lift, lead_days of the warning and of recency alone.
        difference: of the two AUCs, with its interval.
        calibration: tenths of the customers by predicted risk.
        withheld: why no warning is given; None where one is.
        warnings: customer_id, churn_risk, top_decile, days_since_last_order, reasons_zh, reasons_en, riskiest
            first; None where the warning is withheld.
        coefficients: of the regression behind the warnings.
    """

    as_of: date
    days: int
    origins: tuple[date, ...]
    judged: int
    churned: int
    model: dict[str, Any] | None
    baseline: dict[str, Any] | None
    difference: dict[str, Any] | None
    calibration: list[dict[str, Any]]
    withheld: str | None
    warnings: pa.Table | None
    coefficients: dict[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `huitou value churn --json`, without the customers."""
        return {
            "as_of": self.as_of.isoformat(),
            "days": self.days,
            "origins": [origin.isoformat() for origin in self.origins],
            "judged": self.judged,
            "churned": self.churned,
            "model": self.model,
            "baseline": self.baseline,
            "difference": self.difference,
            "calibration": self.calibration,
            "withheld": self.withheld,
            "warned": 0 if self.warnings is None else self.warnings.num_rows,
            "coefficients": self.coefficients,
        }


def warn_of_churn(settings: Settings, as_of: date, days: int, output: Output) -> ChurnReport:
    """Learn, judge and, if it is worth it, warn.

    Args:
        settings: sections profiles and value.
        as_of: local days before it are read.
        days: no purchase for so many days is churn.
        output: where progress goes.

    Raises:
        NotReadyError: the lake has no purchase before the date.
    """
    with open_lake(Lake(settings.lake), threads=settings.training.threads) as engine:
        require_orders(engine, as_of, settings)
        origins = _labelled(engine, as_of, days, settings, output)
        with output.step("judge", "Judging the warning on later dates"):
            judged = [
                (rows, earlier)
                for rows in origins[:JUDGED_ORIGINS]
                if _enough(earlier := _complete(origins, rows.as_of, days), settings)
            ]
            report = _judge(as_of, days, judged, origins, settings)
        if report.withheld is not None:
            return report
        with output.step("warn", f"Warning as of {as_of}"):
            today = _rows(engine, as_of, days, settings)
            model = train(origins, days)
            return replace(report, warnings=_warnings(model, today), coefficients=model.to_dict())


def _labelled(engine: Engine, as_of: date, days: int, settings: Settings, output: Output) -> list[ChurnRows]:
    """Customers of earlier dates, newest first, with what became of them before `as_of`."""
    first = lake_purchase_days(engine, as_of).first_day
    origins = []
    for number in range(settings.value.churn_origins):
        origin = as_of - timedelta(days=days + STEP_DAYS * number)
        # Before that nobody can have been silent for long, and silence is what churn is about.
        if origin - first < timedelta(days=settings.profiles.churned_after_days):
            break
        with output.step(f"origin_{number}", f"Customers as of {origin}"):
            rows = _rows(engine, origin, days, settings)
            known = lake_purchase_days(engine, origin + timedelta(days=days))
            bought, _ = known.after(origin - timedelta(days=1), rows.customer_id)
            origins.append(replace(rows, stayed_away=bought == 0))
    return origins


def _rows(engine: Engine, as_of: date, days: int, settings: Settings) -> ChurnRows:
    return churn_rows(
        build_profiles(engine, as_of, settings),
        lake_purchase_days(engine, as_of),
        settings.value.model,
        days,
        settings.profiles.churned_after_days,
    )


def _complete(origins: Sequence[ChurnRows], by: date, days: int) -> list[ChurnRows]:
    """The origins whose labels were known on a date: nothing later may teach."""
    return [rows for rows in origins if rows.as_of + timedelta(days=days) <= by]


def _enough(origins: Sequence[ChurnRows], settings: Settings) -> bool:
    left, stayed = _counts(origins)
    return min(left, stayed) >= settings.value.churn_minimum


def _counts(origins: Sequence[ChurnRows]) -> tuple[int, int]:
    labels = [rows.stayed_away for rows in origins if rows.stayed_away is not None]
    left = sum(int(label.sum()) for label in labels)
    return left, sum(map(len, labels)) - left


def _judge(
    as_of: date,
    days: int,
    judged: Sequence[tuple[ChurnRows, list[ChurnRows]]],
    origins: Sequence[ChurnRows],
    settings: Settings,
) -> ChurnReport:
    shown = [rows for rows, _ in judged]
    left, stayed = _counts(shown)
    empty = ChurnReport(
        as_of, days, tuple(rows.as_of for rows in shown), left + stayed, left,
        None, None, None, [], None, None, None,
    )  # fmt: skip
    minimum = settings.value.churn_minimum
    if not judged or min(left, stayed) < minimum:
        known = _counts(origins)
        return replace(
            empty,
            withheld=f"of the customers on {len(origins)} earlier dates {known[0]:,} left and {known[1]:,} "
            f"stayed; learning and judging on dates apart needs {minimum:,} of each on both sides.",
        )
    risks = [train(earlier, days).probability(rows) for rows, earlier in judged]
    silence = [train(earlier, days, only=(SILENCE,)).probability(rows) for rows, earlier in judged]
    ours, theirs = _as_judged(shown, risks), _as_judged(shown, silence)
    compared = auc_difference(ours, theirs)
    assert compared is not None  # noqa: S101 — somebody left and somebody stayed
    difference, (low, high) = compared
    gone_after = settings.profiles.churned_after_days
    model, baseline = _scores(ours, shown, gone_after), _scores(theirs, shown, gone_after)
    return replace(
        empty,
        model=model,
        baseline=baseline,
        difference={"auc": difference, "ci": [low, high]},
        calibration=_calibration(np.concatenate(risks), np.concatenate([judge.happened for judge in ours])),
        withheld=why_withheld(difference, (low, high), model["brier"], baseline["brier"]),
    )


def why_withheld(
    difference: float, interval: tuple[float, float], brier: float, brier_alone: float
) -> str | None:
    """Why a warning that was judged is not given; None where it is.

    It must rank better than recency alone, and not at the price of worse probabilities.

    Args:
        difference: of the AUCs, the warning's less that of recency alone.
        interval: 95 % of it.
        brier, brier_alone: mean squared error of the probabilities of both.
    """
    low, high = interval
    if low <= 0:
        return (
            f"it is not shown to beat recency alone: its AUC differs by {difference:+.4f}, "
            f"95 % interval {low:+.4f} to {high:+.4f}."
        )
    if brier >= brier_alone:
        return (
            f"its probabilities are no better than those of recency alone: Brier score {brier:.4f} "
            f"against {brier_alone:.4f}."
        )
    return None


def _as_judged(rows: Sequence[ChurnRows], scores: Sequence[Floats]) -> list[Judged]:
    ids = pa.chunked_array([part.customer_id for part in rows]).combine_chunks().dictionary_encode()
    customers = np.split(
        ids.indices.to_numpy().astype(np.int64), np.cumsum([len(part) for part in rows])[:-1]
    )
    return [
        Judged(customer, score, part.stayed_away)
        for customer, score, part in zip(customers, scores, rows, strict=True)
        if part.stayed_away is not None
    ]


def _scores(judged: Sequence[Judged], rows: Sequence[ChurnRows], gone_after_days: int) -> dict[str, Any]:
    """Figures of one way to rank, averaged over dates; lead time over everyone rightly warned of."""
    areas = [area for judge in judged if (area := auc(judge.score, judge.happened)) is not None]
    lifts, leads = [], []
    for judge, part in zip(judged, rows, strict=True):
        top = _top(judge.score)
        if judge.happened.any():
            lifts.append(judge.happened[top].mean() / judge.happened.mean())
        leads.append(gone_after_days - part.features[SILENCE][top & judge.happened])
    lead = np.concatenate(leads)
    error = np.concatenate([judge.score - judge.happened for judge in judged])
    return {
        "auc": float(np.mean(areas)) if areas else None,
        "brier": float(np.mean(error**2)),
        "top_decile_lift": float(np.mean(lifts)) if lifts else None,
        "lead_days": float(np.median(lead)) if len(lead) else None,
    }


def _top(score: Floats) -> NDArray[np.bool_]:
    """bool[n]: the tenth with the highest scores, the earlier row first where they are equal."""
    top = np.zeros(len(score), dtype=bool)
    top[np.argsort(-score, kind="stable")[: max(1, round(TOP_SHARE * len(score)))]] = True
    return top


def _calibration(risk: Floats, happened: NDArray[np.bool_]) -> list[dict[str, Any]]:
    parts = np.array_split(np.argsort(risk, kind="stable"), 10)
    return [
        {
            "predicted": float(risk[part].mean()),
            "actual": float(happened[part].mean()),
            "customers": len(part),
        }
        for part in parts
        if len(part)
    ]


def _warnings(model: ChurnModel, rows: ChurnRows) -> pa.Table:
    risk = model.probability(rows)
    chinese, english = reasons(model, rows)
    table = pa.table(
        {
            "customer_id": rows.customer_id,
            "churn_risk": risk,
            "top_decile": _top(risk),
            "days_since_last_order": rows.features[SILENCE].astype(np.int32),
            "reasons_zh": pa.array(chinese, pa.string()),
            "reasons_en": pa.array(english, pa.string()),
        }
    )
    return table.take(np.argsort(-risk, kind="stable"))
