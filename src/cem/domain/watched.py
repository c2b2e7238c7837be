"""Folds of events after which a detector has to look: the fact first, then the detectors that rest on it."""

from __future__ import annotations

from collections.abc import Callable

from cem.domain.alert_changes import note_told
from cem.domain.alert_telling import is_about_alert, is_to_user, told_of
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.detectors import (
    bill_shock,
    promise,
    repeat_call,
    service_loss,
    silent_sufferer,
    sms_allowance,
)
from cem.domain.events.areas import AreaFelt
from cem.domain.events.envelope import Received
from cem.domain.events.interactions import ContactAnswered, ContactDelivered, ContactFailed
from cem.domain.events.service import ServiceDegraded, ServiceRestored
from cem.domain.facts import billing, outreach, promises
from cem.domain.facts.usage import refresh_allowances
from cem.domain.state.contacts import Contact

__all__ = [
    "Fold",
    "answered",
    "bill_issued",
    "delivered",
    "failed",
    "faulty",
    "in_contact",
    "payment_failed",
    "payment_made",
    "served",
    "service_due",
    "supplied",
]

Fold = Callable[[Customer, Received, FoldContext], None]


def bill_issued(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `bill.issued`."""
    billing.add_bill(customer, received, ctx)
    bill_shock.check_bill(customer, received.time_ms, ctx)


def payment_made(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `payment.made`."""
    billing.add_payment(customer, received, ctx)
    bill_shock.settle_bill(customer, received.time_ms, ctx)


def payment_failed(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `payment.failed`."""
    billing.add_failure(customer, received, ctx)
    silent_sufferer.check_silent(customer, ctx.lane_time_ms, ctx)


def in_contact(customer: Customer, contact: Contact, ctx: FoldContext) -> None:
    """Let the detectors of contacts look at one that was folded just now."""
    repeat_call.check_repeat(customer, contact, ctx)
    silent_sufferer.hear_contact(customer, contact, ctx.lane_time_ms, ctx)


def supplied(fact: Fold) -> Fold:
    """Return the fold of an event that can change what the lines' plans include."""

    def folded(customer: Customer, received: Received, ctx: FoldContext) -> None:
        fact(customer, received, ctx)
        refresh_allowances(customer, ctx)
        sms_allowance.check_plans(customer, received.time_ms, ctx)

    return folded


def served(fact: Fold) -> Fold:
    """Return the fold of an event that makes, moves or keeps a promise."""

    def folded(customer: Customer, received: Received, ctx: FoldContext) -> None:
        before = _failed(customer)
        fact(customer, received, ctx)
        look_at_service(customer, ctx.lane_time_ms, before, ctx)

    return folded


def faulty(fact: Fold) -> Fold:
    """Return the fold of a fault's beginning or end, of which the household's area hears too."""

    def folded(customer: Customer, received: Received, ctx: FoldContext) -> None:
        before = _failed(customer)
        fact(customer, received, ctx)
        look_at_service(customer, ctx.lane_time_ms, before, ctx)
        event = received.event
        assert isinstance(event, ServiceDegraded | ServiceRestored)
        area = event.area or customer.profile.area
        if area and area.isprintable() and area == area.strip() and not _is_late(received, ctx):
            felt = AreaFelt(
                area=area,
                customer_id=customer.customer_id,
                kind=event.kind,
                ended=isinstance(event, ServiceRestored),
            )
            ctx.emit(felt, kind="felt", key=felt.key(), at_ms=received.time_ms)

    return folded


def _is_late(received: Received, ctx: FoldContext) -> bool:
    """Return whether the record is imported history, of which no area needs to hear."""
    return ctx.lane_time_ms - received.time_ms > ctx.late_limit_ms


def service_due(customer: Customer, now_ms: int, ctx: FoldContext) -> None:
    """Judge promises as of now, and let the detectors of promises and faults look."""
    look_at_service(customer, now_ms, _failed(customer), ctx)


def look_at_service(customer: Customer, now_ms: int, before: tuple[int, int], ctx: FoldContext) -> None:
    """Judge promises and let the detectors of promises and faults look; sets when to look again.

    `before` is `_failed` before the event: whether he suffers in silence is asked only when more or less has failed.
    """
    promises.judge_promises(customer, now_ms)
    promise.check_promises(customer, now_ms, ctx)
    due_ms = service_loss.check_loss(customer, now_ms, ctx)
    if due_ms and (not customer.promises_due_ms or due_ms < customer.promises_due_ms):
        customer.promises_due_ms = due_ms
    if _failed(customer) != before:
        silent_sufferer.check_silent(customer, now_ms, ctx)


def _failed(customer: Customer) -> tuple[int, int]:
    """Return how many promises were missed and faults felt, ever."""
    service = customer.service
    return service.missed, service.faults_total


def delivered(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `contact.delivered`."""
    event = received.event
    assert isinstance(event, ContactDelivered)
    if not is_to_user(event.contact_id):
        alert = told_of(customer, event.contact_id) if is_about_alert(event.contact_id) else None
        outreach.deliver_message(customer, received, ctx, alert.action if alert is not None else "")
    if is_about_alert(event.contact_id):
        note_told(customer, event.contact_id, received.time_ms, ctx)


def failed(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `contact.failed`; what did not reach the user of a line says nothing of the payer."""
    event = received.event
    assert isinstance(event, ContactFailed)
    if not is_to_user(event.contact_id):
        outreach.fail_message(customer, received, ctx)


def answered(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `contact.answered`; what the user of a line answers says nothing of where the payer does."""
    event = received.event
    assert isinstance(event, ContactAnswered)
    if not is_to_user(event.contact_id):
        outreach.take_answer(customer, received, ctx)
