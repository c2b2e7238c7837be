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

__all__ = [
    "ALERTS",
    "ALL",
    "ANSWERS",
    "BILLS",
    "CONTACTS",
    "FAULTS",
    "LINES",
    "OUTCOMES",
    "PROFILE",
    "PROMISES",
    "SAID",
    "SUPPLIES",
    "USAGE",
    "groups_of",
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
ALL: Final = 4095

_TOUCHES: Final[dict[type[Event], int]] = {
    StateForwarded: ALL,
    StateMoved: ALL,
    CallStarted: CONTACTS,
    CallEnded: CONTACTS,
    InteractionRecorded: CONTACTS,
    BillIssued: BILLS,
    PaymentMade: BILLS,
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
    groups = _TOUCHES.get(type(event), 0)
    name = getattr(event, "line", None)
    if name is not None:
        line = customer.lines.get(name)
        if line is None or sum(line.counts) == 1:
            groups |= LINES
    return groups
