"""How often, why and at what effort he turned to the company. Windows as in `cem.domain.view`."""

from __future__ import annotations

from cem.domain.customer import Customer
from cem.domain.facts.contacts import all_contacts
from cem.domain.facts.talk import CALL_LIMIT_MS
from cem.domain.localtime import DAY_MS
from cem.domain.state.contacts import Contact, unpack_contacts
from cem.domain.state.talk import OpenCall

__all__ = [
    "contacts_in",
    "effort",
    "first_contact_resolution",
    "last_contact",
    "open_calls",
    "recent_contacts",
    "repeats_in",
]


def recent_contacts(customer: Customer) -> list[Contact]:
    """Return the newest contacts in full (at most 20), oldest first."""
    return unpack_contacts(customer.contacts)[0]


def last_contact(customer: Customer, now_ms: int) -> Contact | None:
    """Return the newest contact up to now."""
    return next((c for c in reversed(recent_contacts(customer)) if c.at_ms <= now_ms), None)


def contacts_in(
    customer: Customer, now_ms: int, days: int, *, reason: str | None = None, channel: str | None = None
) -> int:
    """Return how many contacts he began in the last `days` (up to 30), of one reason or channel if given."""
    since_ms = now_ms - days * DAY_MS
    return sum(
        1
        for c in all_contacts(customer)
        if since_ms < c.at_ms <= now_ms
        and (reason is None or c.reason == reason)
        and (channel is None or c.channel == channel)
    )


def repeats_in(customer: Customer, now_ms: int, days: int = 7, *, reason: str = "") -> int:
    """Return how many contacts of the last `days` followed another one about the same reason in that time.

    Of one reason if given, else of all known reasons.
    """
    since_ms = now_ms - days * DAY_MS
    seen: dict[str, int] = {}
    for c in all_contacts(customer):
        if since_ms < c.at_ms <= now_ms and c.reason and (not reason or c.reason == reason):
            seen[c.reason] = seen.get(c.reason, 0) + 1
    return sum(n - 1 for n in seen.values())


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
