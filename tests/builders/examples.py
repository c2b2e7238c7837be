"""One full, plausible example of every event type."""

from __future__ import annotations

from typing import Any

import msgspec

from cem.domain.events import EVENT_TYPES, Event

__all__ = ["EXAMPLES", "example_of"]

_ALERT: dict[str, Any] = {
    "alert_id": "sms.allowance:c-1:+84901234567:2026-03",
    "type": "sms.allowance",
    "tier": "alert",
    "severity": "warning",
    "customer_id": "c-1",
    "subject": "+84901234567",
    "opened_at": "2026-03-02T07:59:00Z",
    "deliver_before": "2026-03-03T07:59:00Z",
    "state": "open",
    "evidence": {"used": 96, "allowance": 100, "share": 0.96, "cycle": "2026-03", "child": True},
    "tell": {"who": "payer", "channel": "email"},
    "remedy": {"action": "sms_bundle", "price_minor": 500},
    "cost_minor": 1200,
}
_CONTRACT: dict[str, Any] = {
    "line": "+84901234567",
    "plan": "Gia đình 200",
    "price_minor": 199_000,
    "end": "2027-02-28",
    "effective": "2026-03-01",
    "reason": "renewal offer",
}
_PAYMENT: dict[str, Any] = {
    "bill_id": "b-7",
    "amount_minor": 199_000,
    "method": "direct_debit",
    "days_overdue": 3,
}
_LINK: dict[str, Any] = {"kind": "line", "value": "+84901234567", "customer_id": "c-1"}
_BUDGET: dict[str, Any] = {"reservation_id": "r-1", "budget": "retention", "amount_minor": 5000}

