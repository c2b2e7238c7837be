"""A bill far above the customer's usual one: he is told before it is due, by what raised it and which line did.

The usual bill is the median of the up to three before (`cem.domain.view.usual_bill`). A tier is reached when the newest
bill is above it by `least_minor` and by the tier's percentage; above a usual bill of nothing the percentage is always
reached. The first bill has nothing to be above, so it is never one. What raised it are the changes against the bill
before, if those explain at least half of the growth; else (the bill before was high as well) what the bill itself holds
beyond plan and tax.

A newer bill ends the alert, as do its payment, a correction to a usual amount, and the end of the day it is due.
"""

from __future__ import annotations

from cem.domain.alerting import Finding, close_alert, find_open, raise_alert, update_alert
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.enums import AlertState, AlertTier, Tell
from cem.domain.localtime import DAY_MS, HOUR_MS, date_of, midnight_ms, zone
from cem.domain.state.alerts import Evidence, StoredAlert
from cem.domain.state.billing import Bill
from cem.domain.view import CHANGE_KINDS, Change, bill_change, bill_owed
from cem.domain.view.bill_change import change_between
from cem.domain.view.usual_bill import usual_bill

__all__ = ["TYPE", "check_bill", "review_bill", "settle_bill"]

TYPE = "bill_shock"
_LINES_NAMED = 3
#: Kinds of changes that a bill holds by itself: what is asked for month after month.
_EXPECTED = ("plan_change", "tax", "credit")


def check_bill(customer: Customer, at_ms: int, ctx: FoldContext) -> None:
    """Tell if the newest bill, already folded, is far above the usual one; ends the alert of a bill before it."""
    bills = customer.billing.bills
    policy = ctx.alerts.bill_shock
    if not policy.enabled or len(bills) < 2:
        return
    bill = bills[-1]
    current = None
    if _may_be_open(customer):
        for alert in list(customer.alerts.open):
            if alert.type == TYPE and alert.subject != bill.bill_id:
                close_alert(customer, alert, AlertState.RESOLVED, "newer bill", at_ms, ctx)
        current = find_open(customer, TYPE, bill.bill_id)
    finding = _finding(customer, bill, ctx)
    if finding is None:
        if current is not None:
            close_alert(customer, current, AlertState.RESOLVED, "corrected bill", at_ms, ctx)
    elif current is None:
        raise_alert(customer, finding, ctx)
    elif current.evidence != finding.evidence:
        update_alert(customer, current, finding, "corrected bill", ctx)


def settle_bill(customer: Customer, at_ms: int, ctx: FoldContext) -> None:
    """End the alert of a bill that is paid."""
    if not _may_be_open(customer):
        return
    for alert in list(customer.alerts.open):
        if alert.type == TYPE:
            bill = next((b for b in customer.billing.bills if b.bill_id == alert.subject), None)
            if bill is not None and not bill_owed(customer, bill):
                close_alert(customer, alert, AlertState.RESOLVED, "paid", at_ms, ctx)


def review_bill(customer: Customer, alert: StoredAlert, now_ms: int, ctx: FoldContext) -> None:
    """End the alert: the day on which the bill was due is over."""
    close_alert(customer, alert, AlertState.RESOLVED, "due date passed", alert.due_ms, ctx)


def _may_be_open(customer: Customer) -> bool:
    """Return whether an alert about a bill may be open, without unpacking the alerts: each of them falls due."""
    return customer.alerts_due_ms != 0


def _finding(customer: Customer, bill: Bill, ctx: FoldContext) -> Finding | None:
    policy = ctx.alerts.bill_shock
    usual = usual_bill(customer, bill)
    if usual is None:
        return None
    usual_minor, compared = usual
    growth_minor = bill.total_minor - usual_minor
    base_minor = max(0, usual_minor)
    if growth_minor < policy.least_minor or growth_minor * 100 < policy.notice_percent * base_minor:
        return None
    if not bill_owed(customer, bill):
        return None
    changes = _reasons(customer, bill, growth_minor)
    kinds: dict[str, int] = {}
    for change in changes:
        kinds[change.kind] = kinds.get(change.kind, 0) + change.amount_minor
    main = max(CHANGE_KINDS, key=lambda kind: kinds.get(kind, 0))
    evidence: Evidence = {"total_minor": bill.total_minor, "usual_minor": usual_minor}
    if base_minor:
        evidence["growth_percent"] = growth_minor * 100 // base_minor
    if kinds.get(main, 0) > 0:
        evidence["main_cause"] = main
    evidence["bills_compared"] = compared
    tz = zone(customer.profile.timezone, ctx.timezone)
    due_ms = midnight_ms(bill.due_day + 1, tz) if bill.due_day else 0
    if due_ms:
        evidence["due"] = date_of(bill.due_day).isoformat()
    evidence |= {f"{kind}_minor": kinds[kind] for kind in CHANGE_KINDS if kinds.get(kind)}
    evidence |= _lines(changes)
    is_alert = growth_minor * 100 >= policy.alert_percent * base_minor
    deliver_ms = bill.issued_ms + policy.deliver_within_h * HOUR_MS
    return Finding(
        TYPE,
        bill.bill_id,
        bill.bill_id,
        AlertTier.ALERT if is_alert else AlertTier.NOTICE,
        bill.issued_ms,
        min(deliver_ms, due_ms) if due_ms else deliver_ms,
        due_ms or bill.issued_ms + policy.ends_days * DAY_MS,
        evidence,
        Tell.PAYER,
        policy.usage_remedy if main == "usage" and kinds.get(main, 0) > 0 else policy.remedy,
        growth_minor,
    )


def _reasons(customer: Customer, bill: Bill, growth_minor: int) -> list[Change]:
    """Return what raised the bill, the largest first."""
    change = bill_change(customer, bill.bill_id)
    if change is not None and change.delta_minor * 2 >= growth_minor:
        return list(change.changes)
    nothing = Bill("", bill.issued_s, 0)
    return [c for c in change_between(nothing, bill).changes if c.kind not in _EXPECTED]


def _lines(changes: list[Change]) -> Evidence:
    """Return the lines that raised it most, with cause and amount: what the payer of all of them may know."""
    found: Evidence = {}
    named = [c for c in changes if c.line and c.amount_minor > 0][:_LINES_NAMED]
    for number, change in enumerate(named, start=1):
        found[f"line_{number}"] = change.line
        found[f"line_{number}_cause"] = (
            f"{change.cause} {change.destination}"
            if change.destination and change.destination != change.cause
            else change.cause
        )
        found[f"line_{number}_minor"] = change.amount_minor
    return found
