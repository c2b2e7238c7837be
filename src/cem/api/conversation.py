"""What the representative sees of a customer before a word is said: the context of the conversation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from cem.api.timeline import said
from cem.domain.alerting import published
from cem.domain.customer import Customer
from cem.domain.events.alerts import Alert
from cem.domain.localtime import date_of
from cem.domain.value_policy import ValuePolicy
from cem.domain.view import (
    bill_change,
    open_calls,
    open_orders,
    open_tasks,
    open_tickets,
    plan_at,
    recent_contacts,
    usage_cycle,
)
from cem.nba import Call, facts_of
from cem.nba.customer_known import known_of

__all__ = ["conversation_of"]

#: What of the facts the conversation needs; cem.nba.fact_table says what each means.
_FACTS: Final = (
    "status",
    "tenure_days",
    "plan_price_minor",
    "contract_days_left",
    "cancelled",
    "contacts_7d",
    "contacts_30d",
    "repeat_contact",
    "unresolved_30d",
    "first_contact_share",
    "waited_minutes_30d",
    "transfers_30d",
    "term_days",
    "term_contacts",
    "term_contacts_repeated",
    "term_waited_minutes",
    "term_transfers",
    "term_promises_missed",
    "term_promises_kept_share",
    "bill_total_minor",
    "bill_delta_minor",
    "overdue_days",
    "overdue_minor",
    "overdue_notices",
    "late_payments",
    "recency_days",
    "payments_a_year",
    "paid_a_year_minor",
    "recency_score",
    "frequency_score",
    "money_score",
    "lifetime_value_minor",
    "lifetime_value_low_minor",
    "lifetime_value_high_minor",
    "in_hardship",
    "sms_extra_minor",
    "open_faults",
    "fault_hours_30d",
    "open_tickets",
    "late_promises",
    "satisfaction",
    "last_csat",
    "last_nps",
)
_CONTACTS: Final = 5
_BILLS: Final = 3


def conversation_of(
    customer: Customer,
    now_ms: int,
    topics: Mapping[str, tuple[str, ...]],
    timezone: str,
    staleness_s: Mapping[str, float | None],
    currency: str,
    value: ValuePolicy | None = None,
) -> dict[str, Any]:
    """Return the customer as the desk shows him: who he is, what is open, what happened last, what is known of him."""
    profile = customer.profile
    return {
        "customer_id": customer.customer_id,
        "as_of": moment(now_ms),
        "staleness_s": staleness_s,
        "profile": {
            "status": profile.status or None,
            "language": profile.language or None,
            "area": profile.area or None,
            "channel_said": profile.channel_said or None,
            "segments": profile.segments,
        },
        "facts": facts_of(customer, Call(), now_ms, _FACTS, topics, timezone, value),
        **known_of(customer, now_ms, topics, timezone, currency),
        "lines": _lines(customer, now_ms),
        "contacts": [
            {
                "at": moment(c.at_ms),
                "id": c.id or None,
                "channel": c.channel or None,
                "reason": c.reason or None,
                "rep_id": c.rep_id or None,
                "resolution": "abandoned" if c.abandoned else c.resolution or None,
            }
            for c in reversed(recent_contacts(customer)[-_CONTACTS:])
        ],
        "bills": [
            {
                "bill_id": b.bill_id,
                "issued_at": moment(b.issued_ms),
                "total_minor": b.total_minor,
                "due": date_of(b.due_day).isoformat() if b.due_day else None,
                "parts": [said(part) for part in b.parts],
                **_change(customer, b.bill_id),
            }
            for b in reversed(customer.billing.bills[-_BILLS:])
        ],
        "promises": _promises(customer),
        "alerts": alerts_of(customer, closed=False),
        "calls": [
            {
                "call_id": c.call_id,
                "started_at": moment(c.started_ms) if c.started_ms else None,
                "reason": c.reason or None,
                "rep_id": c.rep_id or None,
            }
            for c in open_calls(customer, now_ms)
        ],
    }


def alerts_of(customer: Customer, *, closed: bool = True) -> list[Alert]:
    """Return the customer's alerts as the world sees them, newest first."""
    alerts = customer.alerts
    found = [*alerts.closed, *alerts.open] if closed else list(alerts.open)
    found.sort(key=lambda a: (a.opened_ms, a.type, a.subject), reverse=True)
    return [published(customer.customer_id, alert) for alert in found]


def moment(at_ms: int) -> datetime:
    """Return the instant as JSON writes it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _lines(customer: Customer, now_ms: int) -> list[dict[str, Any]]:
    users = {user.line: user for user in customer.profile.users}
    found = []
    for name in dict.fromkeys([*users, *customer.lines]):
        user, plan = users.get(name), plan_at(customer, now_ms, name)
        cycle = usage_cycle(customer, name, now_ms)
        line = customer.lines.get(name)
        found.append(
            {
                "line": name,
                "role": (user.role or None) if user else None,
                "plan": (plan.name or None) if plan else None,
                "price_minor": plan.price_minor if plan and plan.price_minor >= 0 else None,
                "segments": cycle.segments if cycle else 0,
                "allowance": (line.allowance or None) if line else None,
                "extra_minor": sum(cycle.charged_minor) if cycle else 0,
            }
        )
    return found


def _change(customer: Customer, bill_id: str) -> dict[str, Any]:
    """Return why the bill differs from the one before it; nothing for the first one."""
    change = bill_change(customer, bill_id)
    if change is None:
        return {}
    return {"delta_minor": change.delta_minor, "changes": [said(each) for each in change.changes]}


def _promises(customer: Customer) -> list[dict[str, Any]]:
    rows = [(o.due_ms, "order", o.product or o.order_id) for o in open_orders(customer)]
    rows += [(t.due_ms, "repair", t.category or t.ticket_id) for t in open_tickets(customer)]
    rows += [(t.due_ms, "task", t.text) for t in open_tasks(customer)]
    return [
        {"due": moment(due) if due else None, "kind": kind, "what": what} for due, kind, what in sorted(rows)
    ]