#: Type to data.
EXAMPLES: dict[str, dict[str, Any]] = {
    "call.started": {
        "call_id": "call-1",
        "line": "+84901234567",
        "direction": "inbound",
        "queue": "billing",
        "rep_id": "rep-4",
        "reason": "bill too high",
        "intent": "explain bill",
        "language": "vi",
    },
    "call.turn": {
        "call_id": "call-1",
        "turn": 2,
        "speaker": "customer",
        "text": "Sao hóa đơn tháng này cao thế?\nCon tôi nhắn tin nhiều quá.",
        "language": "vi",
    },
    "call.ended": {
        "call_id": "call-1",
        "duration_s": 312.5,
        "wait_s": 45.0,
        "hold_s": 0.0,
        "transfers": 1,
        "abandoned": False,
        "resolution": "follow_up",
        "reason": "bill too high",
    },
    "survey.answered": {
        "about": "call-1",
        "csat": 2,
        "nps": 3,
        "ces": 6,
        "text": "Had to call twice.",
        "language": "en",
    },
    "note.written": {
        "by": "rep-4",
        "text": "Promised to look at the roaming charge.",
        "due": "2026-03-04T10:00:00Z",
    },
    "task.due": {
        "task_id": "t-1",
        "by": "rep-4",
        "text": "Call back",
        "due": "2026-03-04T10:00:00Z",
        "about": "call-1",
    },
    "task.closed": {
        "task_id": "t-1",
        "by": "rep-4",
        "done": True,
        "text": "Credited 5 EUR",
        "about": "call-1",
    },
    "sms.rated": {
        "line": "+84901234567",
        "segments": 2,
        "destination": "premium",
        "recipient": "9f86d081884c7d65",
        "in_allowance": False,
        "charge_minor": 150,
    },
    "bill.issued": {
        "bill_id": "b-7",
        "period_start": "2026-02-01",
        "period_end": "2026-02-28",
        "due": "2026-03-20",
        "total_minor": 249_000,
        "items": [
            {"cause": "plan", "amount_minor": 199_000},
            {"line": "+84901234567", "cause": "sms", "amount_minor": 60_000},
            {"cause": "credit", "amount_minor": -10_000},
        ],
    },
    "payment.made": _PAYMENT,
    "payment.failed": {**_PAYMENT, "reason": "card expired"},
    "payment.overdue": _PAYMENT,
    "plan.changed": {**_CONTRACT, "sms_allowance": 200},
    "contract.renewed": _CONTRACT,
    "contract.cancelled": {**_CONTRACT, "initiative": "customer"},
    "interaction.recorded": {
        "interaction_id": "i-1",
        "channel": "social",
        "direction": "inbound",
        "reason": "late flight",
        "text": "@operator no signal since Monday 😡",
        "language": "en",
    },
    "campaign.contacted": {
        "campaign": "spring",
        "contact_id": "k-1",
        "channel": "email",
        "action": "upgrade",
    },
    "campaign.responded": {
        "campaign": "spring",
        "contact_id": "k-1",
        "channel": "email",
        "response": "clicked",
    },
    "contact.delivered": {"contact_id": "k-1", "channel": "email"},
    "contact.failed": {"contact_id": "k-1", "channel": "email", "reason": "mailbox full"},
    "contact.answered": {"contact_id": "k-1", "channel": "email", "response": "replied", "text": "Thanks"},
    "purchase.made": {
        "order_id": "o-1",
        "product": "handset",
        "amount_minor": 4_990_000,
        "shop_id": "shop-2",
    },
    "order.placed": {"order_id": "o-1", "product": "router", "amount_minor": 0, "promised": "2026-03-06"},
    "order.promised": {"order_id": "o-1", "product": "router", "promised": "2026-03-09", "reason": "stock"},
    "order.delivered": {
        "order_id": "o-1",
        "product": "router",
        "promised": "2026-03-09",
        "delivered": "2026-03-10",
    },
    "registration.made": {
        "channel": "web",
        "identifiers": [{"kind": "email", "value": "an@example.vn"}, {"kind": "handle", "value": "@an"}],
        "campaign": "spring",
    },
    "service.degraded": {"area": "Đà Nẵng", "kind": "coverage", "incident_id": "f-1", "duration_s": 7200.0},
    "service.restored": {
        "line": "+84901234567",
        "kind": "coverage",
        "incident_id": "f-1",
        "duration_s": 5400.0,
    },
    "ticket.opened": {
        "ticket_id": "tk-1",
        "category": "reception",
        "severity": "high",
        "text": "No signal at home",
    },
    "ticket.updated": {"ticket_id": "tk-1", "severity": "critical", "due": "2026-03-05T12:00:00+07:00"},
    "ticket.closed": {"ticket_id": "tk-1", "category": "reception", "resolution": "resolved"},
    "profile.changed": {
        "status": "active",
        "plan": "Gia đình 200",
        "price_minor": 199_000,
        "sms_allowance": 100,
        "cycle_day": 1,
        "lines": [
            {"line": "+84901234567", "user": "u-1", "role": "payer", "birth_year": 1980},
            {"line": "+84901234568", "user": "u-2", "role": "child", "birth_year": 2011, "sms_allowance": 50},
        ],
        "contract_end": "2027-02-28",
        "language": "vi",
        "area": "Đà Nẵng",
        "timezone": "Asia/Ho_Chi_Minh",
        "channel_said": "call",
        "segments": {"household": "family", "payment": "direct debit"},
        "identifiers": [{"kind": "email", "value": "an@example.vn"}],
    },
    "consent.changed": {"purpose": "marketing", "granted": False, "channel": "sms"},
    "customer.merged": {"into": "c-2"},
    "customer.split": {"into": "c-3", "line": "+84901234568", "since": "2026-03-01T00:00:00Z"},
    "customer.erased": {"request_id": "gdpr-5"},
    "identifier.linked": _LINK,
    "identifier.unlinked": _LINK,
    "outcome.recorded": {
        "decision_id": "d-1",
        "state": "declined",
        "reason": "too dear",
        "instead": "explain_bill",
    },
    "control.alert.acknowledged": {"alert_id": _ALERT["alert_id"], "by": "lan", "note": "calling him"},
    "control.alert.silenced": {
        "alert_id": _ALERT["alert_id"],
        "by": "lan",
        "reason": "knows already",
        "until": "2026-03-09T00:00:00Z",
    },
    "control.alert.resolved": {"alert_id": _ALERT["alert_id"], "by": "lan"},
    "control.budget.reserved": {**_BUDGET, "expires": "2026-03-02T09:00:00Z", "decision_id": "d-1"},
    "control.budget.spent": {**_BUDGET, "decision_id": "d-1"},
    "control.budget.returned": {**_BUDGET, "reason": "declined"},
    "control.price.set": {"price_minor_per_point": 3000, "by": "mai", "reason": "spring"},
    "control.policy.proposed": {
        "policy_hash": "ab12",
        "by": "mai",
        "document": "actions: []\n",
        "summary": "quieter",
    },
    "control.policy.used": {
        "policy_hash": "ab12",
        "files": {"actions.yaml": "version: 1\n", "decision.yaml": "version: 1\n"},
        "currency": "EUR",
    },
    "control.policy.approved": {"policy_hash": "ab12", "by": "lan", "effective": "2026-03-03T00:00:00Z"},
    "control.webhook.registered": {
        "webhook_id": "crm",
        "url": "https://crm.example/hook",
        "types": ["sms.allowance"],
        "secret_name": "crm",
        "by": "ops",
    },
    "control.brake.set": {"on": True, "by": "ops", "reason": "wrong wording"},
    "decision.made": {
        "decision_id": "d-1",
        "customer_id": "c-1",
        "as_of": "2026-03-02T07:59:59.5Z",
        "action": "explain_bill",
        "treatment": "plain",
        "channel": "call",
        "probability": 0.9,
        "ranked": [
            {
                "action": "explain_bill",
                "treatment": "plain",
                "channel": "call",
                "priority": 12.5,
                "factors": {"propensity": 0.5, "context": 1.0, "value": 25.0, "lever": 1.0},
                "probability": 0.9,
            }
        ],
        "dropped": [{"action": "upgrade", "rule": "suitability.open_fault", "observed": 1}],
        "policy_hash": "ab12",
        "versions": {"propensity": "prior"},
        "features": {"calls_7d": 2, "mood": -0.4, "plan": "Gia đình 200", "payer": True},
        "staleness_s": {"cem.calls": 0.4},
        "context": {"call_id": "call-1", "reason": "bill too high", "rep_id": "rep-4"},
    },
    "alert.opened": _ALERT,
    "alert.updated": {**_ALERT, "state": "acknowledged", "by": "lan", "updated_at": "2026-03-02T08:00:00Z"},
    "alert.resolved": {
        **_ALERT,
        "state": "resolved",
        "resolved_at": "2026-03-02T08:00:00Z",
        "reason": "bundle",
    },
    "outreach.requested": {
        "contact_id": "k-2",
        "channel": "sms",
        "text": "96 of 100 messages of your daughter's line are used.",
        "expires": "2026-03-03T07:59:00Z",
        "send_after": "2026-03-02T08:00:00Z",
        "to": "+84901234567",
        "language": "en",
        "alert_id": _ALERT["alert_id"],
        "action": "sms_bundle",
    },
}


def example_of(event_type: str) -> Event:
    """Return the example of an event type."""
    return msgspec.convert(EXAMPLES[event_type], EVENT_TYPES[event_type])
