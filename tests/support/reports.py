"""A stored report of an experiment, small and complete, as the schema of experiment_reports has it."""

import json
from copy import deepcopy
from typing import Any

DESIGN = {
    "key": "win-back-offer",
    "hypothesis": "An offer brings lapsing customers back within 30 days",
    "variants": [
        {"key": "control", "weight": 0.5, "treatment": {}},
        {"key": "offer", "weight": 0.5, "treatment": {"offer_policy": "win_back"}},
    ],
    "coverage": 1.0,
    "rule": "hybrid",
    "alpha": 0.05,
    "planned_matured_customers": 20000,
    "minimum_days": 7,
    "primary": "repeat_purchase_d30",
    "guardrails": [{"measure": "revenue_d30", "margin_relative": -0.02}],
}
PRIMARY = "repeat_purchase_d30"
MEASURES = {
    "repeat_purchase_d30": ("repeat purchase within 30 days", "30 天复购率", "share", False),
    "revenue_d30": ("revenue per customer within 30 days", "30 天人均销售额", "money", False),
    "returns_d30": ("returned orders within 30 days", "30 天退货单数", "count", True),
}


def compared(
    metric: str, n: int, base: float, lift: float, reach: float, significant: bool = False
) -> dict[str, Any]:
    """One metric of `offer` against `control`: an interval of ± reach around the lift."""
    ends = [lift - reach, lift + reach]
    return {
        "metric": metric,
        "kind": "retention" if metric.startswith("repeat") else "mean",
        "method": "welch",
        "level": 0.96,
        "control": {"variant": "control", "n": n, "mean": base},
        "variants": [
            {
                "variant": "offer",
                "n": n + 12,
                "mean": base + lift,
                "lift_abs": lift,
                "lift_rel": lift / base,
                "ci_abs": ends,
                "ci_rel": [end / base for end in ends],
                "p_value": 0.0004 if significant else 0.31,
                "significant": significant,
                "withheld": None,
            }
        ],
    }


def withheld(metric: str) -> dict[str, Any]:
    """One metric without an estimate, as a report has it for a variant nobody was in."""
    result = compared(metric, 0, 1.0, 0.0, 0.0)
    result["control"]["mean"] = None
    numbers = ("mean", "lift_abs", "lift_rel", "ci_abs", "ci_rel", "p_value")
    result["variants"][0] |= dict.fromkeys(numbers) | {"n": 0, "withheld": "no_customers"}
    return result


def curve(start: float) -> list[dict[str, float]]:
    """The share returned day by day, rising towards `start` × 30 / 31."""
    days = range(31)
    returned = [start * day / (day + 1) for day in days]
    return [
        {
            "day": day,
            "returned": share,
            "low": share * 0.95,
            "high": share * 1.05,
            "at_risk": 10_000 - 50 * day,
        }
        for day, share in zip(days, returned, strict=True)
    ]


def _said() -> dict[str, Any]:
    """What it concludes, what it counted and who did what."""
    return {
        "verdict": {
            "code": "ship",
            "reason": "winner",
            "text_en": "Ship offer: repeat purchase within 30 days up 2.40 points from 30.00%.",
            "text_zh": "建议上线 offer：30 天复购率 由 30.00% 上升 2.40 个百分点。",
            "reasons": [
                {
                    "code": "sample_ratio",
                    "text_en": "Customers split as planned (p = 0.41).",
                    "text_zh": "分组比例与计划相符（p = 0.41）。",
                }
            ],
            "remedy": None,
        },
        "customers": {"exposed": 24_100, "in_two_variants": 3, "forced": 0},
        "notes": [
            {
                "code": "in_two_variants",
                "text_en": "3 customers were served two variants and are dropped.",
                "text_zh": "3 位顾客被分到两个组，已剔除。",
            }
        ],
        "progress": {
            "exposed": 24_100, "matured": 20_012, "share": 20_012 / 24_100, "planned": 20_000, "days": 61,
            "days_left": None, "complete": True,
        },
        "design": deepcopy(DESIGN),
        "log": [{"at": "2026-01-01T09:00:00+00:00", "actor": "cli", "action": "started", "detail": ""}],
    }  # fmt: skip


