"""When, how and why the customer turned to the company, and whether it had to be twice.

Unit: contacts: calls and interactions that he began; a call's beginning and end are one contact. Windows: the newest
20 in full, those of the 31 days before the newest in brief (at most 200), totals for ever. A contact is judged when
its window of 7 days closes: REPEATED if another one about the same reason (unknown is a reason like any other) came
within it, else LEFT if it was abandoned or recorded as unsolved, else RESOLVED at first contact.

Equals: the same rule over all contacts sorted by time. Order-free while a contact is kept: a repeat that arrives late
takes a verdict back. Tick: when the oldest open window closes (`Customer.contacts_due_ms`); counts in windows need
none, readers evaluate them at their own instant.
"""

from __future__ import annotations

from typing import NamedTuple

from cem.domain.customer import Customer
from cem.domain.events.calls import CallEnded, CallStarted
from cem.domain.events.interactions import InteractionRecorded
from cem.domain.facts.journey import efforts_of, move_on, note_contact, note_repeat
from cem.domain.localtime import DAY_MS
from cem.domain.state.contact_rows import (
    ROW_BYTES,
    SECONDS_MOST,
    TRANSFERS_MOST,
    first_after,
    pack_contacts,
    row_of,
    time_of,
    unpack_contacts,
    unpack_rows,
)
from cem.domain.state.contacts import (
    KEPT,
    LEFT,
    OLDER_KEPT,
    OPEN,
    REPEATED,
    RESOLVED,
    Contact,
    Contacts,
    contact_key,
    unresolved,
)
from cem.domain.state.contacts_at_hand import pack_tail

__all__ = [
    "FCR_WINDOW_MS",
    "HORIZON_MS",
    "add_interaction",
    "all_contacts",
    "begin_call",
    "end_call",
    "forget_contact",
    "judge_contacts",
    "keep_contacts",
]

#: A contact about the same reason within so long is a repeat.
FCR_WINDOW_MS = 7 * DAY_MS
#: Contacts older than this, seen from the newest one, are only kept while they are among the newest `KEPT`.
HORIZON_MS = 31 * DAY_MS


def begin_call(customer: Customer, event: CallStarted, at_ms: int, now_ms: int) -> Contact:
    """Fold an inbound `call.started`: its time is the contact's; reason and rep stand unless the end said others."""
    return _merge(customer, Contact(at_ms, contact_key(event.call_id), "call"), event, now_ms)


def end_call(customer: Customer, event: CallEnded, at_ms: int, now_ms: int) -> Contact:
    """Fold an inbound `call.ended`: without a known beginning, the contact's time is reckoned back from the end."""
    lasted_s = (event.duration_s or 0) + (event.wait_s or 0)
    contact = Contact(at_ms - round(lasted_s * 1000), contact_key(event.call_id), "call", started=False)
    return _merge(customer, contact, event, now_ms)


def add_interaction(customer: Customer, event: InteractionRecorded, at_ms: int, now_ms: int) -> Contact:
    """Fold an inbound `interaction.recorded`."""
    contact = Contact(at_ms, contact_key(event.interaction_id), str(event.channel), ended=True)
    return _merge(customer, contact, event, now_ms)


def forget_contact(customer: Customer, contact_id: str, now_ms: int) -> None:
    """Take a contact back that turns out not to have been one (the end of a call that we began was seen first)."""
    move_on(customer, now_ms)
    contacts = all_contacts(customer)
    key = contact_key(contact_id)
    for contact in contacts:
        if contact.key == key and not contact.started:
            contacts.remove(contact)
            customer.contacts.total -= 1
            _recount(customer.contacts, contact.verdict, -1)
            note_contact(customer, contact.at_ms, efforts_of(contact), -1)
            keep_contacts(customer, contacts, now_ms)
            return


def judge_contacts(customer: Customer, now_ms: int) -> None:
    """Judge every contact whose window has closed by now; sets when the next one closes."""
    part = _part_of(customer, now_ms)
    if part is None:
        keep_contacts(customer, all_contacts(customer), now_ms)
    else:
        _keep_part(customer, part, unpack_rows(customer.contacts, part.settled, part.rows), now_ms)


class _Part(NamedTuple):
    """The contacts that a record can change, or judge anew: the newest ones."""

    #: The rows before this one stay as they are; how many there are.
    settled: int
    rows: int
    #: All contacts after this instant (ms) are in the part, and no others.
    since_ms: int


def _part_of(customer: Customer, now_ms: int, new: Contact | None = None) -> _Part | None:
    """Return what has to be looked at when `new` comes in or completes a contact; None: all of them.

    A verdict rests on the clock only within the window, and on another contact only within the window before that one.
    So what came a whole window before now, before the contact that changes and before all that are still to be judged
    stays as it is.
    """
    section = customer.contacts
    if section.older:
        return None
    rows = len(section.rows) // ROW_BYTES
    since_ms = now_ms
    if new is not None:
        found = row_of(section, new.key, new.channel)
        since_ms = min(since_ms, new.at_ms)
        if found is not None:
            since_ms = min(since_ms, time_of(section, found))
        elif rows == KEPT:
            newest_ms = max(new.at_ms, time_of(section, rows - 1))
            if time_of(section, 0) > newest_ms - HORIZON_MS:
                return None
    since_ms -= FCR_WINDOW_MS
    if customer.contacts_due_ms:
        since_ms = min(since_ms, customer.contacts_due_ms - FCR_WINDOW_MS - 1)
    settled = first_after(section.rows, since_ms, rows)
    return _Part(settled, rows, since_ms) if settled else None


