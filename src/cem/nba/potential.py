"""What a customer could afford: his purchasing potential, apart from what he could use (`cem.nba.needs`).

    headroom = reliability x (what he has borne beyond his plan + a tenth of his usual bill)
    score    = headroom / 30 % of his usual bill, at most 1

What he has borne is the highest bill that is kept and not overdue, less the price of his plans: he has paid it once, so he
could for something he wants. The tenth is what an offer may add without anybody looking twice. Reliability is a Beta mean,
0 to 1: payments made against payments refused or overdue, worth three times, with a prior of four to nothing that grows by
one for each year as a customer, up to four. It is 0 in hardship and while a bill has been overdue for 15 days. The shares
are stated, not learnt. Amounts are minor units a month.
"""

from __future__ import annotations

from typing import Final

import msgspec

from cem.nba.situation import Situation

__all__ = ["Potential", "potential_of"]

_TENTH: Final = 0.1
_FULL: Final = 0.3
_PRIOR_MADE: Final = 4.0
_YEARS_COUNTED: Final = 4.0
#: A payment that was refused or is overdue speaks as loud as so many that came.
_MISSED: Final = 3.0
_OVERDUE_DAYS: Final = 15


class Potential(msgspec.Struct, frozen=True):
    """What he could add to what he pays."""

    #: 0 to 1.
    score: float
    #: Minor units a month.
    headroom_minor: int
    usual_minor: int
    borne_minor: int
    #: 0 to 1.
    reliability: float
    #: hardship, overdue, or "" if nothing forbids it.
    barred: str


def potential_of(v: Situation) -> Potential | None:
    """Return his potential at the situation's instant; None while no bill is known."""
    bills = [bill for bill in v.customer.billing.bills if bill.issued_ms <= v.now_ms and bill.total_minor > 0]
    if not bills:
        return None
    usual = sum(bill.total_minor for bill in bills) / len(bills)
    plans = sum(plan.price_minor for plan in v.plans if plan.price_minor > 0) or usual
    paid = [b.total_minor for b in bills if not (b.due_day and b.due_day < v.today and v.owed.get(b.bill_id))]
    borne = max(0.0, max(paid, default=0) - plans)
    barred = _barred(v)
    reliability = 0.0 if barred else _reliability(v)
    headroom = reliability * (borne + _TENTH * usual)
    return Potential(
        round(min(1.0, headroom / (_FULL * usual)), 3),
        round(headroom),
        round(usual),
        round(borne),
        round(reliability, 3),
        barred,
    )


def _barred(v: Situation) -> str:
    if v.profile.hardship:
        return "hardship"
    return "overdue" if v.overdue_days >= _OVERDUE_DAYS else ""


def _reliability(v: Situation) -> float:
    billing = v.customer.billing
    since = v.profile.since_day
    years = min(_YEARS_COUNTED, max(0, v.today - since) / 365) if since else 0.0
    made = _PRIOR_MADE + years + billing.made
    # What went wrong of late counts again.
    missed = billing.failed + billing.overdue + v.failed_payments + (v.overdue_days > 0)
    return made / (made + _MISSED * missed)
