"""What was promised by when: deliveries, tasks, repairs; kept or missed.

Unit: promises. Window: of orders, tickets and tasks each the last three, and all that are not settled or were touched
in the last 31 days (at most 40), seen from the newest; totals for ever. A promise is judged against the day or instant said last: KEPT_PROMISE if the thing was done before it, else
MISSED_PROMISE as soon as the instant has passed. A day ends at the next local midnight. Equals: the same rule over all
events. Order-free: what arrives late takes a verdict back. Tick: when the next promise falls due
(`Customer.promises_due_ms`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, tzinfo
from typing import TypeVar

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.calls import NoteWritten, TaskClosed, TaskDue
from cem.domain.events.envelope import Received
from cem.domain.events.interactions import OrderDelivered, OrderPlaced, OrderPromised
from cem.domain.events.service import TicketClosed, TicketOpened, TicketUpdated
from cem.domain.facts.journey import note_dropped, note_promise
from cem.domain.localtime import DAY_MS, day_of, midnight_ms, zone
from cem.domain.state.service import KEPT_PROMISE, MISSED_PROMISE, Note, Order, Service, Task, Ticket

__all__ = [
    "IN_WINDOW_KEPT",
    "NOTES_KEPT",
    "PROMISES_KEPT",
    "close_task",
    "close_ticket",
    "deliver_order",
    "judge_promises",
    "open_ticket",
    "place_order",
    "promise_order",
    "take_task",
    "update_ticket",
    "write_note",
]

PROMISES_KEPT = 3
IN_WINDOW_KEPT = 40
NOTES_KEPT = 2
_TEXT_KEPT = 100
_HORIZON_MS = 31 * DAY_MS

Promise = TypeVar("Promise", Order, Ticket, Task)


def place_order(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `order.placed`."""
    event = received.event
    assert isinstance(event, OrderPlaced)
    order = _order(customer.service, event.order_id)
    order.placed_ms = received.time_ms
    _describe(order, event.product, event.amount_minor)
    _promise(customer, order, event.promised, received.time_ms, _tz(customer, ctx))
    judge_promises(customer, ctx.lane_time_ms)


