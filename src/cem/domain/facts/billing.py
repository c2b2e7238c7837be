"""Bills, payments and purchases.

Units: minor units and days; times to the second. Windows: the last two bills, of the two before them day and
total, of any older ones what is still owed (the twelve due last); the last six payments (made, failed, overdue) and the
last four purchases by event time; totals for ever. Equals: the newest of each by time, and sums over all. What is paid
of a bill is the sum of the payments that name it, as far as they came after the bill or are among the six kept; one
that names none pays kept bills, the oldest first. Order-free but for that. A bill issued again after it was let go
counts twice. No tick: how many days a bill is overdue is a matter of the reader's instant
(`cem.domain.view.overdue_days`).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping

from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.billing import BillIssued, BillItem, PaymentFailed, PaymentMade, PaymentOverdue
from cem.domain.events.enums import BillCause
from cem.domain.events.envelope import Received
from cem.domain.events.interactions import PurchaseMade
from cem.domain.facts.journey import note_dropped
from cem.domain.facts.value import note_bill_month, note_money
from cem.domain.localtime import day_of
from cem.domain.state.billing import (
    Bill,
    OpenBill,
    Payment,
    Purchase,
    bill_key,
    cause_key,
    earlier_totals,
    pack_earlier,
    payment_code,
)

__all__ = [
    "BILLS_KEPT",
    "EARLIER_KEPT",
    "PAYMENTS_KEPT",
    "PURCHASES_KEPT",
    "UNPAID_KEPT",
    "add_bill",
    "add_failure",
    "add_overdue",
    "add_payment",
    "add_purchase",
    "owed_by_bill",
]

BILLS_KEPT = 2
#: Bills before those of which the total is kept.
EARLIER_KEPT = 2
PAYMENTS_KEPT = 6
PURCHASES_KEPT = 4
#: Of bills that are no longer kept, so many unpaid ones are remembered.
UNPAID_KEPT = 12

#: Causes that can have a destination; of any other it says nothing.
_USED = (BillCause.SMS, BillCause.CALLS, BillCause.DATA)


def add_bill(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `bill.issued`; one issued again replaces itself, and is no further month."""
    event = received.event
    assert isinstance(event, BillIssued)
    billing = customer.billing
    sums: dict[str, dict[int | str, int]] = {}
    for line, cause, destination, minor in sorted([_placed(item) for item in event.items]):
        causes = sums.setdefault(line, {})
        key = cause_key(cause, destination)
        causes[key] = causes.get(key, 0) + minor
    bill = Bill(
        event.bill_id,
        received.time_ms // 1000,
        event.total_minor,
        day_of(event.due) if event.due else 0,
        day_of(event.period_start) if event.period_start else 0,
        day_of(event.period_end) if event.period_end else 0,
        sums,
    )
    billing.billed_minor += event.total_minor
    for index, other in enumerate(billing.bills):
        if other.bill_id == bill.bill_id:
            older = min(other, bill, key=_issued)
            billing.billed_minor -= older.total_minor
            if older is not bill:
                billing.bills[index] = bill
                billing.bills.sort(key=_issued)
            return
    bills = billing.bills
    if bills and _issued(bill) < _issued(bills[-1]):
        insort(bills, bill, key=_issued)
    else:
        bills.append(bill)
    if len(bills) > BILLS_KEPT:
        owed = owed_by_bill(customer)
        _let_go(customer, bills.pop(0), owed)
    note_bill_month(customer, received.time_ms, ctx)


def owed_by_bill(customer: Customer) -> dict[str, int]:
    """Return what is owed by kept bill, from the bills and payments kept."""
    billing = customer.billing
    bills = billing.bills
    if not bills:
        return {}
    owed: dict[str, int] = {}
    names: dict[int, str] = {}
    for bill in bills:
        name, total = bill.bill_id, bill.total_minor
        owed[name] = total if total > 0 else 0
        names[bill_key(name)] = name
    paid = billing.payments_of("made")
    unnamed = False
    for payment in paid:
        key = payment.bill
        if key in names:
            name = names[key]
            left = owed[name] - payment.amount_minor
            owed[name] = left if left > 0 else 0
        if not key:
            unnamed = True
    if not unnamed:
        return owed
    for payment in paid:
        left = payment.amount_minor if payment.bill == 0 else 0
        for bill in bills:
            if left and bill.issued_s <= payment.at_s:
                pays = min(left, owed[bill.bill_id])
                owed[bill.bill_id] -= pays
                left -= pays
    return owed


