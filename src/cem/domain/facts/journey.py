"""What dealing with the company cost the customer: over all time, and since his contract's term began.

Units: contacts, repeats, promises kept and missed, seconds waited and held, transfers, contacts abandoned. Windows: for
ever, and the running term, which begins with the latest renewal of any of the account's contracts (or change of plan
that states a new end) that has taken effect; without one, with the customer. A contact belongs to the term in which it
began, a promise to that in which it fell due.

Equals: sums over all contacts and promises, and over those of the running term. Order-free, except that of contacts
that begin after a term of which is only heard later, the seconds, transfers and abandonments of the newest 20 are
known. No tick: a term agreed for later begins when its instant is reached, which readers see by themselves.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from cem.domain.customer import Customer
from cem.domain.state.contacts import REPEATED, Contact
from cem.domain.state.contacts_at_hand import read_contacts
from cem.domain.state.journey import DROPPED, EFFORTS, Journey
from cem.domain.state.service import KEPT_PROMISE, MISSED_PROMISE, Order, Task, Ticket

__all__ = [
    "TERMS_KEPT",
    "absorb_journey",
    "before_term",
    "begin_term",
    "efforts_of",
    "move_on",
    "note_contact",
    "note_dropped",
    "note_promise",
    "note_repeat",
    "totals",
]

#: The running term and those agreed for later.
TERMS_KEPT = 4
#: Where the efforts that only `Journey.spent` counts begin.
_SPENT = EFFORTS.index("wait_s")

Efforts = tuple[int, ...]


def begin_term(customer: Customer, begin_ms: int, now_ms: int) -> None:
    """Let a term begin; one that began before the running one changes nothing."""
    journey = customer.journey
    begin_s = begin_ms // 1000
    if begin_s in journey.begins_s or (journey.begins_s and begin_s < journey.begins_s[0]):
        return
    move_on(customer, now_ms)
    begins = journey.begins_s
    if not begins:
        # The term so far began with the customer.
        begins.append(0)
    insort(begins, begin_s)
    del begins[TERMS_KEPT:]
    move_on(customer, now_ms)


def absorb_journey(customer: Customer, other: Customer, now_ms: int) -> None:
    """Add what dealing with the company cost another customer, who goes on as this one; all else of him is added already.

    The newest term of either runs. What came before it is reckoned anew from totals and from what is kept since.
    """
    mine, theirs = customer.journey, other.journey
    _add(mine.spent, theirs.spent, 1)
    _add(mine.dropped, theirs.dropped, 1)
    if mine.begins_s or theirs.begins_s:
        begins = sorted({0, *mine.begins_s, *theirs.begins_s})
        while len(begins) > 1 and begins[1] * 1000 <= now_ms:
            del begins[0]
        mine.begins_s = begins[:TERMS_KEPT]
        mine.before = []
        if begins[0]:
            _add(mine.before, _before(customer, begins[0] * 1000), 1)


def efforts_of(contact: Contact) -> Efforts:
    """Return what a contact adds to each of EFFORTS."""
    return (
        1,
        int(contact.verdict == REPEATED),
        0,
        0,
        contact.wait_s,
        contact.hold_s,
        contact.transfers,
        int(contact.abandoned),
    )


def note_contact(customer: Customer, at_ms: int, efforts: Efforts, by: int) -> None:
    """Count (`by` 1) or take back (-1) what a contact that began at `at_ms` cost."""
    journey = customer.journey
    _add(journey.spent, efforts[_SPENT:], by)
    if _is_before(journey, at_ms):
        _add(journey.before, efforts, by)


def note_repeat(customer: Customer, at_ms: int, by: int) -> None:
    """Count or take back that a contact was followed by another one, where it was before the running term."""
    journey = customer.journey
    if _is_before(journey, at_ms):
        _add(journey.before, (0, 1), by)


def note_promise(customer: Customer, due_ms: int, verdict: int, by: int) -> None:
    """Count or take back the verdict on a promise that fell due before the running term."""
    journey = customer.journey
    if _is_before(journey, due_ms):
        _add(journey.before, (0, 0, int(verdict == KEPT_PROMISE), int(verdict == MISSED_PROMISE)), by)


def note_dropped(customer: Customer, kind: str, count: int = 1) -> None:
    """Count things of one of DROPPED that the state lets go."""
    if count:
        _add(customer.journey.dropped, [count * (kind == each) for each in DROPPED], 1)


def totals(customer: Customer) -> Efforts:
    """Return each of EFFORTS over all time."""
    contacts, service = customer.contacts, customer.service
    spent = [*customer.journey.spent, 0, 0, 0, 0][: len(EFFORTS) - _SPENT]
    return (contacts.total, contacts.repeated, service.kept, service.missed, *spent)


def before_term(customer: Customer, now_ms: int) -> tuple[int, Efforts]:
    """Return when the term that runs at `now_ms` began (s; 0 = with the customer), and each of EFFORTS before it."""
    journey = customer.journey
    begins = [begin_s for begin_s in journey.begins_s if begin_s * 1000 <= now_ms]
    if not begins:
        return 0, (0,) * len(EFFORTS)
    if begins[-1] == journey.begins_s[0]:
        return begins[-1], tuple([*journey.before, *[0] * len(EFFORTS)][: len(EFFORTS)])
    return begins[-1], _before(customer, begins[-1] * 1000)


def move_on(customer: Customer, now_ms: int) -> None:
    """Let the newest term run that has begun by now; totals and what is kept of contacts must agree at that moment."""
    journey = customer.journey
    begins = journey.begins_s
    if len(begins) > 1 and begins[1] * 1000 <= now_ms:
        while len(begins) > 1 and begins[1] * 1000 <= now_ms:
            del begins[0]
        journey.before = []
        _add(journey.before, _before(customer, begins[0] * 1000), 1)


def _before(customer: Customer, begin_ms: int) -> Efforts:
    """Return each of EFFORTS before an instant, from the totals and from what is kept since."""
    kept, older = read_contacts(customer.contacts)
    since: list[Efforts] = [efforts_of(contact) for contact in kept if contact.at_ms >= begin_ms]
    # Of one kept in brief, "abandoned" stands for any bad end, and the rest is not known.
    since += [(1, int(c.verdict == REPEATED)) for c in older if c.at_ms >= begin_ms]
    service = customer.service
    promises: Iterable[Order | Ticket | Task] = (*service.orders, *service.tickets, *service.tasks)
    since += [
        (0, 0, int(promise.verdict == KEPT_PROMISE), int(promise.verdict == MISSED_PROMISE))
        for promise in promises
        if promise.due_ms >= begin_ms
    ]
    before = [*totals(customer)]
    for efforts in since:
        for index, amount in enumerate(efforts):
            before[index] -= amount
    return tuple(before)


def _is_before(journey: Journey, at_ms: int) -> bool:
    return bool(journey.begins_s) and at_ms < journey.begins_s[0] * 1000


def _add(numbers: list[int], more: Iterable[int], by: int) -> None:
    """Add index by index; trailing zeros are left out."""
    for index, amount in enumerate(more):
        if amount:
            if index >= len(numbers):
                numbers.extend([0] * (index + 1 - len(numbers)))
            numbers[index] += by * amount
    while numbers and not numbers[-1]:
        numbers.pop()
