"""Bills on each household's cycle day, and how they are paid: in time, late, after failures, or not at all."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any, Final

import numpy as np

from cem.domain.events import BillIssued, BillItem, PaymentFailed, PaymentMade, PaymentOverdue
from cem.domain.events.enums import BillCause, Initiative, PaymentMethod, SmsDestination
from cem.simulator.draws import unit
from cem.simulator.parameters import DAY_MS, HOUR_MS
from cem.simulator.world.core import Handler, Planner, World
from cem.simulator.world.leaving import leave
from cem.simulator.world.moods import feel
from cem.simulator.world.people import Bill, Household
from cem.simulator.world.plans import TAX_PERCENT
from cem.simulator.world.problems import open_problem, seek_contact
from cem.simulator.world.subscriptions import price_of

__all__ = ["HANDLERS", "PLANNERS"]

_PAY, _WRONG = 101, 102
_DUE_DAYS: Final = 14
_REMINDERS: Final = (1, 7, 14, 30)
_GIVEN_UP: Final = 75
#: Causes of the lines' charges, by tariff class, and the destination where the cause does not name it.
_CAUSES: Final = (
    (BillCause.SMS, SmsDestination.ONNET),
    (BillCause.SMS, SmsDestination.OFFNET),
    (BillCause.INTERNATIONAL, None),
    (BillCause.PREMIUM, None),
    (BillCause.ROAMING, None),
)


def plan_bills(world: World, day: int) -> None:
    """Close the cycles that end today, and plan their bills for the small hours."""
    parameters, people = world.parameters, world.people
    date = parameters.date_of(day)
    due = people.active & (people.cycle_day == date.day) & (people.joined < day - 2)
    at_ms = parameters.day_start_ms(day)
    for c in np.nonzero(due)[0].tolist():
        household = world.households[c]
        items, extra, worst = _items(world, household, day)
        world.lines.used[household.lines] = 0
        world.lines.charges[household.lines] = 0
        household.growth_noticed = -1
        bill_ms = at_ms + 2 * HOUR_MS + (c * 7919) % (3 * HOUR_MS)
        _issue(world, bill_ms, c, items, extra, worst, day)


def _items(world: World, household: Household, day: int) -> tuple[list[BillItem], int, int]:
    """Return the bill's positions before tax, what use beyond the plans cost, and the line that cost most so (or -1)."""
    parameters, lines = world.parameters, world.lines
    items: list[BillItem] = []
    sums: dict[int, int] = defaultdict(int)
    base = 0
    for line in household.lines:
        name = world.line_names[line]
        price = price_of(world, line)
        base += price
        items.append(BillItem(cause=BillCause.PLAN, amount_minor=price, line=name))
        for (cause, destination), charge in zip(_CAUSES, lines.charges[line].tolist(), strict=True):
            if charge:
                items.append(BillItem(cause=cause, amount_minor=charge, line=name, destination=destination))
                sums[line] += charge
    for cause_name, line, amount in household.positions:
        where = world.line_names[line] if line >= 0 else None
        items.append(BillItem(cause=BillCause(cause_name), amount_minor=amount, line=where))
    household.positions.clear()
    if household.discount_percent and day <= household.discount_until:
        amount = round(base * household.discount_percent / 100)
        items.append(BillItem(cause=BillCause.DISCOUNT, amount_minor=-amount))
    number = household.number
    if unit(parameters.seed, _WRONG, number, day) < parameters.share_bills_wrong:
        fee = parameters.money(1200 + 2000 * unit(parameters.seed, _WRONG, number, day, 1))
        items.append(BillItem(cause=BillCause.FEE, amount_minor=fee))
    worst = max(household.lines, key=lambda i: (sums[i], -i))
    return items, sum(sums.values()), worst if sums[worst] else -1


def _issue(world: World, at_ms: int, c: int, items: list[BillItem], extra: int, worst: int, day: int) -> None:
    """Send the bill, let the household look at it, and plan how it is paid."""
    parameters, household = world.parameters, world.households[c]
    net = sum(item.amount_minor for item in items)
    tax = round(net * TAX_PERCENT / 100)
    if tax:
        items.append(BillItem(cause=BillCause.TAX, amount_minor=tax))
    total = net + tax
    number = household.next_number()
    bill_id = f"bill-{c + 1}-{number}"
    end = parameters.date_of(day) - timedelta(days=1)
    begin = (end.replace(day=1) - timedelta(days=1)) if end.day < int(world.people.cycle_day[c]) else end
    begin = max(
        begin.replace(day=int(world.people.cycle_day[c])), parameters.date_of(int(world.people.joined[c]))
    )
    world.say(
        c,
        at_ms,
        BillIssued(
            bill_id=bill_id,
            total_minor=total,
            period_start=min(begin, end),
            period_end=end,
            due=parameters.date_of(day + _DUE_DAYS),
            items=tuple(items),
        ),
    )
    usual, usual_extra = household.usual_minor, household.usual_extra_minor
    shock = usual > 0 and total > 1.5 * usual and total - usual > parameters.money(900)
    if shock:
        seen_ms = at_ms + world.luck(c, _PAY, number, 1).randrange(6, 60) * HOUR_MS
        grown = extra - usual_extra > 0.5 * (total - usual)
        world.plan("shocked", seen_ms, c, bill=bill_id, kind="sms_cost" if grown else "billing", line=worst)
    weight = 0.4 if usual else 1.0
    household.usual_minor = usual + weight * (total - usual)
    household.usual_extra_minor = usual_extra + weight * (extra - usual_extra)
    if total <= 0:
        return
    household.bills.append(Bill(bill_id, total, day + _DUE_DAYS))
    dice = world.luck(c, _PAY, number)
    if household.method in ("direct_debit", "card"):
        pay_ms = parameters.day_start_ms(day + _DUE_DAYS - 1) + 10 * HOUR_MS
    else:
        late = dice.chance(1.5 * household.pays_badly + 0.03)
        after = _DUE_DAYS + dice.randint(1, 25) if late else dice.randint(1, _DUE_DAYS - 1)
        pay_ms = parameters.day_start_ms(day + after) + dice.randrange(8, 21) * HOUR_MS
    world.plan("pay", pay_ms, c, bill=bill_id)
    for days in _REMINDERS:
        world.plan("remind", parameters.day_start_ms(day + _DUE_DAYS + days) + 9 * HOUR_MS, c, bill=bill_id)


