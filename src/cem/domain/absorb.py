"""One customer out of two: what was kept of the one is added to what is kept of the other.

What counts adds up: records per topic and line, totals of contacts, bills, payments, promises. What is a list is the
union, each thing once, in its order; it is cut to its length by the next record of its kind. Of what is said (profile,
plans, consents) the newest holds, and the lines of both stay. What models say, and open alerts, are the taker's own: they
are made anew from the facts. Marks of numbered sources stay where they are: they are of records keyed by each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from cem.domain.customer import Customer
from cem.domain.duplicates import IDS_FOR_AN_HOUR
from cem.domain.facts.contacts import all_contacts, keep_contacts
from cem.domain.facts.decisions import keep_decisions
from cem.domain.facts.journey import absorb_journey
from cem.domain.state.ledger import Watch
from cem.domain.state.lines import Cycle, Line
from cem.domain.state.profile import PROFILE_FIELDS, Profile
from cem.domain.state.reach import merge_past

__all__ = ["absorb"]

_HASH: Final = 5


def absorb(taker: Customer, other: Customer, now_ms: int) -> None:
    """Add what is kept of `other` to `taker`. `other` is used up."""
    firsts = [at_ms for at_ms in (taker.first_ms, other.first_ms) if at_ms]
    taker.first_ms = min(firsts, default=0)
    taker.last_ms = max(taker.last_ms, other.last_ms)
    taker.as_of_ms = max(taker.as_of_ms, other.as_of_ms)
    taker.counts = _added(taker.counts, other.counts)
    taker.duplicates += other.duplicates
    ids = (other.seen + taker.seen)[-IDS_FOR_AN_HOUR * _HASH :]
    taker.seen_marked = min(len(ids) // _HASH, taker.seen_marked + len(other.seen) // _HASH)
    taker.seen = ids
    for name, line in other.lines.items():
        mine = taker.lines.get(name)
        taker.lines[name] = line if mine is None else _one_line(mine, line)
    _profile(taker.profile, other.profile)
    _contacts(taker, other, now_ms)
    _decisions(taker, other)
    merge_past(taker.outreach, other.outreach)
    other.outreach.past = None
    watches = {w.type: w for w in (*other.watching.watches, *taker.watching.watches)}
    taker.watching.watches = sorted(watches.values(), key=_opened)
    for name, lists in _LISTS.items():
        _section(getattr(taker, name), getattr(other, name), lists)
    absorb_journey(taker, other, now_ms)
    for name in ("promises_due_ms", "learning_due_s", "ledger_due_s"):
        dues = [due for due in (getattr(taker, name), getattr(other, name)) if due]
        setattr(taker, name, min(dues, default=0))


def _added(mine: list[int], theirs: list[int]) -> list[int]:
    longer, shorter = (mine, theirs) if len(mine) >= len(theirs) else (theirs, mine)
    return [a + b for a, b in zip(longer, [*shorter, *[0] * len(longer)], strict=False)]


def _opened(watch: Watch) -> tuple[int, str]:
    return watch.opened_s, watch.type


def _one_line(mine: Line, theirs: Line) -> Line:
    """Return the line that both had: its counts and use add up; what else is known of it is the busier one's."""
    base, more = (mine, theirs) if sum(mine.counts) >= sum(theirs.counts) else (theirs, mine)
    cycles: dict[int, Cycle] = {}
    for cycle in (base.cycle, base.previous, more.cycle, more.previous):
        if cycle is not None:
            known = cycles.get(cycle.start_s)
            cycles[cycle.start_s] = cycle if known is None else _one_cycle(known, cycle)
    newest = [cycles[start_s] for start_s in sorted(cycles, reverse=True)]
    days = [line.first_day for line in (base, more) if line.first_day]
    base.counts = _added(base.counts, more.counts)
    base.cycle = newest[0] if newest else None
    follows = len(newest) > 1 and newest[1].end_s == newest[0].start_s
    base.previous = newest[1] if follows else None
    base.allowance = base.allowance or more.allowance
    base.first_day = min(days, default=0)
    return base


def _one_cycle(mine: Cycle, theirs: Cycle) -> Cycle:
    mine.messages += theirs.messages
    mine.segments += theirs.segments
    mine.counted += theirs.counted
    mine.charged_minor = _added(mine.charged_minor, theirs.charged_minor)
    mine.charged += theirs.charged
    mine.told_percent = max(mine.told_percent, theirs.told_percent)
    mine.told_steps = max(mine.told_steps, theirs.told_steps)
    return mine


