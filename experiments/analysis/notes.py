"""What a reader must know beside the numbers: what was left out, filled in or withheld, in both languages."""

from collections.abc import Iterator, Mapping

from experiments.analysis.exposed import Exposed
from experiments.analysis.results import MetricResult, Text
from experiments.analysis.wording import WITHHELD_WORDS, called
from experiments.design import Design

COUNTED = {
    "in_two_variants": (
        "{} customers were served two variants and are dropped.",
        "{} 位顾客被分到两个组，已剔除。",
    ),
    "forced": (
        "{} customers have a forced variant and are left out.",
        "{} 位顾客被强制指定分组，不计入。",
    ),
    "repeated_exposures": (
        "{} repeated exposures are not counted; the first is.",
        "{} 条重复曝光未计，以首次为准。",
    ),
    "without_outcome": (
        "{} exposed customers have no row of outcomes and count as 0.",
        "{} 位曝光顾客没有结果记录，按 0 计。",
    ),
    "without_consent": (
        "{} customers no longer agree to personalization and are left out.",
        "{} 位顾客已不同意个性化，不计入。",
    ),
    "window_after_stop": (
        "{} customers were exposed so late that the experiment had stopped before their window closed.",
        "{} 位顾客在实验停止前不久才曝光，其观察期的一部分已没有该方案。",
    ),
    "lines_without_margin": (
        "{} order lines after exposure are of products without a margin and earn 0.",
        "曝光后有 {} 行订单的商品没有毛利率，毛利按 0 计。",
    ),
    "orders_without_customer": (
        "{} orders name no customer and belong to nobody.",
        "{} 笔订单没有顾客编号，不属于任何人。",
    ),
}


def notes(
    design: Design,
    exposed: Exposed,
    metrics: tuple[MetricResult, ...],
    counts: Mapping[str, int],
    enrolling: bool = False,
) -> tuple[Text, ...]:
    """Every note that applies.

    Args:
        design: what was planned.
        exposed: who was exposed.
        metrics: the results over everyone.
        counts: what was left out or filled in, by code.
        enrolling: customers still join.
    """
    seen = {
        "in_two_variants": exposed.in_two_variants,
        "forced": exposed.forced,
        "repeated_exposures": exposed.repeated_rows,
        **counts,
    }
    found = [
        Text(code, en.format(f"{seen[code]:,}"), zh.format(f"{seen[code]:,}"))
        for code, (en, zh) in COUNTED.items()
        if seen.get(code)
    ]
    if design.minimum_days and exposed.first_day is None:
        found.append(
            Text(
                "minimum_days_unknown",
                "The exposures carry no exposed_at, so minimum_days is not checked.",
                "曝光记录没有 exposed_at，无法检查 minimum_days。",
            )
        )
    if enrolling:
        found.append(
            Text(
                "early_enrollees",
                "Customers still join: until enrolment closes, this speaks of those who came early.",
                "仍有顾客加入：在入组结束之前，结果只代表较早进入的顾客。",
            )
        )
    if any(result.metric.covariate for result in metrics):
        found.append(
            Text(
                "adjusted",
                "Means are as they are; lifts leave out what customers differed in before exposure (CUPED).",
                "均值为原始值；差异已剔除顾客在曝光前的既有差别（CUPED）。",
            )
        )
    described = {metric.key for metric in design.described_metrics()}
    for result in metrics:
        if result.metric.key in described:
            found.extend(_of_metric(result, exposed))
    return tuple(found)


def _of_metric(result: MetricResult, exposed: Exposed) -> Iterator[Text]:
    (name_en, name_zh), waiting = called(result.metric.key), exposed.customers - result.customers
    if waiting:
        yield Text(
            "not_matured",
            f"{name_en}: {waiting:,} of {exposed.customers:,} customers have not matured and do not count; "
            "until they have, this speaks of those who came first.",
            f"{name_zh}：{exposed.customers:,} 位顾客中有 {waiting:,} 位观察期未满，未计入；"
            "在此之前，结果只代表较早进入的顾客。",
        )
    for variant in result.variants:
        if variant.withheld is not None:
            en, zh = WITHHELD_WORDS[variant.withheld]
            yield Text(
                "withheld",
                f"{name_en}, {variant.variant}: no interval, because {en}.",
                f"{name_zh}，{variant.variant}：没有区间，因为{zh}。",
            )
