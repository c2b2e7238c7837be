"""The table of facts that policies may name: type, whether it can be unknown, which streams it rests on, meaning.

One row a fact. `cem.nba.facts` computes them from a customer's state; the CEL of the policy files is typed by them.
Money is in minor units, windows end at the decision's time (exclusive), days may be fractions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from cem.nba.expressions import FactType, Kind

__all__ = ["ALWAYS_FROZEN", "FACTS", "FACT_TYPES", "INPUT_TOPICS", "Fact"]

_CALLS: Final = "cem.calls"
_CONTACTS: Final = "cem.interactions"
_SMS: Final = "cem.sms-usage"
_BILLING: Final = "cem.billing"
_SERVICE: Final = "cem.service"
_PROFILES: Final = "cem.profiles"
_OUTCOMES: Final = "cem.outcomes"
_REACHED: Final = (_PROFILES, _CONTACTS, _CALLS)
_ASKED: Final = (_CALLS, _CONTACTS, _OUTCOMES)
#: Need, streams that it rests on, what it is called.
_NEEDS: Final = (
    ("data", (*_ASKED, _BILLING), "more data"),
    ("texting", (*_ASKED, _BILLING, _SMS), "included messages"),
    ("roaming", (*_ASKED, _BILLING, _SMS), "use abroad"),
    ("family_control", (*_ASKED, _SMS, _PROFILES), "control of the children's lines"),
    ("coverage", (*_ASKED, _SERVICE), "better reception"),
    ("device", (*_ASKED, _PROFILES, _BILLING), "a new device"),
    ("price_certainty", (*_ASKED, _BILLING), "bills without surprise"),
)
_NEEDED: Final = (_CALLS, _SMS, _BILLING, _CONTACTS, _SERVICE, _PROFILES, _OUTCOMES)
_LIVED: Final = (_CALLS, _CONTACTS, _SERVICE, _BILLING)


class Fact(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    kind: Kind
    #: True: the value is null while nobody has said it.
    nullable: bool
    #: The input topics whose events change it; empty for what the desktop says of the call.
    topics: tuple[str, ...]
    says: str


def _row(name: str, kind: Kind, topics: tuple[str, ...], says: str, *, nullable: bool = False) -> Fact:
    return Fact(name, kind, nullable, topics, says)


_ROWS: Final = (
    # The call, as the desktop (or its open record) says
    _row("call_channel", "string", (), "channel of this contact: call, chat, shop, email, ..."),
    _row("call_reason", "string", (_CALLS,), "reason of this contact in the operator's words; '' = not said"),
    _row("call_topic", "string", (_CALLS,), "topic that reason and text stand for, by the policy's `topics`"),
    _row("call_queue", "string", (_CALLS,), "queue of this contact; '' = not said"),
    _row(
        "supposed_reason",
        "string",
        (_CALLS,),
        "reason of this contact as the model sees it in what was said, where nobody has said one; '' = none",
    ),
    _row(
        "supposed_reason_chance", "double", (_CALLS,), "how likely the model holds that reason", nullable=True
    ),
    _row("rep_language", "string", (), "language in which the representative reads; '' = not said"),
    # Who
    _row(
        "customer_language",
        "string",
        (_PROFILES, _CALLS),
        "language to speak with the customer; '' = unknown",
    ),
    _row("status", "string", (_PROFILES,), "stranger, prospect, active, closed or other"),
    _row("area", "string", (_PROFILES,), "where he lives, in the operator's words; '' = unknown"),
    _row(
        "plan", "string", (_PROFILES, _BILLING), "name of the account's plan, else of a line's; '' = unknown"
    ),
    _row("tenure_days", "double", (_PROFILES,), "days since he became a customer", nullable=True),
    _row("lines", "int", (_PROFILES, _SMS), "lines of the account"),
    _row("child_lines", "int", (_PROFILES,), "lines used by a child (role, or under 18)"),
    _row("marketing_refused", "bool", (_PROFILES,), "consent to marketing refused or withdrawn"),
    _row("profiling_refused", "bool", (_PROFILES,), "consent to profiling refused or withdrawn"),
    _row("plan_price_minor", "int", (_PROFILES, _BILLING), "price a month of all his plans", nullable=True),
    _row(
        "contract_days_left",
        "double",
        (_PROFILES, _BILLING),
        "days to the earliest end of contract",
        nullable=True,
    ),
    _row("cancelled", "bool", (_BILLING,), "a contract is cancelled, in effect or to take effect"),
    # Contacts
    _row("contacts_7d", "int", (_CALLS, _CONTACTS), "contacts in 7 days, over all channels, before this one"),
    _row("contacts_30d", "int", (_CALLS, _CONTACTS), "contacts in 30 days, before this one"),
    _row("calls_7d", "int", (_CALLS,), "calls in 7 days, before this one"),
    _row(
        "same_topic_7d",
        "int",
        (_CALLS, _CONTACTS),
        "contacts in 7 days about this contact's topic, before this one",
    ),
    _row("days_since_contact", "double", (_CALLS, _CONTACTS), "days since the last contact", nullable=True),
    _row(
        "unresolved_30d",
        "int",
        (_CALLS, _CONTACTS),
        "contacts in 30 days that ended unresolved or were abandoned",
    ),
    _row(
        "repeat_contact",
        "bool",
        (_CALLS, _CONTACTS),
        "this is a second contact in 7 days about the same matter",
    ),
    _row(
        "waited_minutes_30d",
        "double",
        (_CALLS,),
        "minutes waited or on hold in calls of 30 days, of the newest 20",
    ),
    _row("transfers_30d", "int", (_CALLS,), "transfers in calls of 30 days, of the newest 20"),
    _row(
        "first_contact_share",
        "double",
        (_CALLS, _CONTACTS),
        "share of his judged contacts that were resolved at first contact",
        nullable=True,
    ),
    _row(
        "term_days",
        "double",
        (_BILLING, _PROFILES),
        "days since the running term of his contract began, or else he did",
        nullable=True,
    ),
    _row("term_contacts", "int", (_CALLS, _CONTACTS, _BILLING), "contacts since the term began"),
    _row(
        "term_contacts_repeated",
        "int",
        (_CALLS, _CONTACTS, _BILLING),
        "of those, followed by one about the same reason within 7 days",
    ),
    _row(
        "term_waited_minutes", "double", (_CALLS, _BILLING), "minutes waited or on hold since the term began"
    ),
    _row("term_transfers", "int", (_CALLS, _BILLING), "transfers since the term began"),
    _row(
        "term_promises_missed",
        "int",
        (_CALLS, _CONTACTS, _SERVICE, _BILLING),
        "promises missed since the term began",
    ),
    _row(
        "term_promises_kept_share",
        "double",
        (_CALLS, _CONTACTS, _SERVICE, _BILLING),
        "share of the promises judged since the term began that was kept",
        nullable=True,
    ),
    # Bills
    _row("bill_total_minor", "int", (_BILLING,), "total of the last bill", nullable=True),
    _row("bill_delta_minor", "int", (_BILLING,), "last bill minus the one before", nullable=True),
    _row(
        "bill_delta_usage_minor",
        "int",
        (_BILLING,),
        "of that difference: use outside the allowance",
        nullable=True,
    ),
    _row(
        "bill_delta_sms_minor",
        "int",
        (_BILLING,),
        "of that: messages outside the allowance",
        nullable=True,
    ),
    _row("bill_delta_plan_minor", "int", (_BILLING,), "of that difference: change of plan", nullable=True),
    _row(
        "bill_delta_one_off_minor",
        "int",
        (_BILLING,),
        "of that difference: devices and fees",
        nullable=True,
    ),
    _row(
        "bill_delta_cause",
        "string",
        (_BILLING,),
        "what raised the last bill most: usage, plan_change, proration, one_off, credit, tax, other, "
        "not_itemised; '' = nothing did",
    ),
    _row(
        "bill_extra_minor",
        "int",
        (_BILLING,),
        "what usage beyond the plan cost on the last bill",
        nullable=True,
    ),
    _row("days_since_bill", "double", (_BILLING,), "days since the last bill", nullable=True),
    _row("overdue_days", "int", (_BILLING,), "days that the longest unpaid bill is overdue; 0 = none"),
    _row("overdue_minor", "int", (_BILLING,), "amount overdue"),
    _row(
        "in_hardship",
        "bool",
        (_PROFILES, _BILLING),
        "marked as in hardship, 30 days overdue, or 3 payments refused in 90",
    ),
    _row("failed_payments_90d", "int", (_BILLING,), "payments refused in 90 days, of the last six payments"),
    _row("overdue_notices", "int", (_BILLING,), "notices so far that a payment is overdue"),
    _row("late_payments", "int", (_BILLING,), "payments so far that came after the due day"),
    # Value
    _row("recency_days", "double", (_BILLING, _CONTACTS), "days since he last paid or bought", nullable=True),
    _row(
        "payments_a_year",
        "double",
        (_BILLING, _CONTACTS),
        "payments and purchases a year, at the present level",
        nullable=True,
    ),
    _row(
        "paid_a_year_minor",
        "int",
        (_BILLING, _CONTACTS),
        "their amount a year, at the present level",
        nullable=True,
    ),
    _row(
        "recency_score",
        "int",
        (_BILLING, _CONTACTS),
        "1-5 among all customers, 5 = paid or bought most recently",
        nullable=True,
    ),
    _row("frequency_score", "int", (_BILLING, _CONTACTS), "1-5, 5 = pays or buys most often", nullable=True),
    _row("money_score", "int", (_BILLING, _CONTACTS), "1-5, 5 = brings most", nullable=True),
    _row(
        "lifetime_value_minor",
        "int",
        (_BILLING, _PROFILES),
        "present value of the margins that he is expected to bring",
        nullable=True,
    ),
    _row(
        "lifetime_value_low_minor", "int", (_BILLING, _PROFILES), "the low end of its interval", nullable=True
    ),
    _row(
        "lifetime_value_high_minor",
        "int",
        (_BILLING, _PROFILES),
        "the high end of its interval",
        nullable=True,
    ),
    # Messages
    _row(
        "sms_extra_minor",
        "int",
        (_SMS,),
        "charges for messages beyond the plan in the running cycle, all lines",
    ),
    _row("sms_extra_child_minor", "int", (_SMS, _PROFILES), "the same on children's lines"),
    _row("sms_top_line_segments", "int", (_SMS,), "segments in the running cycle of the line that sent most"),
    _row(
        "sms_allowance_share",
        "double",
        (_SMS,),
        "highest share of an allowance used in the cycle",
        nullable=True,
    ),
    _row("sms_roaming_minor", "int", (_SMS,), "charges for messages sent roaming in the running cycle"),
    _row("sms_alert_open", "bool", (_SMS,), "an alert on a line's messages is open"),
    # Service and promises
    _row("open_faults", "int", (_SERVICE,), "faults that he suffers now"),
    _row("faults_30d", "int", (_SERVICE,), "faults in 30 days"),
    _row("fault_hours_30d", "double", (_SERVICE,), "hours of faults in 30 days"),
    _row("open_tickets", "int", (_SERVICE,), "tickets open"),
    _row(
        "late_promises",
        "int",
        (_CALLS, _CONTACTS),
        "orders and tasks promised for a time that has passed, not done",
    ),
    # Mood and history
    _row(
        "satisfaction",
        "double",
        (_CALLS, _CONTACTS, _SERVICE, _BILLING),
        "estimated satisfaction, CSAT points 1-5",
    ),
    _row("last_csat", "int", (_CALLS,), "last survey answer, 1-5, of the last 180 days", nullable=True),
    _row(
        "last_nps",
        "int",
        (_CALLS,),
        "last willingness to recommend, 0-10, of the last 180 days",
        nullable=True,
    ),
    _row("days_since_survey", "double", (_CALLS,), "days since the last survey answer", nullable=True),
    _row("open_alerts", "int", (_SMS, _BILLING, _CALLS, _SERVICE), "alerts open"),
    _row("declined_30d", "int", (_OUTCOMES,), "suggestions declined in 30 days"),
    _row("credited_90d", "bool", (_OUTCOMES, _BILLING), "a credit was accepted or booked in 90 days"),
    # Where and when he answers
    _row("channel_said", "string", (_PROFILES,), "channel that he asked for; '' = has not said"),
    _row("channel_does", "string", _REACHED, "channel on which he answers, by what he did; '' = not clear"),
    _row("channel_best", "string", _REACHED, "channel for service messages that he allows; '' = allows none"),
    _row("answer_chance", "double", _REACHED, "chance that he answers on `channel_best`, 0-1"),
    _row(
        "best_part", "string", _REACHED, "morning, afternoon or evening, when he answers best; '' = unknown"
    ),
    _row("best_weekend", "bool", _REACHED, "that part is one of Saturday and Sunday"),
    # What he could use, what he could afford, how he fares
    *(
        _row(f"need_{need}", "double", topics, f"how much he could use {what}, 0-1")
        for need, topics, what in _NEEDS
    ),
    _row("top_need", "string", _NEEDED, "the greatest of these needs from 0.2 on; '' = none"),
    _row(
        "potential",
        "double",
        (_BILLING, _PROFILES),
        "purchasing potential: what he could afford beyond what he pays, 0-1",
        nullable=True,
    ),
    _row(
        "headroom_minor",
        "int",
        (_BILLING, _PROFILES),
        "what he could add to what he pays a month",
        nullable=True,
    ),
    _row("experience", "int", _LIVED, "experience index, 0 (lost) to 100 (delighted)"),
    _row(
        "experience_driver",
        "string",
        _LIVED,
        "what pulls the index down most: waiting, transfers, unsolved, repeats, broken_promises, fault_now, "
        "faults, bill_shock, surveys, estimate; '' = nothing",
    ),
    _row(
        "segments",
        "list",
        (_CALLS, _SMS, _BILLING, _CONTACTS, _SERVICE, _PROFILES, _OUTCOMES),
        "segments that he is in: 'vip' in segments",
    ),
    # What models say
    _row("mood", "double", (_CALLS, _CONTACTS), "mood of what he said lately, -1 to 1", nullable=True),
    _row(
        "predicted_satisfaction",
        "double",
        (_CALLS, _CONTACTS, _SERVICE, _BILLING),
        "CSAT that he would answer, 1-5, as the model sees it",
        nullable=True,
    ),
    _row(
        "predicted_nps",
        "double",
        (_CALLS, _CONTACTS, _SERVICE, _BILLING),
        "NPS answer that he would give, 0-10, as the model sees it",
        nullable=True,
    ),
    _row(
        "predicted_ces",
        "double",
        (_CALLS, _CONTACTS, _SERVICE, _BILLING),
        "CES that he would answer, 1-7 (hard), as the model sees it",
        nullable=True,
    ),
    _row(
        "churn_risk",
        "double",
        (_CALLS, _CONTACTS, _SERVICE, _BILLING),
        "chance that he leaves within 30 days, 0-1",
        nullable=True,
    ),
)

#: The streams that facts rest on.
INPUT_TOPICS: Final = (_CALLS, _SMS, _BILLING, _CONTACTS, _SERVICE, _PROFILES, _OUTCOMES)
#: What every decision freezes, whichever facts its policy names: the sentences need it.
ALWAYS_FROZEN: Final = ("call_channel", "call_topic", "customer_language", "rep_language", "status")
#: Name to row, in the order of the table.
FACTS: Final[Mapping[str, Fact]] = {row.name: row for row in _ROWS}
#: What the type checker needs of them.
FACT_TYPES: Final[Mapping[str, FactType]] = {row.name: FactType(row.kind, row.nullable) for row in _ROWS}
