"""The verdict: which code, for which reason, in one sentence a marketer can act on."""

from datetime import UTC, date, datetime

import pytest

from experiments.analysis.aggregates import VALUE, Aggregate
from experiments.analysis.analyze import build_report
from experiments.analysis.arms import Estimate
from experiments.analysis.decision import Held, guardrail_state
from experiments.analysis.evidence import Evidence
from experiments.analysis.exposed import Exposed
from experiments.analysis.measure import Measured
from experiments.analysis.report import About
from experiments.analysis.results import VariantResult
from experiments.design import parse_design

NOW = datetime(2024, 6, 1, tzinfo=UTC)
BACK = {"key": "back", "kind": "proportion"}
SPEND = {"key": "spend", "kind": "mean"}


def plan(keys=("control", "offer"), **changes):
    weights = [{"key": key, "weight": 1 / len(keys)} for key in keys]
    return parse_design(
        {"key": "t", "rule": "fixed", "variants": weights, "metrics": [BACK, SPEND], **changes}
    )


def share(n, count):
    return Aggregate(n, {VALUE: count}, {(VALUE, VALUE): count})


def spend(n, mean):
    """Mean and a variance of 1, near enough."""
    return Aggregate(n, {VALUE: n * mean}, {(VALUE, VALUE): n * (mean**2 + 1)})


def judge(design, n, back, money=None, *, days=None, newest=None):
    """One share a variant, in percent of its n customers, and one mean spend."""
    keys = list(design.weights)
    money = money or [10.0] * len(keys)
    first = last = None
    if days is not None:
        first, last = date(2024, 1, 1), date.fromordinal(date(2024, 1, 1).toordinal() + days - 1)
    sizes = n if isinstance(n, list) else [n] * len(keys)
    exposed = Exposed(sum(sizes), sum(sizes), dict(zip(keys, sizes, strict=True)), 0, 0, 0, first, last)
    cells = {
        "back": {(None, k): share(s, s * b / 100) for k, s, b in zip(keys, sizes, back, strict=True)},
        "spend": {(None, k): spend(s, m) for k, s, m in zip(keys, sizes, money, strict=True)},
    }
    measured = tuple(Measured(metric, cells[metric.key]) for metric in design.described_metrics())
    return build_report(design, exposed, Evidence(measured, newest_day=newest), About(NOW)).verdict


def test_a_gain_ships():
    verdict = judge(plan(), 10_000, [10, 12])
    assert verdict.code == "ship"
    # .02 ± 1.96 · √((.1·.9 + .12·.88) / 10,000) = .02 ± .00867
    assert verdict.en == "Ship offer: back up 2.00 points from 10.00% (95 % interval +1.13 to +2.87)."
    assert verdict.zh == "建议上线 offer：back 由 10.00% 上升 2.00 个百分点（95% 区间 +1.13 至 +2.87）。"


def test_the_larger_of_two_gains_ships():
    verdict = judge(plan(("control", "small", "large")), 10_000, [10, 12, 14])
    assert verdict.code == "ship"
    assert verdict.en.startswith("Ship large:")
    assert verdict.en.endswith("small also gained.")


def test_a_loss_rolls_back():
    verdict = judge(plan(), 10_000, [12, 10])
    assert (verdict.code, verdict.en[:42]) == ("roll_back", "Roll back: offer is worse than the control")
    assert verdict.zh.startswith("建议下线：offer 不如对照组")


def test_one_loss_among_several_is_reviewed():
    verdict = judge(plan(("control", "bad", "same")), 10_000, [12, 10, 12])
    assert (verdict.code, "bad is worse" in verdict.en) == ("review", True)


def test_no_difference_says_what_would_have_been_found():
    verdict = judge(plan(), 10_000, [10, 10.1])
    assert verdict.code == "review"
    # (1.95996 + .84162) · √((.1·.9 + .101·.899) / 10,000) = .01191
    assert "A true difference of 1.19 points would have been found with 80% power." in verdict.en
    assert "1.19 个百分点" in verdict.zh


def test_a_wrong_split_comes_before_any_number():
    verdict = judge(plan(), [10_000, 11_000], [10, 15])
    assert verdict.code == "review"
    assert "did not split as planned" in verdict.en
    assert "分组比例与计划不符" in verdict.zh


def test_a_fixed_rule_does_not_peek():
    verdict = judge(plan(planned_matured_customers=40_000), 10_000, [10, 15], days=10)
    assert verdict.code == "keep_running"
    # 20,000 customers in 10 days; 20,000 more take another 10.
    assert "20,000 of 40,000 planned customers count so far, about 10 more days" in verdict.en
    assert "约还需 10 天" in verdict.zh


