"""How often, why and at what effort he turned to the company. Windows as in `cem.domain.view`."""

from __future__ import annotations

from cem.domain.customer import Customer
from cem.domain.facts.talk import CALL_LIMIT_MS
from cem.domain.localtime import DAY_MS
from cem.domain.state.contact_rows import unpack_contacts
from cem.domain.state.contacts import Contact
from cem.domain.state.talk import OpenCall

__all__ = [
    "effort",
    "first_contact_resolution",
    "open_calls",
    "recent_contacts",
]


def recent_contacts(customer: Customer) -> list[Contact]:
    """Return the newest contacts in full (at most 20), oldest first."""
    return unpack_contacts(customer.contacts)[0]


def first_contact_resolution(customer: Customer) -> float | None:
    """Return the share of judged contacts that were resolved at first contact, or None if none was judged yet."""
    contacts = customer.contacts
    judged = contacts.resolved + contacts.repeated + contacts.left
    return contacts.resolved / judged if judged else None


def effort(customer: Customer, now_ms: int, days: int = 30) -> tuple[int, int, int, int]:
    """Return what his contacts of the last `days` cost him: seconds waited, seconds held, transfers, abandonments.

    Of the newest 20 contacts.
    """
    since_ms = now_ms - days * DAY_MS
    recent = [c for c in recent_contacts(customer) if since_ms < c.at_ms <= now_ms]
    return (
        sum(c.wait_s for c in recent),
        sum(c.hold_s for c in recent),
        sum(c.transfers for c in recent),
        sum(c.abandoned for c in recent),
    )


def open_calls(customer: Customer, now_ms: int) -> list[OpenCall]:
    """Return the calls that are going on, the newest last; one without an end for four hours is over."""
    return [
        call
        for call in customer.talk.calls
        if (call.started_ms or call.turns[-1].at_ms) > now_ms - CALL_LIMIT_MS
    ]
