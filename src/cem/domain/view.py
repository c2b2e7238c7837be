"""What is known of a customer, by plain names, at the reader's own instant: for decisions, screens and detectors.

Every function is pure and evaluates windows at the `now_ms` that it is given, to the millisecond: an instant t is
inside a window of n days if now - n days < t <= now. Nothing here changes the customer's facts.
"""

from __future__ import annotations

from datetime import tzinfo

from cem.domain.customer import Customer
from cem.domain.detectors.recipients import aged, distinct_centi
from cem.domain.facts.contacts import all_contacts
from cem.domain.facts.supplies import contract_of, plan_of
from cem.domain.facts.talk import CALL_LIMIT_MS
from cem.domain.facts.usage import cycle_at
from cem.domain.localtime import DAY_MS, HOUR_MS, date_of, local_day
from cem.domain.state.alerts import StoredAlert
from cem.domain.state.billing import Bill, bill_key
from cem.domain.state.contacts import Contact, unpack_contacts
from cem.domain.state.decisions import Decision
from cem.domain.state.lines import DESTINATIONS, Cycle, Line
from cem.domain.state.outreach import Touch
from cem.domain.state.profile import Plan
from cem.domain.state.service import Fault, Order, Task, Ticket
from cem.domain.state.talk import OpenCall

__all__ = [
    "CSAT_PRIOR",
    "age_years",
    "bill_owed",
    "cancelled_from_ms",
    "charged_by_destination",
    "charged_minor",
    "consent",
    "contacts_in",
    "contract_days_left",
    "csat_level",
    "decisions_about",
    "decisions_in",
    "effort",
    "faults_in",
    "first_contact_resolution",
    "last_answer",
    "last_contact",
    "missed_promises_in",
    "open_alerts",
    "open_calls",
    "open_faults",
    "open_orders",
    "open_tasks",
    "open_tickets",
    "overdue_days",
    "owed_minor",
    "plan_at",
    "recent_contacts",
    "recipients_24h",
    "repeats_in",
    "tenure_days",
    "touches_in",
    "usage_cycle",
    "usage_share",
]

#: CSAT taken for granted before anybody answered, and how many answers that prior weighs.
CSAT_PRIOR = 3.6
_CSAT_PRIOR_WEIGHT = 1.0
_CSAT_HALF_LIFE_MS = 60 * DAY_MS


# Contacts


def recent_contacts(customer: Customer) -> list[Contact]:
    """Return the newest contacts in full (at most 20), oldest first."""
    return unpack_contacts(customer.contacts)[0]


def last_contact(customer: Customer, now_ms: int) -> Contact | None:
    """Return the newest contact up to now."""
    return next((c for c in reversed(recent_contacts(customer)) if c.at_ms <= now_ms), None)


def contacts_in(
    customer: Customer, now_ms: int, days: int, *, reason: str | None = None, channel: str | None = None
) -> int:
    """Return how many contacts he began in the last `days` (up to 30), of one reason or channel if given."""
    since_ms = now_ms - days * DAY_MS
    return sum(
        1
        for c in all_contacts(customer)
        if since_ms < c.at_ms <= now_ms
        and (reason is None or c.reason == reason)
        and (channel is None or c.channel == channel)
    )


def repeats_in(customer: Customer, now_ms: int, days: int = 7, *, reason: str = "") -> int:
    """Return how many contacts of the last `days` followed another one about the same reason in that time.

    Of one reason if given, else of all known reasons.
    """
    since_ms = now_ms - days * DAY_MS
    seen: dict[str, int] = {}
    for c in all_contacts(customer):
        if since_ms < c.at_ms <= now_ms and c.reason and (not reason or c.reason == reason):
            seen[c.reason] = seen.get(c.reason, 0) + 1
    return sum(n - 1 for n in seen.values())


def first_contact_resolution(customer: Customer) -> float | None:
    """Return the share of judged contacts that were resolved at first contact, or None if none was judged yet."""
    contacts = customer.contacts
    judged = contacts.resolved + contacts.repeated + contacts.left
    return contacts.resolved / judged if judged else None


def effort(customer: Customer, now_ms: int, days: int = 30) -> tuple[int, int, int, int]:
    """Return what his contacts of the last `days` cost him: seconds waited, seconds held, transfers, abandonments.

    Of the newest 20 contacts.
    """
    since_ms = now_ms - days * DAY_MS
    recent = [c for c in recent_contacts(customer) if since_ms < c.at_ms <= now_ms]
    return (
        sum(c.wait_s for c in recent),
        sum(c.hold_s for c in recent),
        sum(c.transfers for c in recent),
        sum(c.abandoned for c in recent),
    )


