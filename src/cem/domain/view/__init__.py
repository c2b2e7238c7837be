"""What is known of a customer, by plain names, at the reader's own instant: for decisions, screens and detectors.

Every function is pure and evaluates windows at the `now_ms` that it is given, to the millisecond: an instant t is
inside a window of n days if now - n days < t <= now. Nothing here changes the customer's facts.
"""

from __future__ import annotations

from cem.domain.view.bill_change import CHANGE_KINDS, BillChange, Change, bill_change
from cem.domain.view.contacts import (
    effort,
    first_contact_resolution,
    open_calls,
    recent_contacts,
)
from cem.domain.view.estimates import (
    ChurnRisk,
    Predicted,
    SupposedReason,
    churn_risk,
    predicted_satisfaction,
    supposed_reason,
)
from cem.domain.view.journey import JourneyQuality, journey_quality
from cem.domain.view.money import (
    bill_owed,
    bill_totals,
    cancelled_from_ms,
    contract_days_left,
    overdue_days,
    owed_by_bill,
    owed_minor,
    pays_by,
    plan_at,
    tenure_days,
)
from cem.domain.view.moods import Mood, mood, mood_level
from cem.domain.view.person import consent, open_alerts
from cem.domain.view.reach import (
    TELLING,
    BestHour,
    ChannelRate,
    Choice,
    answering_channel,
    best_channel,
    best_hour,
    channel_rates,
    does_channel,
)
from cem.domain.view.satisfaction import CSAT_PRIOR, csat_level
from cem.domain.view.service import (
    missed_promises_in,
    open_faults,
    open_orders,
    open_tasks,
    open_tickets,
)
from cem.domain.view.use import (
    charged_by_destination,
    charged_minor,
    recipients_24h,
    usage_cycle,
)
from cem.domain.view.worth import LifetimeValue, Rfm, lifetime_value, rfm

__all__ = [
    "CHANGE_KINDS",
    "CSAT_PRIOR",
    "TELLING",
    "BestHour",
    "BillChange",
    "Change",
    "ChannelRate",
    "Choice",
    "ChurnRisk",
    "JourneyQuality",
    "LifetimeValue",
    "Mood",
    "Predicted",
    "Rfm",
    "SupposedReason",
    "answering_channel",
    "best_channel",
    "best_hour",
    "bill_change",
    "bill_owed",
    "bill_totals",
    "cancelled_from_ms",
    "channel_rates",
    "charged_by_destination",
    "charged_minor",
    "churn_risk",
    "consent",
    "contract_days_left",
    "csat_level",
    "does_channel",
    "effort",
    "first_contact_resolution",
    "journey_quality",
    "lifetime_value",
    "missed_promises_in",
    "mood",
    "mood_level",
    "open_alerts",
    "open_calls",
    "open_faults",
    "open_orders",
    "open_tasks",
    "open_tickets",
    "overdue_days",
    "owed_by_bill",
    "owed_minor",
    "pays_by",
    "plan_at",
    "predicted_satisfaction",
    "recent_contacts",
    "recipients_24h",
    "rfm",
    "supposed_reason",
    "tenure_days",
    "usage_cycle",
]
