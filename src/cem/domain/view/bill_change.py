"""Why a bill differs from the one before it, to the minor unit: for bill shock, screens and rules.

The difference of every line and cause is a `Change` of one kind; what the items leave unexplained of the two totals
(items that were not sent, rounding) is a `Change` of the kind "not_itemised". So the changes always add up to the
difference of the totals.

A plan's charge that differs only because the bill covers more or fewer days than the one before is pro rata, not a
change of plan: its price per day is then the same within `SAME_PRICE_SHARE`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from cem.domain.customer import Customer
from cem.domain.state.billing import Bill

__all__ = ["CHANGE_KINDS", "SAME_PRICE_SHARE", "BillChange", "Change", "bill_change", "change_between"]

#: Kinds of `Change`. `usage` is use outside the allowance; `one_off` devices and fees; `credit` also discounts.
CHANGE_KINDS: Final = (
    "usage",
    "plan_change",
    "proration",
    "one_off",
    "credit",
    "tax",
    "other",
    "not_itemised",
)

#: By a bill item's cause.
_KINDS: Final = {
    "sms": "usage",
    "calls": "usage",
    "data": "usage",
    "roaming": "usage",
    "premium": "usage",
    "international": "usage",
    "plan": "plan_change",
    "proration": "proration",
    "device": "one_off",
    "fee": "one_off",
    "discount": "credit",
    "credit": "credit",
    "tax": "tax",
}

#: Two prices per day that differ by less than this share are one price; months of 30 and 31 days differ by 3.3 %.
SAME_PRICE_SHARE: Final = 0.01


class Change(msgspec.Struct, frozen=True, gc=False):
    """One reason for which a bill is higher (or, negative, lower) than the one before."""

    #: One of CHANGE_KINDS.
    kind: str
    #: The item's cause, as on the bill; "" = not itemised.
    cause: str
    #: The line that caused it; "" = the account.
    line: str
    #: Tariff class of what was used, where bill or cause names it; "" = not said.
    destination: str
    amount_minor: int


class BillChange(msgspec.Struct, frozen=True, gc=False):
    """A bill against the one issued before it."""

    bill_id: str
    before_id: str
    issued_ms: int
    due_day: int
    total_minor: int
    before_minor: int
    #: Adding up to `delta_minor`; the largest first, whichever its sign, then by kind, cause, line, destination.
    changes: tuple[Change, ...]

    @property
    def delta_minor(self) -> int:
        """By how much the bill is higher; negative: lower."""
        return self.total_minor - self.before_minor

    def of_kind(self, kind: str) -> int:
        """Return the sum of the changes of one kind in minor units."""
        return sum([change.amount_minor for change in self.changes if change.kind == kind])

    @property
    def by_kind(self) -> dict[str, int]:
        """Minor units by kind, in the order of CHANGE_KINDS; kinds without a change are left out."""
        kinds = {change.kind for change in self.changes}
        return {kind: self.of_kind(kind) for kind in CHANGE_KINDS if kind in kinds}

    @property
    def main_kind(self) -> str:
        """The kind that raised the bill most; "" = none raised it. Of equal ones, the first in CHANGE_KINDS."""
        sums = self.by_kind
        kind = max(sums, key=sums.__getitem__, default="")
        return kind if kind and sums[kind] > 0 else ""


def bill_change(customer: Customer, bill_id: str = "") -> BillChange | None:
    """Return how a kept bill (by default the newest) differs from the one issued before it.

    None if no such bill, or no bill before it, is kept: the first bill has nothing that it could differ from.
    """
    bills = customer.billing.bills
    for index in range(len(bills) - 1, 0, -1):
        if not bill_id or bills[index].bill_id == bill_id:
            return change_between(bills[index - 1], bills[index])
    return None


def change_between(before: Bill, bill: Bill) -> BillChange:
    """Return how a bill differs from an earlier one."""
    old, new = before.amounts_by_place(), bill.amounts_by_place()
    changes = []
    for place in dict.fromkeys([*old, *new]):
        line, cause, destination = place
        was, is_now = old.get(place, 0), new.get(place, 0)
        if was != is_now:
            kind = _KINDS.get(cause, "other")
            if kind == "plan_change" and _same_price(before, was, bill, is_now):
                kind = "proration"
            changes.append(Change(kind, cause, line, destination or _class_of(cause), is_now - was))
    rest = (bill.total_minor - sum(new.values())) - (before.total_minor - sum(old.values()))
    if rest:
        changes.append(Change("not_itemised", "", "", "", rest))
    changes.sort(key=_rank)
    return BillChange(
        bill.bill_id,
        before.bill_id,
        bill.issued_ms,
        bill.due_day,
        bill.total_minor,
        before.total_minor,
        tuple(changes),
    )


def _same_price(before: Bill, was: int, bill: Bill, is_now: int) -> bool:
    """Return whether both amounts are one price per day, over periods of different length."""
    days_before, days = _days(before), _days(bill)
    if not days_before or not days or days_before == days or was <= 0 or is_now <= 0:
        return False
    scaled, other = was * days, is_now * days_before
    return abs(scaled - other) <= SAME_PRICE_SHARE * max(scaled, other)


def _days(bill: Bill) -> int:
    """Return how many days the bill covers; 0 = not said."""
    if not bill.period_start_day or not bill.period_end_day:
        return 0
    return bill.period_end_day - bill.period_start_day + 1


def _class_of(cause: str) -> str:
    return cause if cause in ("roaming", "premium", "international") else ""


def _rank(change: Change) -> tuple[int, str, str, str, str]:
    return -abs(change.amount_minor), change.kind, change.cause, change.line, change.destination