def open_calls(customer: Customer, now_ms: int) -> list[OpenCall]:
    """Return the calls that are going on, the newest last; one without an end for four hours is over."""
    return [
        call
        for call in customer.talk.calls
        if (call.started_ms or call.turns[-1].at_ms) > now_ms - CALL_LIMIT_MS
    ]


# Satisfaction


def csat_level(customer: Customer, now_ms: int) -> float:
    """Return the CSAT (1 to 5) of his answers, each weighing half as much every 60 days, shrunk to `CSAT_PRIOR`.

    An answer without CSAT counts by its NPS (0 to 10) or else its CES (1 to 7, easy to hard) on the same scale.
    """
    weight_sum, total = _CSAT_PRIOR_WEIGHT, _CSAT_PRIOR_WEIGHT * CSAT_PRIOR
    for answer in customer.satisfaction.answers:
        if answer.csat:
            level = float(answer.csat)
        elif answer.nps >= 0:
            level = 1 + answer.nps * 0.4
        else:
            level = 5 - (answer.ces - 1) * 4 / 6
        weight = 2.0 ** (-max(0, now_ms - answer.at_ms) / _CSAT_HALF_LIFE_MS)
        weight_sum += weight
        total += weight * level
    return total / weight_sum


def last_answer(customer: Customer, kind: str) -> int | None:
    """Return the newest answer to `kind` ("csat", "nps" or "ces"), or None."""
    for answer in reversed(customer.satisfaction.answers):
        value: int = getattr(answer, kind)
        if value > (-1 if kind == "nps" else 0):
            return value
    return None


# Use


def usage_cycle(customer: Customer, line: str, now_ms: int) -> Cycle | None:
    """Return the line's running cycle, or None if nothing was used in it."""
    found = customer.lines.get(line)
    return None if found is None else cycle_at(found, now_ms)


def usage_share(customer: Customer, line: str, now_ms: int) -> float | None:
    """Return the share of the line's message allowance used in the running cycle (1.0 = all), or None if unknown."""
    found = customer.lines.get(line)
    if found is None or not found.allowance:
        return None
    cycle = cycle_at(found, now_ms)
    return cycle.counted / found.allowance if cycle else 0.0


def charged_minor(customer: Customer, now_ms: int, line: str | None = None) -> int:
    """Return what messages beyond the tariff have cost in the running cycle: of one line, or of all."""
    lines = customer.lines.values() if line is None else filter(None, (customer.lines.get(line),))
    return sum(sum(cycle.charged_minor) for found in lines if (cycle := cycle_at(found, now_ms)))


def charged_by_destination(cycle: Cycle) -> dict[str, int]:
    """Return the cycle's charges in minor units by destination class; classes without charges are left out."""
    return {name: minor for name, minor in zip(DESTINATIONS, cycle.charged_minor, strict=False) if minor}


