"""A plan in plain words, in English and Chinese."""

from experiments.analysis.history import ENROLMENT_DAYS
from experiments.analysis.measured_words import describe
from experiments.analysis.metrics.retention import BEFORE_DAYS
from experiments.analysis.planning import Plan, Size
from experiments.analysis.power import RATE_DAYS

Words = tuple[str, str]
_SEEN_BY = {"events": ("an event", "有行为记录"), "orders": ("an order", "有订单")}


def plan_words(plan: Plan) -> list[Words]:
    """Sentence by sentence: what the past says, what the lift takes, how long, and what a month finds."""
    return [
        _past(plan),
        *_covariate(plan),
        _lift(plan),
        _duration(plan, plan.size),
        *_hybrid(plan),
        *_smallest(plan),
        *_targeting(plan),
    ]


def _past(plan: Plan) -> Words:
    history, name = plan.history, describe(plan.history.metric)
    seen_en, seen_zh = _SEEN_BY[history.seen_by]
    level = _level(plan, history.mean)
    return (
        f"{name['name_en']}: {level} of {history.customers:,} customers with {seen_en} in the "
        f"{ENROLMENT_DAYS} days from {history.launch}.",
        f"{name['name_zh']}：自 {history.launch} 起 {ENROLMENT_DAYS} 天内{seen_zh}的 "
        f"{history.customers:,} 位顾客为 {level}。",
    )


def _covariate(plan: Plan) -> list[Words]:
    rho_squared = plan.history.rho_squared
    if rho_squared is None:
        return []
    return [
        (
            f"What they bought in the {BEFORE_DAYS} days before explains {rho_squared:.0%} of the variance, "
            "and CUPED takes that out.",
            f"此前 {BEFORE_DAYS} 天的购买解释了 {rho_squared:.0%} 的方差，由 CUPED 扣除。",
        )
    ]


def _lift(plan: Plan) -> Words:
    size, shape = plan.size, plan.shape
    lift_en, lift_zh = _size(plan, plan.lift)
    without = ("", "")
    if size.without_cuped != size.customers:
        without = (
            f" ({size.without_cuped:,} without CUPED)",
            f"（不用 CUPED 则为 {size.without_cuped:,} 位）",
        )
    return (
        f"A lift of {lift_en} is found with {shape.power:.0%} power at α {shape.alpha:.3g} by "
        f"{size.customers:,} matured customers, all variants together{without[0]}, rule {shape.rule}.",
        f"以 α {shape.alpha:.3g}、{shape.power:.0%} 的把握发现{lift_zh}，{shape.rule} 规则共需 "
        f"{size.customers:,} 位观察期满的顾客（各组合计）{without[1]}。",
    )


def _duration(plan: Plan, size: Size, before_en: str = "", before_zh: str = "") -> Words:
    if size.days is None:
        return (
            f"{before_en}So many customers never come: the last {RATE_DAYS} days brought no new one.",
            f"{before_zh}顾客数量不足：最近 {RATE_DAYS} 天没有新的顾客出现。",
        )
    known = len(plan.history.arrivals.new) + plan.history.metric.window_days + 1
    hope = ("", "")
    if size.days > known:
        hope = (
            f", if new ones keep coming as in the last {RATE_DAYS} days",
            f"（假设新顾客仍以最近 {RATE_DAYS} 天的速度出现）",
        )
    return (
        f"{before_en}It takes about {size.days:,} days from the start, the last customer's window "
        f"included{hope[0]}.",
        f"{before_zh}从开始起约需 {size.days:,} 天，含最后一位顾客的观察期{hope[1]}。",
    )


def _hybrid(plan: Plan) -> list[Words]:
    if plan.shape.rule == "hybrid":
        return []
    size = plan.sizes["hybrid"]
    before_en = f"Rule hybrid, which may end earlier: planned_matured_customers = {size.customers}. "
    before_zh = f"hybrid 规则可能提前结束：planned_matured_customers = {size.customers}。"
    return [_duration(plan, size, before_en, before_zh)]


def _smallest(plan: Plan) -> list[Words]:
    if plan.lift == plan.smallest:
        return []
    lift_en, lift_zh = _size(plan, plan.smallest)
    days = ("", "") if plan.days is None else (f" of {plan.days:,} days", f"（{plan.days:,} 天）")
    words = (
        f"The {plan.customers:,} customers{days[0]} find {lift_en} or more.",
        f"{plan.customers:,} 位顾客{days[1]}可以发现不小于{lift_zh}的效果。",
    )
    return [words]


def _targeting(plan: Plan) -> list[Words]:
    targeting = plan.shape.targeting
    if not targeting:
        return []
    stated = ", ".join(f"{field} {'/'.join(values)}" for field, values in targeting.items())
    return [
        (
            f"Only customers who were {stated} on {plan.history.launch} count.",
            f"只计 {plan.history.launch} 当日属于 {stated} 的顾客。",
        )
    ]


def _level(plan: Plan, value: float) -> str:
    return f"{value:.2%}" if describe(plan.history.metric)["unit"] == "share" else f"{value:,.4g}"


def _size(plan: Plan, lift: float) -> Words:
    share = describe(plan.history.metric)["unit"] == "share"
    en, zh = (f"{100 * lift:+.2f} points", f"{100 * lift:+.2f} 个百分点") if share else (f"{lift:+,.4g}",) * 2
    relative = plan.relative(lift)
    return (en, zh) if relative is None else (f"{en} ({relative:+.1%})", f" {zh}（{relative:+.1%}）")