def test_a_sequence_may_decide_early_or_wait():
    design = plan(rule="sequence", planned_matured_customers=40_000)
    assert judge(design, 10_000, [10, 15]).code == "ship"
    assert judge(design, 10_000, [15, 10]).code == "roll_back"
    waiting = judge(design, 10_000, [10, 10.9])
    # z = .009 / √((.1·.9 + .109·.891) / 10,000) = 2.08: enough for Student, not for the sequence.
    assert waiting.code == "keep_running"
    assert judge(plan(), 10_000, [10, 10.9]).code == "ship"


def test_the_hybrid_ends_with_a_96_percent_interval():
    early = judge(plan(rule="hybrid", planned_matured_customers=40_000), 10_000, [10, 15])
    assert early.code == "ship"
    assert "(99 % interval" in early.en
    at_the_end = judge(plan(rule="hybrid", planned_matured_customers=20_000), 10_000, [10, 10.9])
    assert at_the_end.code == "ship"
    assert "(96 % interval" in at_the_end.en


def test_minimum_days_hold_every_decision():
    verdict = judge(plan(minimum_days=7), 10_000, [10, 15], days=6)
    assert (verdict.code, verdict.en) == ("keep_running", "Keep running: 6 of at least 7 days have passed.")
    assert judge(plan(minimum_days=7), 10_000, [10, 15], days=7).code == "ship"
    # In an order log the days go on after the last exposure.
    assert judge(plan(minimum_days=7), 10_000, [10, 15], days=6, newest=date(2024, 1, 7)).code == "ship"


GUARDED = {"guardrails": [{"measure": "spend", "margin_relative": -0.02}]}


def test_a_guardrail_that_holds_lets_the_winner_ship():
    assert judge(plan(**GUARDED), 10_000, [10, 12], [10.0, 10.0]).code == "ship"


def test_a_guardrail_that_breaks_rolls_the_winner_back():
    verdict = judge(plan(**GUARDED), 10_000, [10, 12], [10.0, 9.5])
    assert verdict.code == "roll_back"
    assert verdict.en == "Roll back: offer breaks the guardrail on spend."
    assert verdict.zh == "建议下线：offer 触破了 spend 的底线。"


def test_a_guardrail_not_yet_shown_to_hold_is_reviewed():
    # 9.8 is the margin itself: the interval lies on both sides of it.
    verdict = judge(plan(**GUARDED), 10_000, [10, 12], [10.0, 9.8])
    assert verdict.code == "review"
    assert "spend is not yet shown to stay within its margin" in verdict.en


def test_the_winner_that_breaks_no_guardrail_ships():
    design = plan(("control", "greedy", "fair"), **GUARDED)
    verdict = judge(design, 10_000, [10, 15, 12], [10.0, 9.0, 10.0])
    assert verdict.en.startswith("Ship fair:")


def result(low, high):
    estimate = Estimate(0.0, (0.0, 0.0), 1.0, 1.0, 0.0, (low, high))
    return VariantResult("offer", 100, 1.0, estimate, None)


@pytest.mark.parametrize(
    ("interval", "margin", "expected"),
    [
        ((-0.01, 0.03), -0.02, Held.HOLDS),
        ((-0.03, 0.03), -0.02, Held.UNCLEAR),
        ((-0.05, -0.03), -0.02, Held.BREACHED),
        ((-0.03, 0.01), 0.02, Held.HOLDS),
        ((-0.03, 0.03), 0.02, Held.UNCLEAR),
        ((0.03, 0.05), 0.02, Held.BREACHED),
        ((-0.01, 0.01), 0.0, Held.UNCLEAR),
    ],
)
def test_non_inferiority(interval, margin, expected):
    assert guardrail_state(result(*interval), margin) is expected


def test_a_guardrail_without_a_number_is_unclear():
    assert guardrail_state(VariantResult("offer", 0, None, None, None), -0.02) is Held.UNCLEAR