def _keep_part(customer: Customer, part: _Part, contacts: list[Contact], now_ms: int) -> None:
    """Do for a part what `keep_contacts` does for all."""
    contacts.sort(key=_order)
    customer.contacts_due_ms = _judge(customer, contacts, now_ms)
    first = max(0, part.settled + len(contacts) - KEPT)
    pack_tail(customer.contacts, first, part.settled, contacts, part.since_ms)


def all_contacts(customer: Customer) -> list[Contact]:
    """Return every contact that is kept, in full or in brief, oldest first."""
    kept, older = unpack_contacts(customer.contacts)
    return [*older, *kept]


def _merge(
    customer: Customer, new: Contact, event: CallStarted | CallEnded | InteractionRecorded, now_ms: int
) -> Contact:
    """Add the contact, or complete the one with its key; return it as it is now."""
    move_on(customer, now_ms)
    part = _part_of(customer, now_ms, new)
    contacts = (
        all_contacts(customer) if part is None else unpack_rows(customer.contacts, part.settled, part.rows)
    )
    contact = next((c for c in contacts if c.key == new.key and c.channel == new.channel), None)
    if contact is None:
        contact = new
        customer.contacts.total += 1
        contacts.append(contact)
    else:
        note_contact(customer, contact.at_ms, efforts_of(contact), -1)
        if new.started and not contact.started:
            contact.at_ms = new.at_ms
            contact.started = True
    if isinstance(event, CallStarted):
        contact.id = event.call_id
        contact.reason = contact.reason or event.reason or ""
        contact.rep_id = contact.rep_id or event.rep_id or ""
    elif isinstance(event, CallEnded):
        contact.id = event.call_id
        contact.reason = event.reason or contact.reason
        contact.rep_id = event.rep_id or contact.rep_id
        contact.ended = True
        contact.abandoned = event.abandoned
        contact.resolution = str(event.resolution) if event.resolution else ""
        contact.duration_s = min(round(event.duration_s or 0), SECONDS_MOST)
        contact.wait_s = min(round(event.wait_s or 0), SECONDS_MOST)
        contact.hold_s = min(round(event.hold_s or 0), SECONDS_MOST)
        contact.transfers = min(event.transfers, TRANSFERS_MOST)
    else:
        contact.id = event.interaction_id
        contact.reason = event.reason or ""
        contact.rep_id = event.rep_id or ""
        contact.resolution = str(event.resolution) if event.resolution else ""
    note_contact(customer, contact.at_ms, efforts_of(contact), 1)
    if part is None:
        keep_contacts(customer, contacts, now_ms)
    else:
        _keep_part(customer, part, contacts, now_ms)
    return contact


def keep_contacts(customer: Customer, contacts: list[Contact], now_ms: int) -> None:
    """Judge all contacts, cut them to what is kept, pack them, and set when to judge next."""
    section = customer.contacts
    contacts.sort(key=_order)
    customer.contacts_due_ms = _judge(customer, contacts, now_ms)
    older, kept = contacts[:-KEPT], contacts[-KEPT:]
    if older:
        horizon_ms = kept[-1].at_ms - HORIZON_MS
        older = [c for c in older if c.at_ms > horizon_ms]
        section.dropped += max(0, len(older) - OLDER_KEPT)
        older = older[-OLDER_KEPT:]
        still_open = (c.at_ms + FCR_WINDOW_MS for c in (*older, *kept) if c.verdict == OPEN)
        customer.contacts_due_ms = next(still_open, 0)
    pack_contacts(section, kept, older)


def _judge(customer: Customer, contacts: list[Contact], now_ms: int) -> int:
    """Judge contacts, oldest first; return when the first window of theirs closes (0 = none is open)."""
    section = customer.contacts
    due_ms = 0
    next_same: dict[str, int] = {}
    for contact in reversed(contacts):
        verdict = _verdict(contact, next_same.get(contact.reason), now_ms)
        if verdict != contact.verdict:
            _recount(section, contact.verdict, -1)
            _recount(section, verdict, 1)
            note_repeat(customer, contact.at_ms, (verdict == REPEATED) - (contact.verdict == REPEATED))
            contact.verdict = verdict
        if verdict == OPEN:
            due_ms = contact.at_ms + FCR_WINDOW_MS
        next_same[contact.reason] = contact.at_ms
    return due_ms


def _verdict(contact: Contact, next_same_ms: int | None, now_ms: int) -> int:
    if next_same_ms is not None and next_same_ms < contact.at_ms + FCR_WINDOW_MS:
        return REPEATED
    if now_ms < contact.at_ms + FCR_WINDOW_MS:
        return OPEN
    return LEFT if unresolved(contact) else RESOLVED


def _recount(contacts: Contacts, verdict: int, by: int) -> None:
    if verdict == RESOLVED:
        contacts.resolved += by
    elif verdict == REPEATED:
        contacts.repeated += by
    elif verdict == LEFT:
        contacts.left += by


def _order(contact: Contact) -> tuple[int, int]:
    return contact.at_ms, contact.key
