"""What he owes, what he pays for, and for how long he is bound. Windows as in `cem.domain.view`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from cem.domain.customer import Customer
from cem.domain.facts.billing import owed_by_bill
from cem.domain.facts.supplies import contract_of, plan_of
from cem.domain.localtime import DAY_MS, local_day
from cem.domain.state.billing import Bill, bill_key, earlier_totals
from cem.domain.state.profile import Plan

__all__ = [
    "bill_owed",
    "bill_totals",
    "cancelled_from_ms",
    "contract_days_left",
    "overdue_days",
    "owed_by_bill",
    "owed_minor",
    "pays_by",
    "plan_at",
    "tenure_days",
]


def bill_owed(customer: Customer, bill: Bill) -> int:
    """Return what is still to be paid of a kept bill; never negative.

    A payment that names no bill pays the oldest kept bill that was issued before it and is not paid yet.
    """
    return owed_by_bill(customer).get(bill.bill_id, 0)


def overdue_days(
    customer: Customer,
    now_ms: int,
    tz: tzinfo,
    owed: Mapping[str, int] | None = None,
    today: int | None = None,
) -> int:
    """Return for how many days the oldest unpaid bill has been overdue; 0 = none is.

    A bill without a due day counts from the operator's own `payment.overdue`. `owed` is `owed_by_bill` of the
    customer and `today` the local day of `now_ms`, if the caller has them already.
    """
    days = 0
    today = local_day(now_ms, tz) if today is None else today
    billing = customer.billing
    if billing.bills:
        owed = owed_by_bill(customer) if owed is None else owed
        for bill in billing.bills:
            if bill.due_day and owed[bill.bill_id] and bill.issued_ms <= now_ms:
                days = max(days, today - bill.due_day)
    for unpaid in billing.unpaid:
        if unpaid.due_day:
            days = max(days, today - unpaid.due_day)
    if not billing.payments_of("overdue"):
        return days
    known = [bill_key(bill.bill_id) for bill in billing.bills if bill.due_day]
    known += [unpaid.bill for unpaid in billing.unpaid if unpaid.due_day]
    for index, payment in enumerate(billing.payments):
        if payment.kind == "overdue" and payment.bill not in known and payment.at_ms <= now_ms:
            paid = any(p.kind == "made" and p.bill == payment.bill for p in billing.payments[index:])
            if not paid:
                days = max(days, payment.days_overdue + (now_ms - payment.at_ms) // DAY_MS)
    return days


def owed_minor(customer: Customer, now_ms: int, tz: tzinfo, owed: Mapping[str, int] | None = None) -> int:
    """Return what is overdue now in minor units; `owed` as for `overdue_days`."""
    today = local_day(now_ms, tz)
    owed = owed_by_bill(customer) if owed is None else owed
    billing = customer.billing
    return sum(
        owed[bill.bill_id]
        for bill in billing.bills
        if bill.due_day and bill.due_day < today and bill.issued_ms <= now_ms
    ) + sum(unpaid.owed_minor for unpaid in billing.unpaid if 0 < unpaid.due_day < today)


def bill_totals(customer: Customer) -> list[tuple[int, int]]:
    """Return issue (ms; of older ones the beginning of its day) and total of the last four bills, oldest first."""
    billing = customer.billing
    older = [(day * DAY_MS, minor) for day, minor in earlier_totals(billing.earlier)]
    return older + [(bill.issued_ms, bill.total_minor) for bill in billing.bills]


def plan_at(customer: Customer, now_ms: int, line: str = "") -> Plan | None:
    """Return the plan of the line ("" = the account) that holds now, or None."""
    return plan_of(customer.profile, line, now_ms)


def contract_days_left(customer: Customer, now_ms: int, tz: tzinfo, line: str = "") -> int | None:
    """Return the days until the contract's last day (negative: past it), or None if no end is known."""
    contract = contract_of(customer.profile, line)
    if contract is None or not contract.end_day:
        return None
    return contract.end_day - local_day(now_ms, tz)


def cancelled_from_ms(customer: Customer, line: str = "") -> int | None:
    """Return from when the line's (or account's) cancellation takes effect, or None if it is not cancelled."""
    contract = contract_of(customer.profile, line)
    if contract is None or not contract.cancel_said_ms or contract.said_ms > contract.cancel_said_ms:
        return None
    return contract.cancel_from_ms


def pays_by(customer: Customer, now_ms: int) -> str:
    """Return how he paid, or was to pay, last, as the kept payments have it (one of METHODS); "" = not said."""
    said = (p.method for p in reversed(customer.billing.payments) if p.code > 3 and p.at_ms <= now_ms)
    return next(said, "")


def tenure_days(customer: Customer, now_ms: int, tz: tzinfo) -> int:
    """Return for how many days he has been a customer: since the stated day, else since his first record."""
    since = customer.profile.since_day
    if since:
        return max(0, local_day(now_ms, tz) - since)
    return max(0, now_ms - customer.first_ms) // DAY_MS if customer.first_ms else 0