def shocked(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the household have read a bill that is much higher than usual."""
    if not world.people.active[c]:
        return
    problem = open_problem(world, c, data["kind"], at_ms, data["bill"], data["line"])
    if not problem.contacts:
        seek_contact(world, c, problem, at_ms)


def find_bill(household: Household, bill_id: str) -> Bill | None:
    """Return the unpaid bill of this id."""
    return next((bill for bill in household.bills if bill.bill_id == bill_id), None)


def pay(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Let the household pay, or try to."""
    household, parameters = world.households[c], world.parameters
    bill = find_bill(household, data["bill"])
    if bill is None:
        return
    bill.attempts += 1
    day = parameters.day_of(at_ms)
    overdue = max(0, day - bill.due_day)
    dice = world.luck(c, _PAY, int(bill.bill_id.rsplit("-", 1)[1]), 10 + bill.attempts)
    method = PaymentMethod(household.method)
    # A bill that is much higher than usual is the harder to pay.
    strain = 1.0 + max(0.0, bill.amount_minor / max(1.0, household.usual_minor) - 1.2)
    if dice.chance(min(0.85, household.pays_badly * strain * (2.2 if bill.attempts > 1 else 1.0))):
        if method in (PaymentMethod.DIRECT_DEBIT, PaymentMethod.CARD):
            world.say(
                c,
                at_ms,
                PaymentFailed(
                    bill_id=bill.bill_id,
                    amount_minor=bill.amount_minor,
                    method=method,
                    days_overdue=overdue,
                    reason="insufficient_funds" if dice.chance(0.8) else "card_expired",
                ),
            )
            feel(world, c, -0.05)
            if bill.attempts == 1:
                problem = open_problem(world, c, "payment", at_ms, bill.bill_id, -1)
                seek_contact(world, c, problem, at_ms)
        if bill.attempts < 8:
            world.plan("pay", at_ms + dice.randint(4, 14) * DAY_MS, c, bill=bill.bill_id)
        return
    household.bills.remove(bill)
    world.totals.paid_minor += bill.amount_minor
    world.say(
        c,
        at_ms,
        PaymentMade(
            bill_id=bill.bill_id, amount_minor=bill.amount_minor, method=method, days_overdue=overdue
        ),
    )
    count_arrears(world, c, day)


def remind(world: World, at_ms: int, c: int, data: dict[str, Any]) -> None:
    """Remind of an unpaid bill; end the contract when it has been overdue for far too long."""
    household, parameters = world.households[c], world.parameters
    bill = find_bill(household, data["bill"])
    if bill is None:
        return
    day = parameters.day_of(at_ms)
    overdue = day - bill.due_day
    count_arrears(world, c, day)
    if overdue <= 0:
        return
    if overdue >= _GIVEN_UP:
        household.bills.remove(bill)
        if world.people.active[c]:
            leave(world, at_ms, c, Initiative.OPERATOR)
        return
    world.say(
        c,
        at_ms,
        PaymentOverdue(
            bill_id=bill.bill_id,
            amount_minor=bill.amount_minor,
            days_overdue=overdue,
            method=PaymentMethod(household.method),
        ),
    )
    feel(world, c, -0.04)
    if overdue >= _REMINDERS[-1]:
        world.plan("remind", at_ms + (_GIVEN_UP - overdue) * DAY_MS, c, bill=bill.bill_id)


def count_arrears(world: World, c: int, day: int) -> None:
    """Bring the days of the household's oldest arrears up to date."""
    bills = world.households[c].bills
    world.people.arrears[c] = max([0, *(day - bill.due_day for bill in bills)])


HANDLERS: Final[dict[str, Handler]] = {"shocked": shocked, "pay": pay, "remind": remind}
PLANNERS: Final[tuple[Planner, ...]] = (plan_bills,)