def _let_go(customer: Customer, bill: Bill, owed: Mapping[str, int]) -> None:
    """Keep of a bill only its total and what is still owed of it."""
    billing = customer.billing
    rows = earlier_totals(billing.earlier)
    insort(rows, (bill.issued_s // 86_400, bill.total_minor))
    billing.earlier = pack_earlier(rows[-EARLIER_KEPT:])
    if len(rows) > EARLIER_KEPT:
        note_dropped(customer, "bill", len(rows) - EARLIER_KEPT)
    if owed[bill.bill_id]:
        insort(billing.unpaid, OpenBill(bill_key(bill.bill_id), bill.due_day, owed[bill.bill_id]), key=_due)
        del billing.unpaid[:-UNPAID_KEPT]


def add_payment(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `payment.made`."""
    event = received.event
    assert isinstance(event, PaymentMade)
    billing = customer.billing
    billing.made += 1
    billing.paid_minor += event.amount_minor
    billing.late += event.days_overdue > 0
    if billing.unpaid:
        for unpaid in billing.unpaid if event.bill_id else ():
            if unpaid.bill == bill_key(event.bill_id):
                unpaid.owed_minor -= event.amount_minor
        billing.unpaid = [unpaid for unpaid in billing.unpaid if unpaid.owed_minor > 0]
    note_money(customer, received.time_ms, event.amount_minor, ctx)
    _keep(customer, "made", received.time_ms, event)


def add_failure(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `payment.failed`."""
    event = received.event
    assert isinstance(event, PaymentFailed)
    customer.billing.failed += 1
    _keep(customer, "failed", received.time_ms, event)


def add_overdue(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `payment.overdue`."""
    event = received.event
    assert isinstance(event, PaymentOverdue)
    customer.billing.overdue += 1
    _keep(customer, "overdue", received.time_ms, event)


def add_purchase(customer: Customer, received: Received, ctx: FoldContext) -> None:
    """Fold `purchase.made`."""
    event = received.event
    assert isinstance(event, PurchaseMade)
    billing = customer.billing
    billing.bought += 1
    billing.bought_minor += event.amount_minor
    purchase = Purchase(received.time_ms, event.product, event.amount_minor, event.line or "")
    insort(billing.purchases, purchase, key=_bought)
    del billing.purchases[:-PURCHASES_KEPT]
    note_money(customer, received.time_ms, event.amount_minor, ctx)


def _keep(
    customer: Customer, kind: str, at_ms: int, event: PaymentMade | PaymentFailed | PaymentOverdue
) -> None:
    payment = Payment(
        at_ms // 1000,
        payment_code(kind, str(event.method) if event.method else ""),
        bill_key(event.bill_id),
        event.amount_minor,
        event.days_overdue,
    )
    payments = customer.billing.payments
    if payments and payment.at_s < payments[-1].at_s:
        insort(payments, payment, key=_paid)
    else:
        payments.append(payment)
    del payments[:-PAYMENTS_KEPT]


def _placed(item: BillItem) -> tuple[str, str, str, int]:
    """Return line, cause and destination of an item, and its amount."""
    destination = item.destination
    used = str(destination) if destination is not None and item.cause in _USED else ""
    return item.line or "", str(item.cause), used, item.amount_minor


def _issued(bill: Bill) -> tuple[int, str]:
    return bill.issued_s, bill.bill_id


def _paid(payment: Payment) -> int:
    return payment.at_s


def _due(unpaid: OpenBill) -> tuple[int, int]:
    return unpaid.due_day, unpaid.bill


def _bought(purchase: Purchase) -> int:
    return purchase.at_ms