def _over_time() -> dict[str, Any]:
    """What happened day by day."""
    return {
        "retention": {
            "days": 30,
            "arms": [
                {"variant": "control", "n": 12_050, "curve": curve(0.31)},
                {"variant": "offer", "n": 12_050, "curve": curve(0.335)},
            ],
            "variants": [
                {
                    "variant": "offer", "restricted_mean_difference": -0.42, "ci": [-0.66, -0.18],
                    "p_value": 0.0006, "log_rank_p": 0.0004, "withheld": None,
                }
            ],
        },
        "cumulative": [
            {
                "variant": "offer",
                "points": [
                    {"day": f"2026-02-{day:02d}", "n": 700 * day, "lift": 0.024 + 0.02 / day,
                     "low": 0.024 - 0.1 / day, "high": 0.024 + 0.14 / day}
                    for day in range(1, 29)
                ],
            }
        ],
    }  # fmt: skip


def _money() -> dict[str, Any]:
    """What it is worth."""
    return {
        "annual_margin": {
            "metric": "margin_d30",
            "customers": 24_100,
            "assumption": {
                "code": "annual_margin",
                "text_en": "If all 24,100 exposed customers had the variant all year.",
                "text_zh": "假设全部 24,100 位曝光顾客全年都获得该方案。",
            },
            "variants": [
                {"variant": "offer", "per_customer": 1.9, "value": 45_790.0, "ci": [9_640.0, 81_940.0]}
            ],
        },
        "offer_return": [
            {"variant": "offer", "value": 0.8, "ci": [0.1, 1.5], "margin_difference": 0.9,
             "cost_difference": 0.5, "withheld": None}
        ],
    }  # fmt: skip


def _compared() -> dict[str, Any]:
    """Every comparison."""
    return {
        "measures": {
            key: {"name_en": en, "name_zh": zh, "unit": unit, "lower_is_better": lower}
            for key, (en, zh, unit, lower) in MEASURES.items()
        },
        "metrics": [
            compared(PRIMARY, 10_000, 0.30, 0.024, 0.013, significant=True),
            compared("revenue_d30", 10_000, 42.5, 0.6, 1.2),
            compared("returns_d30", 10_000, 0.11, 0.012, 0.008, significant=True),
        ],
        "segments": [
            {"by": "tier", "value": "gold", "metrics": [compared(PRIMARY, 3000, 0.41, 0.03, 0.02)]},
            {"by": "tier", "value": None, "metrics": [withheld(PRIMARY)]},
            {"by": "segment", "value": "at_risk", "metrics": [compared(PRIMARY, 900, 0.2, -0.01, 0.05)]},
        ],
        "guardrails": [
            {
                "measure": "revenue_d30",
                "margin_relative": -0.02,
                "variants": [
                    {"variant": "offer", "state": "holds", "lift_rel": 0.014, "ci_rel": [-0.014, 0.042]}
                ],
            }
        ],
    }  # fmt: skip


def example_report(**changes: Any) -> dict[str, Any]:
    """The whole report; `changes` replace its top-level fields."""
    head = {
        "experiment": "win-back-offer",
        "version": 1,
        "generated_at": "2026-03-02T01:30:00+00:00",
        "data_through": "2026-03-01",
        "simulated": False,
        "truth": None,
        "primary": PRIMARY,
        "hypothesis": DESIGN["hypothesis"],
        "rule": "hybrid",
        "alpha": 0.05,
        "method": "welch",
        "sample_ratio": {"p_value": 0.41, "ok": True},
    }
    return head | _compared() | _said() | _over_time() | _money() | changes


def stored_body(report: dict[str, Any]) -> str:
    """The report as the database keeps it."""
    return json.dumps(report, ensure_ascii=False)
