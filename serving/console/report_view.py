"""A stored report as a page tells it: every number written out, and a sentence of what it means."""

from collections.abc import Iterable
from typing import Any

from features.columns import SEGMENTS, TIERS
from features.loyalty.tiers import TIER_NAMES
from features.measures.registry import windowed
from features.settings import ShopSettings
from serving.console.numbers import Numbers
from serving.console.words import WORDS, Language, say

Report = dict[str, Any]
Part = dict[str, Any]


class ReportView:
    """One report in one language.

    Args:
        report: as it was stored.
        language: zh or en.
        shop: its currency and time zone.
    """

    def __init__(self, report: Report, language: Language, shop: ShopSettings) -> None:
        self.report = report
        self._language = language
        self._numbers = Numbers(language, shop.currency, shop.zone)
        self.primary = self._result(report["primary"])

    def say(self, key: str, /, **values: object) -> str:
        """A text in the report's language."""
        return say(self._language, key, **values)

    def measure(self, key: str) -> str:
        """What a measure is called; its key, if the report does not say."""
        return str(self.report["measures"].get(key, {}).get(f"name_{self._language}", key))

    def unit(self, key: str) -> str:
        """share, money, count or ratio."""
        return str(self.report["measures"].get(key, {}).get("unit", "ratio"))

    def _result(self, key: str) -> Report:
        result: Report = next(each for each in self.report["metrics"] if each["metric"] == key)
        return result

    def definitions(self) -> list[tuple[str, str]]:
        """What each measure counts, where the registry knows it."""
        keys = [result["metric"] for result in self.report["metrics"]]
        found = [(key, windowed(key)) for key in keys]
        return [
            (self.measure(key), getattr(known[0].description, self._language))
            for key, known in found
            if known is not None
        ]

    def headlines(self) -> list[Part]:
        """The primary lift of each variant, to stand large below the verdict."""
        key, control = self.primary["metric"], self.primary["control"]
        level = self._numbers.level(self.primary["level"])
        lines = []
        for row, variant in zip(self.rows([self.primary]), self.primary["variants"], strict=True):
            values = {
                "control": self._numbers.value(control["mean"], self.unit(key)),
                "mean": self._numbers.value(variant["mean"], self.unit(key)),
            }
            shown = self.say("interval", level=level, interval=row["interval"]) if variant["ci_abs"] else ""
            from_to = self.say("from_to", measure=self.measure(key), **values) if shown else ""
            lines.append(row | {"interval_shown": shown, "from_to": from_to})
        return lines

    def rows(self, metrics: Iterable[Report]) -> list[Part]:
        """One row a metric and variant, for the tables."""
        return [self._row(result, variant) for result in metrics for variant in result["variants"]]

    def _row(self, result: Report, variant: Report) -> Part:
        key, numbers = result["metric"], self._numbers
        unit, withheld = self.unit(key), variant["withheld"]
        tone = self._tone(key, variant)
        if not self.report["sample_ratio"]["ok"]:
            finding = "not_to_be_trusted"
        else:
            finding = {"good": "better", "bad": "worse"}.get(tone, "no_finding")
        return {
            "measure": self.measure(key),
            "variant": variant["variant"],
            "customers": numbers.count(variant["n"] + result["control"]["n"]),
            "control": numbers.value(result["control"]["mean"], unit),
            "mean": numbers.value(variant["mean"], unit),
            "lift": numbers.lift(variant["lift_abs"], unit),
            "interval": numbers.interval(variant["ci_abs"], unit),
            "ends": numbers.ends(variant["ci_abs"], unit),
            "relative": numbers.change(variant["lift_rel"]),
            "p": numbers.p(variant["p_value"]),
            "tone": tone,
            "finding": self.withheld(withheld) if withheld else self.say(finding),
            "meaning": self._meaning(key, variant),
        }

    def _tone(self, key: str, variant: Report) -> str:
        """Whether a lift is shown as good or bad news; none without a clear difference or a fair split."""
        trusted = variant["significant"] and self.report["sample_ratio"]["ok"]
        if not trusted or variant["lift_abs"] is None:
            return "none"
        falls = bool(self.report["measures"].get(key, {}).get("lower_is_better", False))
        return "good" if (variant["lift_abs"] < 0) == falls else "bad"

    def _meaning(self, key: str, variant: Report) -> str:
        """What a lift means for customers, in a sentence."""
        if variant["ci_abs"] is None:
            return ""
        unit, lift, (low, high) = self.unit(key), variant["lift_abs"], variant["ci_abs"]
        words = ("share" if unit == "share" else "mean") + ("_more" if lift >= 0 else "_fewer")
        numbers = self._numbers
        places = {
            "size": numbers.size(lift, unit),
            "low": numbers.end(low, unit),
            "high": numbers.end(high, unit),
        }
        nothing = "" if variant["significant"] or low > 0 or high < 0 else self.say("maybe_nothing")
        return self.say("gap").join(filter(None, (self.say(words, **places), nothing)))

    def withheld(self, reason: str) -> str:
        """Why a number is not given."""
        key = f"withheld_{reason}"
        return self.say(key if key in WORDS else "withheld_other")

    def truth(self) -> Part | None:
        """The planted truth beside the estimate, of a simulated experiment."""
        truth = self.report["truth"]
        if truth is None:
            return None
        result = self._result(truth["metric"])
        variant, unit = result["variants"][0], self.unit(truth["metric"])
        inside = ""
        if variant["ci_abs"] is not None:
            low, high = variant["ci_abs"]
            times = round(1 / (1 - result["level"]))
            level = self._numbers.level(result["level"])
            held = low <= truth["lift_abs"] <= high
            inside = self.say("truth_inside" if held else "truth_outside", level=level, times=times)
        return {
            "truth": self._numbers.lift(truth["lift_abs"], unit),
            "estimate": self._numbers.lift(variant["lift_abs"], unit),
            "interval": self._numbers.interval(variant["ci_abs"], unit),
            "inside": inside,
        }

    def segments(self) -> list[Part]:
        """The primary measure within each group, one table a way of cutting."""
        tables: dict[str, list[Part]] = {}
        for segment in sorted(self.report["segments"], key=_tier_rank):
            found = [result for result in segment["metrics"] if result["metric"] == self.report["primary"]]
            rows = [row | {"group": self._group(segment)} for row in self.rows(found)]
            tables.setdefault(segment["by"], []).extend(rows)
        return [{"title": self._cut(by), "rows": rows} for by, rows in tables.items()]

    def _cut(self, by: str) -> str:
        return self.say(f"by_{by}" if by in ("tier", "segment") else "by_other", by=by)

    def _group(self, segment: Report) -> str:
        value = segment["value"]
        if value is None:
            return self.say("unknown")
        if segment["by"] == "tier" and value in TIER_NAMES:
            return TIER_NAMES[value][self._language]
        known = segment["by"] == "segment" and value in SEGMENTS
        return self.say(f"segment_{value}") if known else str(value)

    def guardrails(self) -> list[Part]:
        """One row a guardrail and variant."""
        tones = {"holds": "good", "breached": "bad", "unclear": "none"}
        rows = []
        for guardrail in self.report["guardrails"]:
            for variant in guardrail["variants"]:
                numbers = {
                    "margin": self._numbers.change(guardrail["margin_relative"]),
                    "relative": self._numbers.change(variant["lift_rel"]),
                    "interval": self._numbers.changes(variant["ci_rel"]),
                }
                row = {
                    "measure": self.measure(guardrail["measure"]),
                    "variant": variant["variant"],
                    "finding": self.say(variant["state"]),
                    "tone": tones[variant["state"]],
                    "meaning": self.say(
                        "withheld_other" if variant["ci_rel"] is None else "guardrail_meaning", **numbers
                    ),
                }
                rows.append(row | numbers)
        return rows

    def cumulative(self) -> list[str]:
        """Where the lift of each variant stands on the last day, in words."""
        unit, numbers = self.unit(self.report["primary"]), self._numbers
        lines = []
        for line in self.report["cumulative"]:
            # A variant may have no day yet.
            for last in line["points"][-1:]:
                places = {
                    "day": last["day"],
                    "variant": line["variant"],
                    "lift": numbers.lift(last["lift"], unit),
                    "interval": numbers.ends((last["low"], last["high"]), unit),
                    "n": numbers.count(last["n"]),
                }
                lines.append(self.say("cumulative_last", **places))
        one_look = self.report["rule"] == "fixed"
        return [self.say("band_one_look" if one_look else "band_every_look"), *lines] if lines else []

    def retention(self) -> list[str] | None:
        """How much sooner customers came back, in words; None where the report has no curves."""
        found = self.report["retention"]
        if found is None:
            return None
        lines = []
        for variant in found["variants"]:
            difference = variant["restricted_mean_difference"]
            if difference is None:
                reason = self.withheld(variant["withheld"] or "other")
                lines.append(self.say("withheld_for", variant=variant["variant"], reason=reason))
            else:
                places = {
                    "variant": variant["variant"],
                    "days": found["days"],
                    "size": self._numbers.plain(abs(difference)),
                    "interval": self._days(*variant["ci"]),
                }
                lines.append(self.say("sooner" if difference <= 0 else "later", **places))
            if variant["log_rank_p"] is not None:
                differs = variant["log_rank_p"] < self.report["alpha"]
                p = self._numbers.chance(variant["log_rank_p"])
                lines.append(self.say("log_rank_differs" if differs else "log_rank_same", p=p))
        return lines

    def _days(self, low: float, high: float) -> str:
        """An interval of days, below zero sooner, without a sign that would need explaining."""
        if low < 0 < high:
            places = {"sooner": self._numbers.plain(-low), "later": self._numbers.plain(high)}
            return self.say("days_either_way", **places)
        ends = [self._numbers.plain(end) for end in sorted((abs(low), abs(high)))]
        return self.say("days_between", low=ends[0], high=ends[1])

    def progress(self) -> list[str]:
        """How far the experiment is, in sentences."""
        found, numbers = self.report["progress"], self._numbers
        counts = {name: numbers.count(found[name]) for name in ("matured", "exposed")}
        lines = [self.say("matured_of", share=numbers.share(found["share"]), **counts)]
        if found["planned"] is not None:
            lines.append(self.say("planned_of", planned=numbers.count(found["planned"])))
        if found["days_left"] is not None and not found["complete"]:
            lines.append(self.say("days_left_about", days=numbers.count(found["days_left"])))
        return lines

    def annual_margin(self) -> list[str]:
        """What a year of it is worth, in words."""
        found, numbers = self.report["annual_margin"], self._numbers
        if found is None:
            return []
        return [
            self.say(
                "annual_margin_about",
                variant=variant["variant"],
                gain=self.say("gain" if variant["value"] >= 0 else "loss"),
                value=numbers.money(abs(variant["value"]), 0),
                low=numbers.money(variant["ci"][0], 0),
                high=numbers.money(variant["ci"][1], 0),
                per_customer=numbers.money(variant["per_customer"]),
            )
            for variant in found["variants"]
            if variant["value"] is not None
        ]

    def offer_return(self) -> list[str]:
        """What the offers brought for what they cost, in words."""
        lines = []
        for variant in self.report["offer_return"] or ():
            if variant["value"] is None:
                reason = self.withheld(variant["withheld"] or "other")
                lines.append(self.say("withheld_for", variant=variant["variant"], reason=reason))
                continue
            low, high = (self._numbers.money(end) for end in variant["ci"] or (None, None))
            lines.append(
                self.say(
                    "offer_return_about",
                    variant=variant["variant"],
                    one=self._numbers.money(1.0, 0),
                    value=self._numbers.money(variant["value"]),
                    low=low,
                    high=high,
                    margin=self._numbers.lift(variant["margin_difference"], "money"),
                    cost=self._numbers.lift(variant["cost_difference"], "money"),
                )
            )
        return lines


def _tier_rank(segment: Report) -> int:
    """Tiers rise; other groups stay in the report's order, unknown ones last."""
    known = segment["by"] == "tier" and segment["value"] in TIERS
    return TIERS.index(segment["value"]) if known else len(TIERS) + (segment["value"] is None)