def promise_order(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `order.promised`: the day said last counts."""
    event = received.event
    assert isinstance(event, OrderPromised)
    order = _order(customer.service, event.order_id)
    _describe(order, event.product, event.amount_minor)
    _promise(customer, order, event.promised, received.time_ms, _tz(customer, ctx))
    judge_promises(customer, ctx.lane_time_ms)


def deliver_order(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `order.delivered`; a stated day counts from its local beginning."""
    event = received.event
    assert isinstance(event, OrderDelivered)
    tz = _tz(customer, ctx)
    order = _order(customer.service, event.order_id)
    order.delivered_ms = (
        received.time_ms if event.delivered is None else midnight_ms(day_of(event.delivered), tz)
    )
    _describe(order, event.product, event.amount_minor)
    if order.due_ms == 0:
        _promise(customer, order, event.promised, 0, tz)
    judge_promises(customer, ctx.lane_time_ms)


def take_task(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `task.due`: what was said last of a task counts."""
    event = received.event
    assert isinstance(event, TaskDue)
    due_ms = round(event.due.timestamp() * 1000)
    _say_task(customer, event.task_id, due_ms, event.by, event.text, received.time_ms)
    judge_promises(customer, ctx.lane_time_ms)


def close_task(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `task.closed`; one given up is closed, but its promise is missed when it falls due."""
    event = received.event
    assert isinstance(event, TaskClosed)
    task = _task(customer.service, event.task_id)
    if event.due is not None and task.due_ms == 0:
        _put_off(customer, task, round(event.due.timestamp() * 1000))
    task.closed_ms = received.time_ms
    task.given_up = not event.done
    judge_promises(customer, ctx.lane_time_ms)


def write_note(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `note.written`: its text for the next conversation, and its date as a task."""
    event = received.event
    assert isinstance(event, NoteWritten)
    notes = customer.service.notes
    notes.append(Note(received.time_ms, event.by or "", event.text[:_TEXT_KEPT], event.about or ""))
    notes.sort(key=_written)
    note_dropped(customer, "note", max(0, len(notes) - NOTES_KEPT))
    del notes[:-NOTES_KEPT]
    if event.due is not None:
        due_ms = round(event.due.timestamp() * 1000)
        _say_task(customer, f"note:{received.id}"[:128], due_ms, event.by, event.text, received.time_ms)
        judge_promises(customer, ctx.lane_time_ms)


def open_ticket(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `ticket.opened`."""
    event = received.event
    assert isinstance(event, TicketOpened)
    ticket = _ticket(customer.service, event.ticket_id)
    ticket.opened_ms = received.time_ms
    ticket.line = event.line or ""
    due_ms = round(event.due.timestamp() * 1000) if event.due else 0
    _say_ticket(customer, ticket, received.time_ms, event.category, str(event.severity), None, due_ms)
    judge_promises(customer, ctx.lane_time_ms)


def update_ticket(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `ticket.updated`: what is absent stays as it was."""
    event = received.event
    assert isinstance(event, TicketUpdated)
    severity = str(event.severity) if event.severity else None
    resolution = str(event.resolution) if event.resolution else None
    due_ms = round(event.due.timestamp() * 1000) if event.due else 0
    ticket = _ticket(customer.service, event.ticket_id)
    _say_ticket(customer, ticket, received.time_ms, event.category, severity, resolution, due_ms)
    judge_promises(customer, ctx.lane_time_ms)


def close_ticket(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `ticket.closed`."""
    event = received.event
    assert isinstance(event, TicketClosed)
    ticket = _ticket(customer.service, event.ticket_id)
    ticket.closed_ms = received.time_ms
    severity = str(event.severity) if event.severity else None
    _say_ticket(customer, ticket, received.time_ms, event.category, severity, str(event.resolution), 0)
    judge_promises(customer, ctx.lane_time_ms)


def judge_promises(customer: Customer, now_ms: int) -> None:
    """Judge every promise as of now, cut the lists to what is kept, set when the next one falls due."""
    service = customer.service
    due_ms = 0
    promises: list[tuple[Order | Ticket | Task, int]] = [
        *((order, order.delivered_ms) for order in service.orders),
        *((ticket, ticket.closed_ms) for ticket in service.tickets),
        *((task, 0 if task.given_up else task.closed_ms) for task in service.tasks),
    ]
    for promise, done_ms in promises:
        verdict = 0
        if promise.due_ms:
            if done_ms and done_ms < promise.due_ms:
                verdict = KEPT_PROMISE
            elif done_ms or now_ms >= promise.due_ms:
                verdict = MISSED_PROMISE
            elif due_ms == 0 or promise.due_ms < due_ms:
                due_ms = promise.due_ms
        if verdict != promise.verdict:
            _recount(customer, promise, -1)
            promise.verdict = verdict
            _recount(customer, promise, 1)
    customer.promises_due_ms = due_ms
    note_dropped(customer, "order", _cut(service.orders, _order_ms, lambda order: order.delivered_ms))
    _cut(service.tickets, _ticket_ms, lambda ticket: ticket.closed_ms)
    note_dropped(customer, "task", _cut(service.tasks, _task_ms, lambda task: task.closed_ms))


def _recount(customer: Customer, promise: Order | Ticket | Task, by: int) -> None:
    """Count (`by` 1) or take back (-1) the promise's verdict."""
    service = customer.service
    service.kept += by * (promise.verdict == KEPT_PROMISE)
    service.missed += by * (promise.verdict == MISSED_PROMISE)
    note_promise(customer, promise.due_ms, promise.verdict, by)


def _put_off(customer: Customer, promise: Order | Ticket | Task, due_ms: int) -> None:
    """Let the promise be due at another instant; its verdict, which was about the old one, is taken back."""
    _recount(customer, promise, -1)
    promise.verdict = 0
    promise.due_ms = due_ms


def _promise(customer: Customer, order: Order, promised: date | None, said_ms: int, tz: tzinfo) -> None:
    """Take over the day promised, unless a later event has said another one."""
    if promised is not None and said_ms >= order.said_ms:
        _put_off(customer, order, midnight_ms(day_of(promised) + 1, tz))
        order.said_ms = said_ms


def _describe(order: Order, product: str | None, amount_minor: int) -> None:
    order.product = order.product or product or ""
    order.amount_minor = order.amount_minor or amount_minor


def _say_task(
    customer: Customer, task_id: str, due_ms: int, by: str | None, text: str | None, said_ms: int
) -> None:
    task = _task(customer.service, task_id)
    if said_ms >= task.said_ms:
        _put_off(customer, task, due_ms)
        task.said_ms = said_ms
        task.by = by or ""
        task.text = (text or "")[:_TEXT_KEPT]


def _say_ticket(
    customer: Customer,
    ticket: Ticket,
    at_ms: int,
    category: str | None,
    severity: str | None,
    resolution: str | None,
    due_ms: int,
) -> None:
    """Take over what is said of a ticket; what comes late only fills what nobody has said yet."""
    newest = at_ms >= ticket.said_ms
    if category and (newest or not ticket.category):
        ticket.category = category
    if severity and (newest or not ticket.severity):
        ticket.severity = severity
    if resolution and (newest or not ticket.resolution):
        ticket.resolution = resolution
    if due_ms and (newest or not ticket.due_ms):
        _put_off(customer, ticket, due_ms)
    ticket.said_ms = max(ticket.said_ms, at_ms)


def _order(service: Service, order_id: str) -> Order:
    for order in service.orders:
        if order.order_id == order_id:
            return order
    order = Order(order_id)
    service.orders.append(order)
    return order


def _ticket(service: Service, ticket_id: str) -> Ticket:
    for ticket in service.tickets:
        if ticket.ticket_id == ticket_id:
            return ticket
    ticket = Ticket(ticket_id)
    service.tickets.append(ticket)
    service.tickets_total += 1
    return ticket


def _task(service: Service, task_id: str) -> Task:
    for task in service.tasks:
        if task.task_id == task_id:
            return task
    task = Task(task_id)
    service.tasks.append(task)
    return task


def _cut(
    promises: list[Promise], at_ms: Callable[[Promise], tuple[int, str]], settled_ms: Callable[[Promise], int]
) -> int:
    """Order by the newest event of each, and drop those settled long ago and what is too much; return how many."""
    promises.sort(key=at_ms)
    surplus = len(promises) - PROMISES_KEPT
    if surplus <= 0:
        return 0
    horizon_ms = at_ms(promises[-1])[0] - _HORIZON_MS
    is_old = [settled_ms(promise) > 0 and at_ms(promise)[0] <= horizon_ms for promise in promises]
    too_many = min(surplus, sum(is_old))
    kept = []
    for promise, old in zip(promises, is_old, strict=True):
        if old and too_many:
            too_many -= 1
        else:
            kept.append(promise)
    dropped = len(promises) - min(len(kept), IN_WINDOW_KEPT)
    promises[:] = kept[-IN_WINDOW_KEPT:]
    return dropped


def _order_ms(order: Order) -> tuple[int, str]:
    return max(order.placed_ms, order.said_ms, order.delivered_ms), order.order_id


def _ticket_ms(ticket: Ticket) -> tuple[int, str]:
    return max(ticket.opened_ms, ticket.said_ms, ticket.closed_ms), ticket.ticket_id


def _task_ms(task: Task) -> tuple[int, str]:
    return max(task.said_ms, task.closed_ms), task.task_id


def _written(note: Note) -> int:
    return note.at_ms


def _tz(customer: Customer, ctx: FoldContext) -> tzinfo:
    return zone(customer.profile.timezone, ctx.timezone)
