"""The state as people read it."""

from __future__ import annotations

import json
import re

from cem.domain.customer import VERSION, Customer, decode_customer, encode_customer, new_customer
from cem.domain.describe import describe
from cem.domain.state.alerts import StoredAlert
from cem.domain.state.billing import Payment, bill_key
from cem.domain.state.contact_rows import pack_contacts
from cem.domain.state.contacts import OPEN, REPEATED, Contact, contact_key
from cem.domain.state.satisfaction import Answer
from cem.domain.state.service import MISSED_PROMISE, Order
from tests.builders.customers import DAY, T0
from tests.builders.typical_customer import eventful_customer

PACKED = re.compile(r'"[0-9a-f]{20,}"|\b1[0-9]{12}\b')


def stored(customer: Customer) -> Customer:
    return decode_customer(encode_customer(customer))


def test_a_full_state_has_no_packed_bytes_no_epochs_and_nothing_empty() -> None:
    """What is shown can be read, and is JSON."""
    text = json.dumps(describe(stored(eventful_customer())))
    assert PACKED.findall(text) == []
    assert not re.search(r': (""|null|\[\]|\{\})', text)
    assert '_ms"' not in text


def test_contacts_are_rows_with_names_and_dates() -> None:
    """Both the full ones and the brief ones before them."""
    customer = new_customer("C1")
    kept = [Contact(T0, 7, "call", "billing", "call-1", "rep-1", "unresolved", OPEN, duration_s=60)]
    pack_contacts(customer.contacts, kept, [Contact(T0 - DAY, 8, "app", "coverage", verdict=REPEATED)])
    assert describe(stored(customer))["contacts"] == {
        "recent": [
            {
                "at": "2025-03-03T00:00:00Z",
                "channel": "call",
                "reason": "billing",
                "id": "call-1",
                "rep_id": "rep-1",
                "resolution": "unresolved",
                "duration_s": 60,
                "verdict": "open",
            }
        ],
        "older": [
            {
                "at": "2025-03-02T00:00:00Z",
                "channel": "app",
                "reason": "coverage",
                "ended": True,
                "verdict": "repeated",
            }
        ],
    }


def test_decisions_have_their_state_and_its_time() -> None:
    """A time beside a field of its bare name keeps both."""
    made = describe(stored(eventful_customer()))["decisions"]["made"]
    assert {"at", "action", "channel", "state", "state_at"} <= made[0].keys()
    assert made[0]["state"] == "accepted"


def test_recipients_are_an_estimate_up_to_an_hour() -> None:
    """The sketch is shown as what it says."""
    line = describe(stored(eventful_customer()))["lines"]["+4915100000002"]
    assert line["velocity"]["recipients_24h"] == 70
    assert line["velocity"]["up_to"] == "2026-03-08T02:00:00Z"
    assert line["cycle"]["charged_minor"] == {"other": 630}
    assert line["records"]["sms"] == 130


def test_codes_and_references_have_their_names() -> None:
    """A payment names its bill and an answer its contact while they are known; verdicts are words."""
    customer = eventful_customer()
    bill_id = customer.billing.bills[-1].bill_id
    customer.billing.payments = [Payment(1, 1, bill_key(bill_id), 500), Payment(1, 0, 12345, 5)]
    contact_id = customer.contacts.ids[-1]
    customer.satisfaction.answers = [Answer(T0, contact_key(contact_id), csat=3), Answer(T0, 12345)]
    customer.service.orders = [Order("o-1", due_ms=T0, verdict=MISSED_PROMISE)]
    shown = describe(stored(customer))
    assert [(p["kind"], p.get("bill")) for p in shown["billing"]["payments"]] == [
        ("failed", bill_id),
        ("made", None),
    ]
    assert [a.get("about") for a in shown["satisfaction"]["answers"]] == [contact_id, None]
    assert shown["service"]["orders"] == [
        {"order_id": "o-1", "due": "2025-03-03T00:00:00Z", "verdict": "missed"}
    ]


def test_alerts_are_shown_by_name() -> None:
    """Type, state, tier and evidence instead of codes and offsets."""
    customer = new_customer("C1")
    alert = StoredAlert.new("repeat_call", "billing", "x", T0, tier="alert", severity="warning")
    alert.evidence = {"contacts": 3}
    customer.alerts.open.append(alert)
    (shown,) = describe(stored(customer))["alerts"]["open"]
    assert (shown["type"], shown["state"], shown["tier"], shown["opened"], shown["evidence"]) == (
        "repeat_call", "open", "alert", "2025-03-03T00:00:00Z", {"contacts": 3},
    )  # fmt: skip


def test_an_instant_that_no_calendar_reaches_stays_a_number() -> None:
    """Whatever a state holds can be shown."""
    customer = new_customer("C1")
    customer.last_ms = 10**17
    assert describe(stored(customer)) == {"version": VERSION, "customer_id": "C1", "last": 10**17}
