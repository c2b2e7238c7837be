"""What happened to a customer, over all channels, newest first: read from what his state holds now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from cem.domain.alerting import alert_id
from cem.domain.customer import Customer
from cem.domain.localtime import DAY_MS
from cem.domain.state.billing import Part, earlier_totals
from cem.domain.state.contact_rows import unpack_contacts
from cem.domain.state.journey import DROPPED
from cem.domain.view import Change, bill_change

__all__ = ["Entry", "Timeline", "dropped_of", "said", "timeline_of"]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened."""

    at: datetime
    #: contact, bill, payment, purchase, plan, contract, consent, answer, fault, ticket, order, task, note, touch,
    #: decision or alert.
    kind: str
    summary: str
    #: What is known of it; what is unknown is left out.
    details: dict[str, Any]


class Timeline(msgspec.Struct, frozen=True):
    """A page of what happened to a customer."""

    customer_id: str
    #: Newest first. What happened in one millisecond is on one page.
    entries: list[Entry]
    #: Send it as before_ms for the following page; null at the end.
    next_before_ms: int | None
    #: How many things, by kind, happened before that the state no longer holds; kinds of which none is are left out.
    dropped: dict[str, int]


_Row = tuple[int, str, str, dict[str, Any]]


def timeline_of(customer: Customer, *, before_ms: int | None = None, limit: int = 50) -> Timeline:
    """Return the page of at most `limit` entries from before `before_ms`, newest first (ties by kind and summary).

    A page ends between two milliseconds; it is longer than `limit` only where more than that fell into one.
    """
    rows = [row for row in _rows(customer) if row[0] > 0 and (before_ms is None or row[0] < before_ms)]
    rows.sort(key=lambda row: (-row[0], row[1], row[2]))
    page = rows[:limit]
    if len(rows) > limit and rows[limit][0] == page[-1][0]:
        at_ms = page[-1][0]
        page = [row for row in page if row[0] > at_ms] or [row for row in rows if row[0] == at_ms]
    return Timeline(
        customer.customer_id,
        [
            Entry(datetime.fromtimestamp(at_ms / 1000, UTC), kind, summary, _known(details))
            for at_ms, kind, summary, details in page
        ],
        page[-1][0] if len(page) < len(rows) else None,
        dropped_of(customer),
    )


def dropped_of(customer: Customer) -> dict[str, int]:
    """Return how many things, by kind, the state has counted and no longer holds."""
    contacts, billing, service = customer.contacts, customer.billing, customer.service
    kept, older = unpack_contacts(contacts)
    made = [decision for decision in customer.decisions.made if decision.made]
    counted = {
        "contact": contacts.total - len(kept) - len(older),
        "payment": billing.made + billing.failed + billing.overdue - len(billing.payments),
        "purchase": billing.bought - len(billing.purchases),
        "answer": customer.satisfaction.total - len(customer.satisfaction.answers),
        "fault": service.faults_total - len(service.faults),
        "ticket": service.tickets_total - len(service.tickets),
        "touch": customer.outreach.total - len(customer.outreach.touches),
        "decision": customer.decisions.total - len(made),
        **dict(zip(DROPPED, customer.journey.dropped, strict=False)),
    }
    return {kind: count for kind, count in sorted(counted.items()) if count > 0}


def _rows(customer: Customer) -> Iterator[_Row]:
    yield from _contacts(customer)
    yield from _billing(customer)
    yield from _agreements(customer)
    yield from _service(customer)
    yield from _exchanges(customer)


def _contacts(customer: Customer) -> Iterator[_Row]:
    kept, older = unpack_contacts(customer.contacts)
    for c in (*older, *kept):
        about = f" about {c.reason}" if c.reason else ""
        ended = " (abandoned)" if c.abandoned else f" ({c.resolution})" if c.resolution else ""
        details: dict[str, Any] = {
            "id": c.id,
            "channel": c.channel,
            "reason": c.reason,
            "rep_id": c.rep_id,
            "resolution": c.resolution,
            "wait_s": c.wait_s,
            "duration_s": c.duration_s,
            "transfers": c.transfers,
        }
        yield c.at_ms, "contact", f"{c.channel or 'contact'}{about}{ended}", details


def _billing(customer: Customer) -> Iterator[_Row]:
    billing = customer.billing
    for bill in billing.bills:
        change = bill_change(customer, bill.bill_id)
        details: dict[str, Any] = {
            "bill_id": bill.bill_id,
            "total_minor": bill.total_minor,
            "parts": [said(part) for part in bill.parts],
            "delta_minor": change.delta_minor if change else None,
            "changes": [said(each) for each in change.changes] if change else [],
        }
        yield bill.issued_ms, "bill", f"bill {bill.bill_id}", details
    for day, total_minor in earlier_totals(billing.earlier):
        yield day * DAY_MS, "bill", "earlier bill", {"total_minor": total_minor}
    for payment in billing.payments:
        details = {"amount_minor": payment.amount_minor, "days_overdue": payment.days_overdue}
        yield payment.at_ms, "payment", f"payment {payment.kind}", details
    for bought in billing.purchases:
        details = {"amount_minor": bought.amount_minor, "line": bought.line}
        yield bought.at_ms, "purchase", f"bought {bought.product}", details


