"""What visitors of the whole shop do: how many come, come again, leave at once, or buy.

A *session* is the events that carry one session_id; those without make one a customer and local day. Its day
is that of its first event. What the shop did (impressions) or took back (returns) is no visit. A *visitor* is
a customer whom any event of a session names: anonymous sessions cannot be told apart, so they count as
sessions and never as visitors. The numbers come from measure_customers and measure_visits.
"""

from features.measures.measure import BY_ALL, BY_TRAIT, Measure, Words
from features.measures.outcomes import WINDOW_DAYS

VISIT_MEASURES = (
    Measure(
        key="visitors",
        name=Words("Visitors", "访客数"),
        description=Words("Customers with a session in the window", "窗口期内有访问的顾客数"),
        unit="count",
        kind="ratio",
        numerator="visitors",
        window_days=WINDOW_DAYS,
        people="visitors",
        splits=BY_ALL,
        needs=("events",),
    ),
    Measure(
        key="new_visitors",
        name=Words("New visitors", "新访客数"),
        description=Words("Visitors whose first session lies in the window", "首次访问在窗口期内的访客数"),
        unit="count",
        kind="ratio",
        numerator="new_visitors",
        window_days=WINDOW_DAYS,
        people="visitors",
        splits=BY_ALL,
        needs=("events",),
    ),
    Measure(
        key="returning_visitors",
        name=Words("Returning visitors", "回访访客数"),
        description=Words("Visitors who had come before the window", "窗口期之前来过的访客数"),
        unit="count",
        kind="ratio",
        numerator="returning_visitors",
        window_days=WINDOW_DAYS,
        people="visitors",
        splits=BY_ALL,
        needs=("events",),
    ),
    Measure(
        key="returning_visitor_share",
        name=Words("Returning visitor share", "回访率"),
        description=Words("Returning visitors / visitors", "回访访客数 ÷ 访客数"),
        unit="share",
        kind="proportion",
        numerator="returning_visitors",
        denominator="visitors",
        window_days=WINDOW_DAYS,
        people="visitors",
        splits=BY_ALL,
        needs=("events",),
    ),
    Measure(
        key="visitor_conversion_rate",
        name=Words("Visitor conversion", "访客转化率"),
        description=Words(
            "Visitors with an order in the window, whatever their channel / visitors",
            "窗口期内有订单（不限渠道）的访客数 ÷ 访客数",
        ),
        unit="share",
        kind="proportion",
        numerator="buying_visitors",
        denominator="visitors",
        window_days=WINDOW_DAYS,
        people="visitors",
        splits=BY_TRAIT,
        needs=("events",),
    ),
    Measure(
        key="conversion_rate",
        name=Words("Session conversion", "会话转化率"),
        description=Words("Sessions with a purchase event / sessions", "含购买事件的会话数 ÷ 会话数"),
        unit="share",
        kind="ratio",
        numerator="converted_sessions",
        denominator="sessions",
        window_days=WINDOW_DAYS,
        people="session_visitors",
        splits=BY_ALL,
        needs=("events of type purchase",),
    ),
    Measure(
        key="bounce_rate",
        name=Words("Bounce rate", "跳出率"),
        description=Words("Sessions of one event / sessions", "只有一个事件的会话数 ÷ 会话数"),
        unit="share",
        kind="ratio",
        numerator="bounced_sessions",
        denominator="sessions",
        window_days=WINDOW_DAYS,
        lower_is_better=True,
        people="session_visitors",
        splits=BY_ALL,
        needs=("events",),
    ),
)
