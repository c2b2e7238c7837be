"""What a customer's bill usually is. Windows as in `cem.domain.view`."""

from __future__ import annotations

from cem.domain.customer import Customer
from cem.domain.state.billing import Bill, earlier_totals

__all__ = ["usual_bill", "yearly_minor"]


def usual_bill(customer: Customer, bill: Bill) -> tuple[int, int] | None:
    """Return the median of the (at most three) bills before a kept one, in minor units, and how many they are.

    None if none is known. A median: one high bill among them does not make the next high one usual.
    """
    totals = _totals_before(customer, bill)
    return (_median(totals), len(totals)) if totals else None


def yearly_minor(customer: Customer) -> int:
    """Return what twelve bills as he usually gets them add up to, in minor units; 0 if he has got none."""
    bills = customer.billing.bills
    if not bills:
        return 0
    return 12 * _median([bills[-1].total_minor, *_totals_before(customer, bills[-1])])


def _totals_before(customer: Customer, bill: Bill) -> list[int]:
    billing, newest = customer.billing, (bill.issued_s, bill.bill_id)
    before = [b.total_minor for b in billing.bills if b is not bill and (b.issued_s, b.bill_id) < newest]
    return [total_minor for _, total_minor in earlier_totals(billing.earlier)] + before


def _median(totals: list[int]) -> int:
    """Return the median; of an even number the lower middle and the upper one's mean, rounded down."""
    ordered, middle = sorted(totals), len(totals) // 2
    return ordered[middle] if len(totals) % 2 else (ordered[middle - 1] + ordered[middle]) // 2