def _agreements(customer: Customer) -> Iterator[_Row]:
    """Yield plans, renewals, cancellations and consents; a plan for later stands at its beginning."""
    profile = customer.profile
    for supply in profile.supplies:
        for plan in supply.plans:
            details: dict[str, Any] = {
                "line": supply.line,
                "price_minor": plan.price_minor if plan.price_minor >= 0 else None,
            }
            yield plan.from_ms, "plan", f"plan {plan.name}" if plan.name else "terms of the plan", details
        contract = supply.contract
        details = {"line": supply.line, "until": _day(contract.end_day * DAY_MS)}
        yield contract.said_ms, "contract", "contract renewed", details
        details = {"line": supply.line, "from": _day(contract.cancel_from_ms), "reason": contract.reason}
        by = "by the operator" if contract.by_operator else "by the customer"
        yield contract.cancel_said_ms, "contract", f"contract cancelled {by}", details
    for consent in profile.consents:
        answer = "given" if consent.granted else "refused"
        yield consent.at_ms, "consent", f"{consent.purpose} {answer}", {"channel": consent.channel}


def said(part: Part | Change) -> dict[str, Any]:
    """Return the part of a bill, or of its change, without what the bill does not say."""
    return {name: value for name, value in msgspec.structs.asdict(part).items() if value != ""}


def _service(customer: Customer) -> Iterator[_Row]:
    service = customer.service
    for fault in service.faults:
        began, ended = fault.began_ms or fault.ended_ms, fault.ended_ms
        hours = round((ended - began) / 3_600_000, 1) if ended > began else None
        state = "over" if ended else "lasts"
        yield began, "fault", f"{fault.kind} fault, {state}", {"line": fault.line, "hours": hours}
    for ticket in service.tickets:
        state = f"closed ({ticket.resolution or 'no resolution said'})" if ticket.closed_ms else "open"
        details: dict[str, Any] = {
            "ticket_id": ticket.ticket_id,
            "severity": ticket.severity,
            "line": ticket.line,
        }
        at_ms = ticket.opened_ms or ticket.said_ms or ticket.closed_ms
        yield at_ms, "ticket", f"ticket {ticket.category or ticket.ticket_id}, {state}", details
    for order in service.orders:
        state = "delivered" if order.delivered_ms else "not delivered"
        at_ms = order.placed_ms or order.said_ms or order.delivered_ms
        details = {
            "order_id": order.order_id,
            "promised": _day(order.due_ms),
            "delivered": _day(order.delivered_ms),
        }
        yield at_ms, "order", f"order {order.product or order.order_id}, {state}", details
    for task in service.tasks:
        state = "closed" if task.closed_ms else "open"
        details = {"task_id": task.task_id, "by": task.by, "due": _day(task.due_ms)}
        yield task.said_ms or task.due_ms, "task", f"task, {state}: {task.text}", details
    for note in service.notes:
        yield note.at_ms, "note", note.text, {"by": note.by, "about": note.about}


def _exchanges(customer: Customer) -> Iterator[_Row]:
    for answer in customer.satisfaction.answers:
        scores = {
            "csat": answer.csat or None,
            "nps": answer.nps if answer.nps >= 0 else None,
            "ces": answer.ces or None,
        }
        said = ", ".join(f"{name} {score}" for name, score in scores.items() if score is not None)
        yield answer.at_ms, "answer", f"survey: {said}", scores
    for touch in customer.outreach.touches:
        responded = f", {touch.response}" if touch.response else ""
        details: dict[str, Any] = {
            "id": touch.id,
            "channel": touch.channel,
            "action": touch.action or None,
            "failed": touch.failed or None,
        }
        yield (
            touch.at_ms,
            "touch",
            f"{touch.kind or 'message'} by {touch.channel or 'us'}{responded}",
            details,
        )
    for made in customer.decisions.made:
        details = {
            "state": made.state,
            "channel": made.channel,
            "reason": made.reason,
            "instead": made.instead,
        }
        yield made.at_ms, "decision", f"suggested {made.action or 'help'}", details
    for alert in (*customer.alerts.closed, *customer.alerts.open):
        details = {
            "alert_id": alert_id(customer.customer_id, alert),
            "state": alert.state,
            "severity": alert.severity,
            "subject": alert.subject,
        }
        yield alert.opened_ms, "alert", f"{alert.type} {alert.tier}", details


def _known(details: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in details.items() if value not in (None, "", [], 0)}


def _day(at_ms: int) -> str | None:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z") if at_ms else None
