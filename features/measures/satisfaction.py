"""What customers say of the shop, and how it answers: surveys and tickets.

The numbers come from measure_feedback, measure_tickets and measure_customers.
"""

from features.measures.measure import BY_TRAIT, Measure, Words
from features.measures.outcomes import WINDOW_DAYS

SATISFACTION_MEASURES = (
    Measure(
        key="nps",
        name=Words("Net promoter score", "净推荐值"),
        description=Words(
            "100 × (share of 9 and 10 − share of 0 to 6) of each customer's last answer in the window; the "
            "interval is the normal approximation of the three shares",
            "100 ×（9–10 分占比 − 0–6 分占比），取每位顾客窗口期内的最后一次回答；区间为三项分布的正态近似",
        ),
        unit="points",
        kind="mean",
        numerator="nps_points",
        denominator="nps_customers",
        window_days=WINDOW_DAYS,
        people="nps_customers",
        splits=BY_TRAIT,
        needs=("feedback of kind nps",),
    ),
    Measure(
        key="csat",
        name=Words("Customer satisfaction", "满意度"),
        description=Words(
            "Share of the window's satisfaction answers that are 4 or 5 of 5",
            "窗口期内满意度回答中 4 分或 5 分（满分 5）的占比",
        ),
        unit="share",
        kind="proportion",
        numerator="csat_satisfied",
        denominator="csat_answers",
        window_days=WINDOW_DAYS,
        people="csat_customers",
        splits=BY_TRAIT,
        needs=("feedback of kind csat",),
    ),
    Measure(
        key="csat_score",
        name=Words("Mean satisfaction score", "满意度均分"),
        description=Words(
            "Mean of the window's satisfaction answers, 1 to 5", "窗口期内满意度回答的平均分（1–5）"
        ),
        unit="score",
        kind="mean",
        numerator="csat_score",
        denominator="csat_answers",
        window_days=WINDOW_DAYS,
        people="csat_customers",
        splits=BY_TRAIT,
        needs=("feedback of kind csat",),
    ),
    Measure(
        key="complaint_rate",
        name=Words("Complaint rate", "投诉率"),
        description=Words(
            "Of the active customers, those who opened a ticket in the window",
            "活跃顾客中，窗口期内提交过工单的占比",
        ),
        unit="share",
        kind="proportion",
        numerator="complaining_buyers",
        denominator="buyers",
        window_days=WINDOW_DAYS,
        lower_is_better=True,
        people="buyers",
        splits=BY_TRAIT,
        needs=("orders", "tickets"),
    ),
    Measure(
        key="first_response_hours",
        name=Words("First response time", "首次响应时长"),
        description=Words(
            "Mean hours from opening to the first response, of tickets first answered in the window",
            "窗口期内首次答复的工单，从提交到首次答复的平均小时数",
        ),
        unit="hours",
        kind="ratio",
        numerator="response_hours",
        denominator="answered_tickets",
        window_days=WINDOW_DAYS,
        lower_is_better=True,
        people="answered_customers",
        splits=BY_TRAIT,
        needs=("tickets",),
    ),
    Measure(
        key="resolution_hours",
        name=Words("Resolution time", "解决时长"),
        description=Words(
            "Mean hours from opening to resolution, of tickets resolved in the window",
            "窗口期内解决的工单，从提交到解决的平均小时数",
        ),
        unit="hours",
        kind="ratio",
        numerator="resolution_hours",
        denominator="resolved_tickets",
        window_days=WINDOW_DAYS,
        lower_is_better=True,
        people="resolved_customers",
        splits=BY_TRAIT,
        needs=("tickets",),
    ),
    Measure(
        key="ticket_satisfaction",
        name=Words("Satisfied with the resolution", "工单满意率"),
        description=Words(
            "Of the tickets resolved in the window whose customers said so or not, those who were satisfied",
            "窗口期内解决且顾客作出评价的工单中，满意的占比",
        ),
        unit="share",
        kind="proportion",
        numerator="satisfied_tickets",
        denominator="rated_tickets",
        window_days=WINDOW_DAYS,
        people="rated_customers",
        splits=BY_TRAIT,
        needs=("tickets",),
    ),
)
