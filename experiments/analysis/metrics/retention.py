"""Outcomes within a window of local days after exposure, of *matured* customers only.

A customer is matured for a window of N days when day N lies before the day of the newest order: only then do
we know what the whole window held. Counting everyone biases the lift towards zero, because the newest
customers have had no time to return in either variant.
"""

# Days before a customer's own exposure that CUPED may look at; the day itself may already hold the effect.
BEFORE_DAYS = 28


def within_sql(days: int, order_day: str, exposed_on: str, first: int = 1) -> str:
    """SQL of "this order fell on local days `first` to `days` after exposure"."""
    return f"{order_day} BETWEEN {exposed_on} + {first} AND {exposed_on} + {days}"


def before_sql(order_day: str, exposed_on: str) -> str:
    """SQL of "this order fell on the 28 local days before exposure"."""
    return f"{order_day} BETWEEN {exposed_on} - {BEFORE_DAYS} AND {exposed_on} - 1"


def matured_sql(days: int, exposed_on: str, newest_day: str) -> str:
    """SQL of "the whole window is known"."""
    return f"{exposed_on} + {days} < {newest_day}"
