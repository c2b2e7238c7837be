"""Faults felt, tickets, and what was promised: orders and tasks."""

from __future__ import annotations

import msgspec

__all__ = ["Fault", "Order", "Service", "Task", "Ticket"]


class Fault(msgspec.Struct, array_like=True, gc=False):
    """A fault or degradation of one service, of one line or of the area (line "")."""

    kind: str
    line: str
    #: 0 = only its end was seen.
    began_ms: int = 0
    #: 0 = not restored yet.
    ended_ms: int = 0


class Ticket(msgspec.Struct, array_like=True, gc=False):
    """A ticket; 0 in a time = not seen."""

    ticket_id: str
    category: str = ""
    severity: str = ""
    opened_ms: int = 0
    closed_ms: int = 0
    resolution: str = ""
    #: Time of the newest event that said category and severity.
    said_ms: int = 0


class Order(msgspec.Struct, array_like=True, gc=False):
    """An order and the instant until which delivery was promised (0 = no promise)."""

    order_id: str
    product: str = ""
    placed_ms: int = 0
    promised_ms: int = 0
    delivered_ms: int = 0
    #: Time of the newest event that said what is promised.
    said_ms: int = 0
    #: True once the promise has been counted as missed.
    missed: bool = False


class Task(msgspec.Struct, array_like=True, gc=False):
    """Something that somebody has taken on to do by `due_ms`."""

    task_id: str
    due_ms: int = 0
    by: str = ""
    text: str = ""
    closed_ms: int = 0
    missed: bool = False


class Service(msgspec.Struct, array_like=True, gc=False):
    """The last of each, oldest first, and totals over all time."""

    faults: list[Fault] = []
    tickets: list[Ticket] = []
    orders: list[Order] = []
    tasks: list[Task] = []
    faults_total: int = 0
    tickets_total: int = 0
    #: Promised orders and tasks that were kept in time, and not.
    kept: int = 0
    missed: int = 0