def recipients_24h(line: Line, now_ms: int) -> int:
    """Return about how many distinct recipients the line wrote to in the last 24 clock hours."""
    velocity = line.velocity
    if velocity is None:
        return 0
    return round(distinct_centi(aged(velocity.cells, now_ms // HOUR_MS - velocity.hour)) / 100)


# Money and contract


def bill_owed(customer: Customer, bill: Bill) -> int:
    """Return what is still to be paid of a bill, from the payments kept; never negative."""
    paid = sum(
        p.amount_minor
        for p in customer.billing.payments
        if p.kind == "made" and p.bill == bill_key(bill.bill_id)
    )
    return max(0, bill.total_minor - paid)


def overdue_days(customer: Customer, now_ms: int, tz: tzinfo) -> int:
    """Return for how many days the oldest unpaid bill has been overdue; 0 = none is.

    A bill without a due day counts from the operator's own `payment.overdue`.
    """
    days = 0
    today = local_day(now_ms, tz)
    billing = customer.billing
    for bill in billing.bills:
        if bill.due_day and bill_owed(customer, bill) and bill.issued_ms <= now_ms:
            days = max(days, today - bill.due_day)
    known = [bill_key(bill.bill_id) for bill in billing.bills if bill.due_day]
    for index, payment in enumerate(billing.payments):
        if payment.kind == "overdue" and payment.bill not in known and payment.at_ms <= now_ms:
            paid = any(p.kind == "made" and p.bill == payment.bill for p in billing.payments[index:])
            if not paid:
                days = max(days, payment.days_overdue + (now_ms - payment.at_ms) // DAY_MS)
    return days


def owed_minor(customer: Customer, now_ms: int, tz: tzinfo) -> int:
    """Return what is overdue of the kept bills in minor units."""
    today = local_day(now_ms, tz)
    return sum(
        bill_owed(customer, bill)
        for bill in customer.billing.bills
        if bill.due_day and bill.due_day < today and bill.issued_ms <= now_ms
    )


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


def tenure_days(customer: Customer, now_ms: int, tz: tzinfo) -> int:
    """Return for how many days he has been a customer: since the stated day, else since his first record."""
    since = customer.profile.since_day
    if since:
        return max(0, local_day(now_ms, tz) - since)
    return max(0, now_ms - customer.first_ms) // DAY_MS if customer.first_ms else 0


# Service and promises


def faults_in(customer: Customer, now_ms: int, days: int = 30) -> int:
    """Return how many faults began in the last `days` (up to 30)."""
    since_ms = now_ms - days * DAY_MS
    return sum(1 for f in customer.service.faults if since_ms < f.began_ms <= now_ms)


def open_faults(customer: Customer, now_ms: int) -> list[Fault]:
    """Return the faults that last."""
    return [f for f in customer.service.faults if not f.ended_ms and 0 < f.began_ms <= now_ms]


def open_tickets(customer: Customer) -> list[Ticket]:
    """Return the tickets that are not closed, the one touched last at the end."""
    return [t for t in customer.service.tickets if not t.closed_ms]


def open_orders(customer: Customer) -> list[Order]:
    """Return the orders that have not arrived."""
    return [o for o in customer.service.orders if not o.delivered_ms]


def open_tasks(customer: Customer) -> list[Task]:
    """Return the tasks that are not closed."""
    return [t for t in customer.service.tasks if not t.closed_ms]


def missed_promises_in(customer: Customer, now_ms: int, days: int = 30) -> int:
    """Return how many promises (deliveries, repairs, tasks) fell due unkept in the last `days`, of those kept."""
    since_ms = now_ms - days * DAY_MS
    service = customer.service
    dues = [(o.due_ms, o.delivered_ms) for o in service.orders]
    dues += [(t.due_ms, t.closed_ms) for t in service.tickets]
    dues += [(t.due_ms, 0 if t.given_up else t.closed_ms) for t in service.tasks]
    return sum(1 for due, done in dues if since_ms < due <= now_ms and not 0 < done < due)


# Outreach and decisions


def touches_in(
    customer: Customer, now_ms: int, days: int, *, channel: str | None = None, action: str | None = None
) -> list[Touch]:
    """Return the times that the company turned to him in the last `days` (up to 30), oldest first."""
    since_ms = now_ms - days * DAY_MS
    return [
        t
        for t in customer.outreach.touches
        if t.kind
        and not t.failed
        and since_ms < t.at_ms <= now_ms
        and (channel is None or t.channel == channel)
        and (action is None or t.action == action)
    ]


def decisions_in(
    customer: Customer, now_ms: int, days: int, *, action: str | None = None, state: str | None = None
) -> list[Decision]:
    """Return the decisions of the last `days` (up to 30) in order, of one action or now in one state if given.

    Those made only to compare (shadow) are left out.
    """
    since_ms = now_ms - days * DAY_MS
    return [
        d
        for d in customer.decisions.made
        if not d.shadow
        and since_ms < d.at_ms <= now_ms
        and (action is None or d.action == action)
        and (state is None or d.state == state)
    ]


def decisions_about(customer: Customer, action: str) -> list[Decision]:
    """Return the kept decisions for one action, oldest first, shadow left out."""
    return [d for d in customer.decisions.made if d.action == action and not d.shadow]


# The rest


def open_alerts(customer: Customer, type_: str | None = None) -> list[StoredAlert]:
    """Return the open alerts, oldest first, of one type if given."""
    return [a for a in customer.alerts.open if type_ is None or a.type == type_]


def consent(customer: Customer, purpose: str, channel: str = "") -> bool | None:
    """Return what he said of a purpose over a channel (else of the purpose as a whole), or None: nothing."""
    whole: bool | None = None
    for said in customer.profile.consents:
        if said.purpose == purpose:
            if channel and said.channel == channel:
                return said.granted
            if not said.channel:
                whole = said.granted
    return whole


def age_years(birth_year: int, now_ms: int, tz: tzinfo) -> int | None:
    """Return the age reached in the running year, or None if the year of birth is unknown."""
    if not birth_year:
        return None
    return max(0, date_of(local_day(now_ms, tz)).year - birth_year)