def _profile(mine: Profile, theirs: Profile) -> None:
    users = {user.line: user for user in theirs.users} | {user.line: user for user in mine.users}
    named = {n.name: n for n in theirs.identifiers} | {n.name: n for n in mine.identifiers}
    at_ms = max(mine.at_ms, theirs.at_ms)
    ages: list[int] = []
    for index, field in enumerate(PROFILE_FIELDS):
        ours, other = _said_ms(mine, index), _said_ms(theirs, index)
        if other > ours:
            setattr(mine, field, getattr(theirs, field))
        ages.append(-1 if max(ours, other) < 0 else at_ms - max(ours, other))
    mine.status = mine.status or theirs.status
    while ages and ages[-1] < 0:
        ages.pop()
    mine.at_ms, mine.ages_ms = at_ms, ages
    mine.users = [users[line] for line in sorted(users)]
    mine.identifiers = [named[name] for name in sorted(named)]
    supplies = {s.line: s for s in theirs.supplies} | {s.line: s for s in mine.supplies}
    mine.supplies = [supplies[line] for line in sorted(supplies)]
    consents = {(c.purpose, c.channel): c for c in mine.consents}
    for consent in theirs.consents:
        known = consents.get((consent.purpose, consent.channel))
        if known is None or consent.at_ms > known.at_ms:
            consents[consent.purpose, consent.channel] = consent
    mine.consents = [consents[key] for key in sorted(consents)]


def _said_ms(profile: Profile, index: int) -> int:
    ages = profile.ages_ms
    return profile.at_ms - ages[index] if index < len(ages) and ages[index] >= 0 else -1


def _contacts(taker: Customer, other: Customer, now_ms: int) -> None:
    mine, theirs = taker.contacts, other.contacts
    found = {contact.key: contact for contact in all_contacts(other)}
    shared = 0
    for contact in all_contacts(taker):
        shared += contact.key in found
        found[contact.key] = contact
    if not theirs.total:
        return
    for name in ("total", "resolved", "repeated", "left", "dropped"):
        setattr(mine, name, getattr(mine, name) + getattr(theirs, name))
    mine.total -= shared
    keep_contacts(taker, list(found.values()), now_ms)


def _decisions(taker: Customer, other: Customer) -> None:
    if other.decisions == type(other.decisions)():
        return
    made = {(d.key, d.action): d for d in (*other.decisions.made, *taker.decisions.made)}
    for name in ("total", "accepted", "declined"):
        setattr(taker.decisions, name, getattr(taker.decisions, name) + getattr(other.decisions, name))
    keep_decisions(taker.decisions, list(made.values()))


#: Sections of lists and totals: each list's key and order. A total is every whole number beside them.
_LISTS: Final[dict[str, dict[str, Callable[[Any], Any]]]] = {
    "talk": {"calls": lambda call: call.call_id},
    "billing": {
        "bills": lambda bill: (bill.issued_s, bill.bill_id),
        "payments": lambda paid: (paid.at_s, paid.code, paid.bill, paid.amount_minor),
        "purchases": lambda bought: (bought.at_ms, bought.product, bought.line),
    },
    "satisfaction": {"answers": lambda answer: (answer.at_ms, answer.about)},
    "service": {
        "faults": lambda fault: (fault.began_ms or fault.ended_ms, fault.kind, fault.line),
        "tickets": lambda ticket: (ticket.opened_ms, ticket.ticket_id),
        "orders": lambda order: (order.placed_ms, order.order_id),
        "tasks": lambda task: (task.due_ms, task.task_id),
        "notes": lambda note: (note.at_ms, note.by),
    },
    "outreach": {"touches": lambda touch: (touch.at_ms, touch.id)},
}


def _section(mine: msgspec.Struct, theirs: msgspec.Struct, lists: dict[str, Callable[[Any], Any]]) -> None:
    for name in mine.__struct_fields__:
        ours, other = getattr(mine, name), getattr(theirs, name)
        if name in lists:
            key = lists[name]
            found = {key(each): each for each in (*other, *ours)}
            # Nothing of the other's: the taker's own order stays as it is.
            setattr(mine, name, [found[k] for k in sorted(found)] if other else ours)
        elif isinstance(ours, int) and isinstance(other, int) and not isinstance(ours, bool):
            setattr(mine, name, ours + other)
        elif not ours:
            setattr(mine, name, other)
