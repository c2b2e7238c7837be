"""What an event can change about a customer, in groups of facts: only rules that rest on a touched group are asked.

A group is a bit. An event that is not listed touches nothing that a segment's rule can name.
"""

from __future__ import annotations

from typing import Final

from cem.domain.customer import Customer
from cem.domain.events import (
    BillIssued,
    CallEnded,
    CallStarted,
    CampaignContacted,
    CampaignResponded,
    ConsentChanged,
    ContactAnswered,
    ContactDelivered,
    ContactFailed,
    ContractCancelled,
    ContractRenewed,
    ControlAlertAcknowledged,
    ControlAlertResolved,
    ControlAlertSilenced,
    CustomerErased,
    CustomerMerged,
    CustomerSplit,
    DecisionMade,
    Event,
    InteractionRecorded,
    NoteWritten,
    OrderDelivered,
    OrderPlaced,
    OrderPromised,
    OutcomeRecorded,
    PaymentFailed,
    PaymentMade,
    PaymentOverdue,
    PlanChanged,
    ProfileChanged,
    PurchaseMade,
    RegistrationMade,
    ServiceDegraded,
    ServiceRestored,
    StateForwarded,
    StateMoved,
    SurveyAnswered,
    TaskClosed,
    TaskDue,
    TicketClosed,
    TicketOpened,
    TicketUpdated,
)
from cem.domain.events.enums import CallDirection
from cem.domain.state.contact_rows import is_started, row_of
from cem.domain.state.contacts import contact_key

__all__ = [
    "ALERTS",
    "ALL",
    "ANSWERS",
    "BILLS",
    "CONTACTS",
    "ENDED",
    "FAULTS",
    "LINES",
    "OUTCOMES",
    "PAID",
    "PROFILE",
    "PROMISES",
    "SAID",
    "SUPPLIES",
    "USAGE",
    "groups_of",
    "widened",
]

CONTACTS: Final = 1
USAGE: Final = 2
BILLS: Final = 4
SUPPLIES: Final = 8
PROFILE: Final = 16
FAULTS: Final = 32
PROMISES: Final = 64
ANSWERS: Final = 128
OUTCOMES: Final = 256
ALERTS: Final = 512
#: A line is heard of for the first time.
LINES: Final = 1024
#: What we said and suggested to him, and what became of it.
SAID: Final = 2048
#: Money came: bills are what they were, what is owed of them is not.
PAID: Final = 4096
#: What became of a contact is known, which is one of his contacts already.
ENDED: Final = 8192
ALL: Final = 16_383

_TOUCHES: Final[dict[type[Event], int]] = {
    StateForwarded: ALL,
    StateMoved: ALL,
    CallStarted: CONTACTS,
    InteractionRecorded: CONTACTS,
    BillIssued: BILLS,
    PaymentMade: PAID,
    PaymentFailed: BILLS,
    PaymentOverdue: BILLS,
    PurchaseMade: BILLS,
    # A plan's allowance is a line's, and so is a profile's; a zone says when days and cycles begin.
    PlanChanged: SUPPLIES | USAGE,
    ContractRenewed: SUPPLIES | USAGE,
    ContractCancelled: SUPPLIES,
    ProfileChanged: ALL,
    ConsentChanged: PROFILE,
    ServiceDegraded: FAULTS,
    ServiceRestored: FAULTS,
    OrderPlaced: PROMISES,
    OrderPromised: PROMISES,
    OrderDelivered: PROMISES,
    # A note may say when to come back to it.
    NoteWritten: PROMISES,
    TaskDue: PROMISES,
    TaskClosed: PROMISES,
    TicketOpened: PROMISES,
    TicketUpdated: PROMISES,
    TicketClosed: PROMISES,
    SurveyAnswered: ANSWERS,
    OutcomeRecorded: OUTCOMES,
    DecisionMade: SAID,
    CampaignContacted: SAID,
    CampaignResponded: SAID,
    ContactDelivered: SAID,
    ContactFailed: SAID,
    ContactAnswered: SAID,
    ControlAlertAcknowledged: ALERTS,
    ControlAlertResolved: ALERTS,
    ControlAlertSilenced: ALERTS,
    CustomerErased: ALL,
    CustomerMerged: ALL,
    CustomerSplit: ALL,
    RegistrationMade: ALL,
}


def groups_of(event: Event, customer: Customer) -> int:
    """Return the groups that the event, folded already, touches; messages: `SegmentRules.of_message`."""
    if type(event) is CallEnded:
        return _of_end(event, customer)
    groups = _TOUCHES.get(type(event), 0)
    name = getattr(event, "line", None)
    if name is not None:
        line = customer.lines.get(name)
        if line is None or sum(line.counts) == 1:
            groups |= LINES
    return groups


def _of_end(event: CallEnded, customer: Customer) -> int:
    """Return what a call's end touches: one of which the beginning is known was a contact already."""
    if event.direction is CallDirection.OUTBOUND:
        return CONTACTS
    contacts = customer.contacts
    row = row_of(contacts, contact_key(event.call_id), "call")
    return ENDED if row is not None and is_started(contacts, row) else CONTACTS


def widened(groups: int) -> int:
    """Return the groups with those that only time can have changed besides: all of bills, all of contacts."""
    if groups & PAID:
        groups |= BILLS
    return groups | CONTACTS if groups & ENDED else groups
