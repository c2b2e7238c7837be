"""A customer who comes back about the same reason within 7 days: the supervisor hears of it while it happens.

Tier `alert` if the contact before was not recorded as resolved, else `notice` (a record that the customer contradicts).
From the third contact on it is one step more severe. The alert resolves, by tick, when 7 days have passed since the
newest contact about that reason.

So many contacts (`any_reason`) within the window about whatever, said or not, are told as well, with the subject `any`,
if one before the newest is known not to have solved the problem and no alert about the newest one's reason is open.
"""

from __future__ import annotations

from collections.abc import Sequence

from cem.domain.alerting import Finding, close_alert, find_open, raise_alert, review_later, update_alert
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.enums import AlertState, AlertTier, Tell
from cem.domain.localtime import DAY_MS, HOUR_MS
from cem.domain.state.alerts import Evidence, StoredAlert
from cem.domain.state.contacts import Contact, unresolved
from cem.domain.state.contacts_at_hand import contacts_since, read_contacts

__all__ = ["ANY", "TYPE", "check_repeat", "review_repeat"]

TYPE = "repeat_call"
#: Subject of a repeat about whatever.
ANY = "any"


def check_repeat(customer: Customer, contact: Contact, ctx: FoldContext) -> None:
    """Tell if the newest contact about the reason of one that was folded just now followed another within the window."""
    policy = ctx.alerts.repeat_call
    contacts = customer.contacts
    if not policy.enabled or contacts.total < 2:
        return
    reason, window_ms = contact.reason, policy.window_days * DAY_MS
    # The newest one is no older than this one, so a chain begins within the window before this one.
    kept: Sequence[Contact] = (
        read_contacts(contacts)[0] if contacts.older else contacts_since(contacts, contact.at_ms - window_ms)
    )
    chain = _chain(kept, reason, window_ms) if reason and len(kept) > 1 else []
    if len(chain) >= 2:
        _tell(customer, reason, chain, ctx)
    if policy.any_reason and len(kept) >= policy.any_reason and find_open(customer, TYPE, reason) is None:
        chain = _chain(kept, ANY, window_ms)
        if len(chain) >= policy.any_reason and any(unresolved(c) for c in chain[:-1]):
            _tell(customer, ANY, chain, ctx)


def _tell(customer: Customer, reason: str, chain: list[Contact], ctx: FoldContext) -> None:
    """Tell of contacts about a reason (or any), the newest last, unless the policy trusts that the last was resolved."""
    policy = ctx.alerts.repeat_call
    newest, before = chain[-1], chain[-2]
    solved = reason != ANY and before.resolution == "resolved" and not before.abandoned
    if solved and not policy.even_if_resolved:
        return
    tier = AlertTier.NOTICE if solved else AlertTier.ALERT
    finding = Finding(
        TYPE,
        reason,
        f"{newest.key:08x}",
        tier,
        newest.at_ms,
        newest.at_ms + policy.deliver_within_h * HOUR_MS,
        newest.at_ms + policy.window_days * DAY_MS,
        _evidence(chain, policy.window_days),
        Tell.SUPERVISOR,
        policy.remedy,
        steps=len(chain) > 2,
    )
    current = find_open(customer, TYPE, reason)
    if current is None:
        raise_alert(customer, finding, ctx)
        return
    is_worse = tier is AlertTier.ALERT and current.tier == str(AlertTier.NOTICE)
    if is_worse or finding.due_ms > current.due_ms:
        update_alert(customer, current, finding, "another contact", ctx)


def review_repeat(customer: Customer, alert: StoredAlert, now_ms: int, ctx: FoldContext) -> None:
    """End the alert if nobody came back about the reason for 7 days, else look again when that will be."""
    window_ms = ctx.alerts.repeat_call.window_days * DAY_MS
    chain = _chain(read_contacts(customer.contacts)[0], alert.subject, window_ms)
    if chain and chain[-1].at_ms + window_ms > now_ms:
        review_later(customer, alert, chain[-1].at_ms + window_ms)
    else:
        close_alert(customer, alert, AlertState.RESOLVED, "no further contact", alert.due_ms, ctx)


def _chain(kept: Sequence[Contact], reason: str, window_ms: int) -> list[Contact]:
    """Return the contacts about the reason (or any) within the window that ends with the newest of them."""
    same = kept if reason == ANY else [c for c in kept if c.reason == reason]
    return [c for c in same if c.at_ms > same[-1].at_ms - window_ms]


def _evidence(chain: list[Contact], window_days: int) -> Evidence:
    newest, before = chain[-1], chain[-2]
    evidence: Evidence = {
        "contacts": len(chain),
        "window_days": window_days,
        "hours_since_last": round((newest.at_ms - before.at_ms) / HOUR_MS, 1),
        "last_resolution": "abandoned" if before.abandoned else before.resolution or "unknown",
        "channel": newest.channel,
    }
    if newest.id:
        evidence["contact_id"] = newest.id
    if newest.rep_id:
        evidence["rep_id"] = newest.rep_id
    return evidence
