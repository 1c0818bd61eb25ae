"""How the console writes numbers, days and instants, in both languages. What is not there is a dash."""

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from serving.console.words import Language, say

Interval = Sequence[float]
SMALLEST_P = 0.0001  # below it, digits say nothing that anybody acts on
MINUS = "\N{MINUS SIGN}"


class Numbers:
    """Numbers in one language.

    Args:
        language: zh or en.
        currency: shown before money.
        zone: in which instants are told.
    """

    def __init__(self, language: Language, currency: str, zone: ZoneInfo) -> None:
        self._language = language
        self._currency = currency
        self._zone = zone
        self._dash = say(language, "none")

    def count(self, value: float | None) -> str:
        """Customers, orders, days."""
        return self._shown(value, lambda number: f"{number:,.0f}")

    def share(self, value: float | None) -> str:
        """A share as a percentage."""
        return self._shown(value, lambda number: f"{number:.1%}")

    def level(self, value: float) -> str:
        """How much an interval covers."""
        return f"{100 * value:.4g}%"

    def p(self, value: float | None) -> str:
        """A p-value."""
        return self._shown(
            value, lambda number: f"< {SMALLEST_P}" if number < SMALLEST_P else f"{number:.2g}"
        )

    def chance(self, value: float) -> str:
        """A p-value with its letter, for sentences."""
        return f"p {self.p(value)}" if value < SMALLEST_P else f"p = {self.p(value)}"

    def money(self, value: float | None, digits: int = 2) -> str:
        """Money with its currency."""
        return self._shown(value, lambda number: _minus(self._money(number, digits)))

    def value(self, value: float | None, unit: str) -> str:
        """A mean in the unit of its measure."""
        if unit == "share":
            return self._shown(value, lambda number: f"{number:.2%}")
        if unit == "money":
            return self.money(value)
        return self._shown(value, lambda number: f"{number:,.4g}")

    def lift(self, value: float | None, unit: str) -> str:
        """A difference, signed, with its unit: percentage points for shares."""
        return self._shown(value, lambda number: self._signed(number, unit) + self._unit(unit))

    def interval(self, ends: Interval | None, unit: str) -> str:
        """The ends of a difference, signed, with the unit once."""
        return self._dash if ends is None else self.ends(ends, unit) + self._unit(unit)

    def ends(self, ends: Interval | None, unit: str) -> str:
        """The ends of a difference, signed, beside a lift that says the unit."""
        if ends is None:
            return self._dash
        return say(self._language, "to").join(self._signed(end, unit) for end in ends)

    def size(self, value: float, unit: str) -> str:
        """How large a difference is, without its sign; of shares, per 100 customers."""
        return f"{100 * abs(value):.1f}" if unit == "share" else self.value(abs(value), unit)

    def end(self, value: float, unit: str) -> str:
        """An end of an interval as a sentence says it: signed; of shares, per 100 customers."""
        return _minus(f"{100 * value:+.1f}" if unit == "share" else self._signed(value, unit))

    def change(self, value: float | None) -> str:
        """A relative change."""
        return self._shown(value, lambda number: _minus(f"{number:+.1%}"))

    def changes(self, ends: Interval | None) -> str:
        """The ends of a relative change."""
        if ends is None:
            return self._dash
        return say(self._language, "to").join(self.change(end) for end in ends)

    def plain(self, value: float | None) -> str:
        """A number without a unit."""
        return self._shown(value, lambda number: _minus(f"{number:,.2f}"))

    def moment(self, value: datetime) -> str:
        """An instant on the shop's clock."""
        return f"{value.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def _shown(self, value: float | None, write: Callable[[float], str]) -> str:
        return self._dash if value is None else write(value)

    def _signed(self, value: float, unit: str) -> str:
        if unit == "share":
            return _minus(f"{100 * value:+.2f}")
        if unit == "money":
            return _minus(("" if value < 0 else "+") + self._money(value, 2))
        return _minus(f"{value:+,.3g}")

    def _money(self, value: float, digits: int) -> str:
        sign = "-" if value < 0 else ""
        return f"{sign}{self._currency} {abs(value):,.{digits}f}"

    def _unit(self, unit: str) -> str:
        return say(self._language, "points") if unit == "share" else ""


def _minus(text: str) -> str:
    return text.replace("-", MINUS)
