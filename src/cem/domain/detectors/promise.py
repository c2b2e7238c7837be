"""A promise about to be broken: a delivery, a repair, a call back. The supervisor hears while it can still be kept.

It opens as a notice in the last quarter of the time that was promised, at most `hours` before the promise falls due;
the instant at which it falls due unkept makes it an alert ("broken"). It ends when what was promised is done, when
another date is promised that is further away, and `ends_days` after it was broken. Both instants come by tick. A
promise that was broken longer than `deliver_within_h` ago when it became known is told to nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from cem.domain.alerting import Finding, close_alert, find_open, raise_alert, update_alert
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.enums import AlertState, AlertTier, Tell
from cem.domain.localtime import DAY_MS, HOUR_MS
from cem.domain.state.alerts import Evidence
from cem.domain.thresholds import PromisePolicy

__all__ = ["TYPE", "check_promises"]

TYPE = "promise"
#: The last part of its time in which a promise is about to be broken.
_LAST_PART = 4


class _Promise(msgspec.Struct, frozen=True, gc=False):
    """One thing promised, whatever kind."""

    kind: str
    id: str
    said_ms: int
    due_ms: int
    #: 0 = not yet.
    done_ms: int

    @property
    def subject(self) -> str:
        return f"{self.kind}-{self.id}"

    def warn_ms(self, policy: PromisePolicy) -> int:
        """Return from when on it is about to be broken."""
        time_ms = max(0, self.due_ms - self.said_ms) if self.said_ms else policy.hours * HOUR_MS * _LAST_PART
        return self.due_ms - min(policy.hours * HOUR_MS, time_ms // _LAST_PART)


def check_promises(customer: Customer, now_ms: int, ctx: FoldContext) -> None:
    """Tell of promises about to be broken or just broken, end what is over; sets when to look again.

    Promises have been judged as of now (`cem.domain.facts.promises.judge_promises`).
    """
    policy = ctx.alerts.promise
    if not policy.enabled:
        return
    next_ms = customer.promises_due_ms
    for promise in _promises(customer):
        if promise.done_ms:
            if customer.alerts.open:
                _end(customer, promise, ctx)
            continue
        warn_ms = promise.warn_ms(policy)
        if now_ms < warn_ms:
            if next_ms == 0 or warn_ms < next_ms:
                next_ms = warn_ms
            if customer.alerts.open:
                _end(customer, promise, ctx)
        elif now_ms < promise.due_ms + policy.deliver_within_h * HOUR_MS:
            _tell(customer, promise, now_ms, ctx)
    customer.promises_due_ms = next_ms


def _promises(customer: Customer) -> Iterator[_Promise]:
    """Yield what was promised for a stated time; of what was given up nothing has been done."""
    service = customer.service
    for order in service.orders:
        if order.due_ms:
            yield _Promise("order", order.order_id, order.said_ms, order.due_ms, order.delivered_ms)
    for ticket in service.tickets:
        if ticket.due_ms:
            yield _Promise("ticket", ticket.ticket_id, ticket.opened_ms, ticket.due_ms, ticket.closed_ms)
    for task in service.tasks:
        if task.due_ms:
            done_ms = 0 if task.given_up else task.closed_ms
            yield _Promise("task", task.task_id, task.said_ms, task.due_ms, done_ms)


def _tell(customer: Customer, promise: _Promise, now_ms: int, ctx: FoldContext) -> None:
    policy = ctx.alerts.promise
    is_broken = now_ms >= promise.due_ms
    current = find_open(customer, TYPE, promise.subject)
    finding = _finding(promise, is_broken, policy)
    if current is None or current.cause != finding.cause:
        raise_alert(customer, finding, ctx)
    elif is_broken and current.tier != str(AlertTier.ALERT):
        update_alert(customer, current, finding, "broken", ctx)


def _end(customer: Customer, promise: _Promise, ctx: FoldContext) -> None:
    """End the open alert about the promise, if there is one: it was kept, or put off."""
    current = find_open(customer, TYPE, promise.subject)
    if current is None:
        return
    if not promise.done_ms:
        close_alert(customer, current, AlertState.RESOLVED, "new date", ctx.lane_time_ms, ctx)
    else:
        reason = "kept" if promise.done_ms < promise.due_ms else "kept late"
        close_alert(customer, current, AlertState.RESOLVED, reason, promise.done_ms, ctx)


def _finding(promise: _Promise, is_broken: bool, policy: PromisePolicy) -> Finding:
    at_ms = promise.due_ms if is_broken else promise.warn_ms(policy)
    due = datetime.fromtimestamp(promise.due_ms / 1000, UTC)
    evidence: Evidence = {
        "promise": promise.kind,
        "id": promise.id,
        "due": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if not is_broken:
        evidence["hours_left"] = round((promise.due_ms - at_ms) / HOUR_MS, 1)
    if promise.said_ms:
        evidence["hours_promised"] = round((promise.due_ms - promise.said_ms) / HOUR_MS, 1)
    deliver_ms = promise.due_ms + (policy.deliver_within_h * HOUR_MS if is_broken else 0)
    return Finding(
        TYPE,
        promise.subject,
        due.strftime("%Y%m%dT%H%M%S"),
        AlertTier.ALERT if is_broken else AlertTier.NOTICE,
        at_ms,
        deliver_ms,
        promise.due_ms + policy.ends_days * DAY_MS,
        evidence,
        Tell.SUPERVISOR,
        policy.remedy,
    )
