"""The facts that a segment's rule may name, and the groups of events that change each.

They are the facts of decisions (`cem.nba.fact_table`) without those of the contact that goes on.
"""

from __future__ import annotations

from typing import Final

from cem.nba.expressions import FactType
from cem.nba.fact_table import FACT_TYPES
from cem.segments.groups import (
    ALERTS,
    ALL,
    ANSWERS,
    BILLS,
    CONTACTS,
    ENDED,
    FAULTS,
    LINES,
    OUTCOMES,
    PAID,
    PROFILE,
    PROMISES,
    SAID,
    SUPPLIES,
    USAGE,
)

__all__ = ["GROUPS", "TYPES"]

#: Name of a fact to the groups that it rests on.
GROUPS: Final[dict[str, int]] = {
    "customer_language": PROFILE,
    "status": PROFILE,
    "area": PROFILE,
    "plan": SUPPLIES | USAGE,
    "tenure_days": PROFILE,
    "lines": PROFILE | LINES,
    "child_lines": PROFILE,
    "marketing_refused": PROFILE,
    "profiling_refused": PROFILE,
    "plan_price_minor": SUPPLIES | PROFILE,
    "contract_days_left": SUPPLIES,
    "cancelled": SUPPLIES,
    "contacts_7d": CONTACTS,
    "contacts_30d": CONTACTS,
    "calls_7d": CONTACTS,
    "days_since_contact": CONTACTS,
    "unresolved_30d": CONTACTS | ENDED,
    "bill_total_minor": BILLS,
    "bill_delta_minor": BILLS,
    "bill_delta_usage_minor": BILLS,
    "bill_delta_plan_minor": BILLS,
    "bill_delta_one_off_minor": BILLS,
    "bill_delta_cause": BILLS,
    "bill_extra_minor": BILLS,
    "days_since_bill": BILLS,
    # Made anew at bills, payments and purchases, and in ticks; who leaves has none.
    "recency_score": BILLS | PAID | SUPPLIES | PROFILE,
    "frequency_score": BILLS | PAID | SUPPLIES | PROFILE,
    "money_score": BILLS | PAID | SUPPLIES | PROFILE,
    "overdue_days": BILLS | PAID,
    "overdue_minor": BILLS | PAID,
    "in_hardship": BILLS | PAID | PROFILE,
    # Only so many payments are kept, whether they came or not.
    "failed_payments_90d": BILLS | PAID,
    "sms_extra_minor": USAGE,
    "sms_extra_child_minor": USAGE | PROFILE,
    "sms_top_line_segments": USAGE,
    "sms_allowance_share": USAGE,
    "sms_roaming_minor": USAGE,
    "sms_alert_open": ALERTS,
    "open_faults": FAULTS,
    "faults_30d": FAULTS,
    "fault_hours_30d": FAULTS,
    "open_tickets": PROMISES,
    "late_promises": PROMISES,
    "satisfaction": ALL,
    "last_csat": ANSWERS,
    "last_nps": ANSWERS,
    "days_since_survey": ANSWERS,
    "open_alerts": ALERTS,
    "declined_30d": OUTCOMES,
    "credited_90d": BILLS,
    "channel_said": PROFILE,
    **dict.fromkeys(
        ("channel_does", "channel_best", "answer_chance", "best_part", "best_weekend"),
        SAID | CONTACTS | PROFILE,
    ),
    "need_data": SAID | OUTCOMES | CONTACTS | ENDED | BILLS,
    "need_texting": SAID | OUTCOMES | CONTACTS | ENDED | BILLS | USAGE,
    "need_roaming": SAID | OUTCOMES | CONTACTS | ENDED | BILLS | USAGE,
    "need_family_control": SAID | OUTCOMES | CONTACTS | ENDED | BILLS | USAGE | PROFILE | ALERTS,
    "need_coverage": SAID | OUTCOMES | CONTACTS | ENDED | FAULTS,
    "need_device": SAID | OUTCOMES | CONTACTS | ENDED | SUPPLIES,
    "need_price_certainty": SAID | OUTCOMES | CONTACTS | ENDED | BILLS | PAID,
    "top_need": ALL,
    "potential": BILLS | PAID | SUPPLIES | PROFILE,
    "headroom_minor": BILLS | PAID | SUPPLIES | PROFILE,
    "experience": ALL,
    "experience_driver": ALL,
}

#: What the checker of rules needs of them.
TYPES: Final[dict[str, FactType]] = {name: FACT_TYPES[name] for name in GROUPS}
