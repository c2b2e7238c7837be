"""A customer who suffers and does not call: many small failures, and not a word from him.

Failures are faults that began, payments that were refused, promises that were broken, and written messages of his that
were left unresolved. They count if they are of the last `days` and came after his last other contact: a call, or a
message that was answered. From `failures` of them on it is a notice, from `alert_failures` on an alert; it ends when he
is in touch, or, by tick, when so many have left the window that fewer than `failures` remain.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cem.domain.alerting import Finding, close_alert, find_open, keep_alert, review_later
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.enums import AlertState, AlertTier, Tell
from cem.domain.localtime import DAY_MS, HOUR_MS
from cem.domain.state.alerts import Evidence, StoredAlert
from cem.domain.state.contacts import Contact, unresolved
from cem.domain.state.contacts_at_hand import contacts_since
from cem.domain.state.service import MISSED_PROMISE, Order, Task, Ticket
from cem.domain.thresholds import SilentPolicy

__all__ = ["TYPE", "check_silent", "hear_contact", "review_silent"]

TYPE = "silent_sufferer"

#: Instants of failures by name.
_Failures = dict[str, list[int]]


def check_silent(customer: Customer, now_ms: int, ctx: FoldContext) -> None:
    """Tell if the customer suffers in silence as of now; ends the alert if he does not any more."""
    policy = ctx.alerts.silent_sufferer
    if not policy.enabled:
        return
    current = find_open(customer, TYPE, "")
    since_ms = now_ms - policy.days * DAY_MS
    failures = _failures(customer, since_ms, now_ms)
    contacts = customer.contacts
    # Contacts are unpacked only where they can matter.
    most = sum(map(len, failures.values())) + contacts.total
    if current is None and most < policy.failures:
        return
    recent = [c for c in contacts_since(contacts, since_ms) if c.at_ms <= now_ms]
    spoke = [c.at_ms for c in recent if not _is_unanswered(c)]
    silent_ms = max(spoke, default=0)
    failures["unanswered"] = [c.at_ms for c in recent if _is_unanswered(c)]
    failures = {name: [at for at in times if at > silent_ms] for name, times in failures.items()}
    times = sorted(at for each in failures.values() for at in each)
    if len(times) >= policy.failures:
        keep_alert(customer, _finding(failures, times, policy), "more failures", ctx)
    elif current is not None:
        reason = "in touch" if spoke and silent_ms >= current.opened_ms else "back to usual"
        close_alert(customer, current, AlertState.RESOLVED, reason, now_ms, ctx)


def hear_contact(customer: Customer, contact: Contact, now_ms: int, ctx: FoldContext) -> None:
    """Look again after a contact, if it can change something: it was left unresolved, or an alert is open."""
    if _is_unanswered(contact) or find_open(customer, TYPE, "") is not None:
        check_silent(customer, now_ms, ctx)


def review_silent(customer: Customer, alert: StoredAlert, now_ms: int, ctx: FoldContext) -> None:
    """End the alert if too few failures are left in the window, else look again when that will be."""
    check_silent(customer, now_ms, ctx)
    if alert in customer.alerts.open and 0 < alert.due_ms <= now_ms:
        review_later(customer, alert, now_ms + DAY_MS)


def _failures(customer: Customer, since_ms: int, now_ms: int) -> _Failures:
    """Return what went wrong in the window, other than messages that were left unanswered."""
    service = customer.service
    promises: list[Order | Ticket | Task] = [*service.orders, *service.tickets, *service.tasks]
    found = {
        "faults": [f.began_ms for f in service.faults],
        "failed_payments": [p.at_ms for p in customer.billing.payments if p.kind == "failed"],
        "broken_promises": [p.due_ms for p in promises if p.verdict == MISSED_PROMISE],
    }
    return {name: [at for at in times if since_ms < at <= now_ms] for name, times in found.items()}


def _is_unanswered(contact: Contact) -> bool:
    return contact.channel not in ("call", "shop", "field") and unresolved(contact)


def _finding(failures: _Failures, times: list[int], policy: SilentPolicy) -> Finding:
    at_ms = times[policy.failures - 1]
    evidence: Evidence = {"failures": len(times), "threshold": policy.failures, "window_days": policy.days}
    evidence |= {name: len(each) for name, each in failures.items() if each}
    is_alert = len(times) >= policy.alert_failures
    if is_alert:
        at_ms = times[policy.alert_failures - 1]
    return Finding(
        TYPE,
        "",
        datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S"),
        AlertTier.ALERT if is_alert else AlertTier.NOTICE,
        at_ms,
        at_ms + policy.deliver_within_h * HOUR_MS,
        times[len(times) - policy.failures] + policy.days * DAY_MS,
        evidence,
        Tell.SUPERVISOR,
        policy.remedy,
    )
