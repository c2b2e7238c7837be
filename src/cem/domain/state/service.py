"""Faults felt, tickets, and what was promised: orders, tasks, repairs."""

from __future__ import annotations

import msgspec

__all__ = ["KEPT_PROMISE", "MISSED_PROMISE", "Fault", "Note", "Order", "Service", "Task", "Ticket"]

#: Verdicts on a promise; 0 = still open, or nothing was promised.
KEPT_PROMISE = 1
MISSED_PROMISE = 2


class Fault(msgspec.Struct, array_like=True, gc=False):
    """A fault or degradation of one service, of a line or of the area (line "")."""

    kind: str
    line: str = ""
    #: 0 = only its end was seen.
    began_ms: int = 0
    #: 0 = not restored yet.
    ended_ms: int = 0
    incident_id: str = ""


class Ticket(msgspec.Struct, array_like=True, gc=False):
    """A ticket; 0 in a time = not seen."""

    ticket_id: str
    opened_ms: int = 0
    closed_ms: int = 0
    category: str = ""
    severity: str = ""
    resolution: str = ""
    line: str = ""
    #: Time of the newest event that said something of it.
    said_ms: int = 0
    #: Instant until which the repair was promised.
    due_ms: int = 0
    verdict: int = 0


class Order(msgspec.Struct, array_like=True, gc=False):
    """An order and the instant until which delivery was promised (0 = no promise)."""

    order_id: str
    product: str = ""
    placed_ms: int = 0
    due_ms: int = 0
    delivered_ms: int = 0
    #: Time of the newest event that promised a day.
    said_ms: int = 0
    verdict: int = 0
    amount_minor: int = 0


class Task(msgspec.Struct, array_like=True, gc=False):
    """Something that somebody has taken on to do by `due_ms`."""

    task_id: str
    due_ms: int = 0
    by: str = ""
    text: str = ""
    closed_ms: int = 0
    #: Time of the newest event that said when it is due.
    said_ms: int = 0
    verdict: int = 0
    given_up: bool = False


class Note(msgspec.Struct, array_like=True, gc=False):
    """What a representative wrote, shortened."""

    at_ms: int
    by: str
    text: str
    about: str = ""


class Service(msgspec.Struct, array_like=True, gc=False):
    """The last of each, oldest first, and totals over all time."""

    faults: list[Fault] = []
    tickets: list[Ticket] = []
    orders: list[Order] = []
    tasks: list[Task] = []
    notes: list[Note] = []
    faults_total: int = 0
    tickets_total: int = 0
    #: Promises (deliveries, tasks, repairs) kept in time and missed.
    kept: int = 0
    missed: int = 0