def report_of(measure, means, n=10_000, planned=None, state=None, waiting=0):
    """A registry measure (a mean with a variance of 1, near enough) as primary, in two variants."""
    weights = [{"key": "control", "weight": 0.5}, {"key": "offer", "weight": 0.5}]
    rule = "fixed" if planned is None else "hybrid"
    design = parse_design(
        {
            "key": "t",
            "rule": rule,
            "variants": weights,
            "primary": measure,
            "planned_matured_customers": planned,
        }
    )
    day = date(2024, 1, 1)
    total = 2 * n + waiting
    exposed = Exposed(total, total, {"control": total // 2, "offer": total - total // 2}, 0, 0, 0, day, day)
    cells = {(None, key): spend(n, mean) for key, mean in zip(("control", "offer"), means, strict=True)}
    measured = (Measured(design.described_metrics()[0], cells),)
    return build_report(
        design, exposed, Evidence(measured, newest_day=date(2024, 1, 20)), About(NOW, state=state)
    )


def test_where_lower_is_better_a_fall_ships_and_a_rise_rolls_back():
    assert report_of("offer_cost_d7", (5.0, 4.0)).verdict.code == "ship"
    assert report_of("offer_cost_d7", (4.0, 5.0)).verdict.code == "roll_back"
    # Revenue is the other way round.
    assert report_of("revenue_d7", (5.0, 4.0)).verdict.code == "roll_back"


def test_sentences_speak_of_measures_by_name():
    verdict = report_of("revenue_d7", (4.0, 5.0)).verdict
    assert verdict.en.startswith("Ship offer: 7-day revenue per customer up 1 from 4")
    assert verdict.zh.startswith("建议上线 offer：7 天人均销售额 由 4 上升 1")


def test_the_reasons_are_the_facts_behind_the_sentence():
    design = plan(**GUARDED)
    exposed = Exposed(20_000, 20_000, {"control": 10_000, "offer": 10_000}, 0, 0, 0, None, None)
    cells = [
        Measured(
            design.metrics[0], {(None, "control"): share(10_000, 1000), (None, "offer"): share(10_000, 1200)}
        ),
        Measured(
            design.metrics[1], {(None, "control"): spend(10_000, 10.0), (None, "offer"): spend(10_000, 9.5)}
        ),
    ]
    verdict = build_report(design, exposed, Evidence(tuple(cells)), About(NOW)).verdict
    assert [reason.code for reason in verdict.reasons] == [
        "sample_ratio", "progress", "effect", "guardrail_breached",
    ]  # fmt: skip
    said = [reason.en for reason in verdict.reasons]
    assert said[0] == "Customers split as planned (p = 1)."
    assert said[1] == "20,000 customers count."
    assert said[2].endswith("significant.")
    # 9.5/10 − 1 = −5 %, ± 1.96 · √(1/10,000/100 + 1/10,000/90.25) = ± .28 points, times .95.
    assert said[3] == "offer: spend breaks its margin (margin -2.0%, interval -5.3% to -4.7%)."
    assert verdict.remedy is None


def test_a_verdict_without_an_answer_has_a_remedy():
    withheld = report_of("revenue_d7", (4.0, 4.0), n=0, waiting=10).verdict
    assert (withheld.code, withheld.remedy.code) == ("keep_running", "no_customers")
    assert withheld.remedy.zh.startswith("请载入更新的订单")
    equal = report_of("revenue_d7", (4.0, 4.0)).verdict
    assert (equal.code, equal.remedy.code) == ("review", "no_difference")


def test_an_experiment_that_nobody_joins_any_more_is_complete_once_all_have_matured():
    running = report_of("revenue_d7", (4.0, 4.0), planned=40_000, state="running")
    assert (running.progress.complete, running.verdict.code) == (False, "keep_running")
    waiting = report_of("revenue_d7", (4.0, 4.0), planned=40_000, state="stopped", waiting=500)
    assert not waiting.progress.complete
    stopped = report_of("revenue_d7", (4.0, 4.0), planned=40_000, state="stopped")
    assert (stopped.progress.complete, stopped.verdict.reason) == (True, "no_difference")
    # The hybrid keeps its sequence: the planned look never came.
    assert stopped.primary.method == "confidence_sequence"
    # Enrolled on January 1, seven days and one more to close: on January 20 nothing is left.
    assert stopped.progress.days_left is None


def test_nothing_is_left_to_wait_for_once_the_planned_number_has_matured():
    # 41,000 in a day, of whom 40,000 have matured: some windows are still open, but the look has come.
    assert (
        report_of("revenue_d30", (4.0, 5.0), n=20_000, planned=40_000, waiting=1000).progress.days_left
        is None
    )
    # 40,000 planned: two days of 20,500, then 31 days; 20 have passed.
    waiting = report_of("revenue_d30", (4.0, 5.0), planned=40_000, waiting=500).progress
    assert (waiting.complete, waiting.days, waiting.days_left) == (False, 20, 2 + 31 - 20)
