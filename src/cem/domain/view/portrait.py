"""The customer at an instant in some thirty bytes: what models of tables look at, frozen until its label is known.

A feature is one byte; 255 is not known. Most are numbers; how he pays, and the first three of the operator's own labels
of him (by name: how he was won, his shop, his tier ...), are categories. Of a label the byte is a hash: that two of them
share one of its 255 values is rare, and costs a model little. So a portrait can wait in the state of every customer for the weeks that a label
takes, and the model learns from exactly what it saw when it was asked. `features_of` gives names and numbers back.
Features are only ever appended: a shorter portrait is one of an older release, and what it lacks is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from functools import lru_cache
from math import log2
from typing import Final
from zlib import crc32

from cem.domain.customer import Customer
from cem.domain.facts.supplies import contract_of
from cem.domain.localtime import DAY_MS, local_day, zone
from cem.domain.state.billing import METHODS, Billing
from cem.domain.state.contact_rows import newest_until
from cem.domain.state.contacts import REPEATED
from cem.domain.state.contacts_at_hand import glimpses_since
from cem.domain.state.decisions import states_between
from cem.domain.state.lines import Line
from cem.domain.state.profile import Profile
from cem.domain.view.money import overdue_days, tenure_days
from cem.domain.view.moods import mood_level
from cem.domain.view.satisfaction import CSAT_PRIOR, csat_level
from cem.domain.view.service import missed_promises_in, open_faults, open_tickets

__all__ = ["CATEGORIES", "FEATURES", "SAYS", "features_of", "portrait"]

UNKNOWN: Final = 255
_MOST: Final = 254
#: Words in a contact's reason that speak of leaving.
_LEAVING: Final = ("cancel", "leav", "terminat", "switch", "port", "huy", "hủy", "cham dut", "chấm dứt")

#: A contact as `glimpses_since` has it.
_Glimpse = tuple[int, int, bool, int, str]

#: Labels of the profile that are looked at.
_LABELS: Final = 3

#: What the bytes are of whoever has not turned to us within a month, has nothing that could fail, and was offered nothing.
_NEVER: Final = (0, 0, 0, 0, 0)
_NOTHING: Final = (0, 0, 0, 0)
_NOT_OFFERED: Final = (0, 0)
#: The satisfaction of whoever was never asked.
_UNASKED: Final = round(CSAT_PRIOR * 50)


def _method(byte: int) -> str:
    return METHODS[byte] if byte < len(METHODS) else ""


#: Name -> (what a byte says, what people call it). Append only; the order is that of the bytes.
_ROWS: Final[tuple[tuple[str, Callable[[int], float | str], str], ...]] = (
    ("tenure_months", float, "time as a customer"),
    ("contract_days_left", lambda b: (b - 64) * 4.0, "days left of the contract"),
    ("overdue_days", float, "days that a bill is overdue"),
    ("failed_payments_90d", float, "refused payments"),
    ("contacts_7d", float, "contacts within a week"),
    ("contacts_30d", float, "contacts within a month"),
    ("unresolved_30d", float, "contacts that solved nothing"),
    ("repeats_30d", float, "contacts again about the same"),
    ("waited_min_30d", float, "minutes waited and held"),
    ("open_matters", float, "open tickets and late orders"),
    ("missed_promises_30d", float, "promises not kept"),
    ("fault_hours_30d", lambda b: b * 2.0, "hours of faults"),
    ("open_faults", float, "faults going on"),
    ("csat_level", lambda b: b / 50, "satisfaction in surveys"),
    ("days_since_survey", lambda b: b * 2.0, "days since a survey"),
    ("mood", lambda b: b / 100 - 1, "mood"),
    ("days_since_contact", float, "days since a contact"),
    ("bill_change", lambda b: b / 50 - 2, "change of the bill"),
    ("price", lambda b: 2 ** (b / 8.0), "price of the plan"),
    ("lines", float, "lines"),
    ("declined_30d", float, "offers declined"),
    ("accepted_30d", float, "offers accepted"),
    ("quiet_days", lambda b: b / 8, "days without any sign of life"),
    ("asked_to_leave_30d", float, "contacts about leaving"),
    ("credited_90d", float, "credits granted"),
    ("days_since_renewal", lambda b: b * 4.0, "days since the contract was renewed"),
    ("last_csat", float, "last answer in a survey"),
    ("pays_by", _method, "how he pays"),
    ("label_1", "#{}".format, "the first label of his profile"),
    ("label_2", "#{}".format, "the second label of his profile"),
    ("label_3", "#{}".format, "the third label of his profile"),
)
FEATURES: Final = tuple(name for name, _, _ in _ROWS)
SAYS: Final = {name: says for name, _, says in _ROWS}

#: Whether each is a category: its bytes have no order.
CATEGORIES: Final = tuple([isinstance(says(0), str) for _, says, _ in _ROWS])

_VALUES: Final = tuple([tuple([number(byte) for byte in range(UNKNOWN)]) for _, number, _ in _ROWS])


def portrait(customer: Customer, now_ms: int, timezone: str) -> bytes:
    """Return the customer as he is known at `now_ms`; `timezone` is the operator's."""
    # Models ask for one at every contact, decision and week: what costs something is looked at once.
    profile, billing, packed = customer.profile, customer.billing, customer.contacts
    today = local_day(now_ms, zone(profile.timezone, timezone))
    since_ms = now_ms - 30 * DAY_MS
    month = glimpses_since(packed, since_ms)
    if month and month[-1][0] > now_ms:
        month = [each for each in month if each[0] <= now_ms]
    return bytes(
        [
            *_bound(customer, profile, billing, now_ms, today),
            *_turned_to_us(month, now_ms),
            *_suffered(customer, now_ms),
            *_feels(customer, now_ms, month[-1][0] if month else newest_until(packed, since_ms)),
            *_pays(customer.lines, profile, billing, now_ms),
            *_offered(customer, now_ms),
            *_more(customer, profile, billing, now_ms, month),
            *_kind(profile, billing, now_ms),
        ]
    )


def features_of(packed: bytes) -> dict[str, float | str]:
    """Return the features that are known, by name: numbers, and categories as texts."""
    return {
        name: values[byte]
        for name, values, byte in zip(FEATURES, _VALUES, packed, strict=False)
        if byte != UNKNOWN
    }


def _byte(value: float) -> int:
    byte = round(value)
    return byte if 0 <= byte <= _MOST else 0 if byte < 0 else _MOST


def _few(count: int) -> int:
    """Return the byte of a number that is never negative."""
    return count if count < _MOST else _MOST


def _bound(customer: Customer, profile: Profile, billing: Billing, now_ms: int, today: int) -> list[int]:
    contract = contract_of(profile, "")
    left = UNKNOWN
    if contract is not None and contract.end_day:
        left = _byte((contract.end_day - today) / 4 + 64)
    tenure = max(0, today - profile.since_day) if profile.since_day else tenure_days(customer, now_ms, UTC)
    failures = 0
    if billing.failed:
        since_ms = now_ms - 90 * DAY_MS
        failures = len([1 for p in billing.payments_of("failed") if since_ms < p.at_ms <= now_ms])
    return [
        _byte(tenure / 30.4),
        left,
        _few(overdue_days(customer, now_ms, UTC, today=today)),
        _few(failures),
    ]


def _turned_to_us(month: list[_Glimpse], now_ms: int) -> Sequence[int]:
    if not month:
        return _NEVER
    week_ms = now_ms - 7 * DAY_MS
    week = unsolved = repeated = waited = 0
    for at_ms, verdict, unresolved, lost_s, _ in month:
        week += at_ms > week_ms
        unsolved += unresolved
        repeated += verdict == REPEATED
        waited += lost_s
    return [_few(week), _few(len(month)), _few(unsolved), _few(repeated), _byte(waited / 60)]


def _suffered(customer: Customer, now_ms: int) -> Sequence[int]:
    service = customer.service
    if not (service.faults or service.orders or service.tickets or service.tasks):
        return _NOTHING
    since_ms = now_ms - 30 * DAY_MS
    hours = 0.0
    for fault in service.faults:
        began, ended = fault.began_ms or fault.ended_ms, fault.ended_ms or now_ms
        hours += max(0, min(ended, now_ms) - max(began, since_ms)) / 3_600_000
    late = sum([0 < o.due_ms < now_ms and not o.delivered_ms for o in service.orders])
    return [
        _few(len(open_tickets(customer)) + late),
        _few(missed_promises_in(customer, now_ms)),
        _byte(hours / 2),
        _few(len(open_faults(customer, now_ms))),
    ]


def _feels(customer: Customer, now_ms: int, contact_ms: int | None) -> list[int]:
    answers = customer.satisfaction.answers
    mood = mood_level(customer, now_ms)
    return [
        _byte(csat_level(customer, now_ms) * 50) if answers else _UNASKED,
        UNKNOWN if not answers else _byte((now_ms - answers[-1].at_ms) / DAY_MS / 2),
        UNKNOWN if mood is None else _byte((mood + 1) * 100),
        UNKNOWN if contact_ms is None else _byte((now_ms - contact_ms) / DAY_MS),
    ]


def _pays(known: Mapping[str, Line], profile: Profile, billing: Billing, now_ms: int) -> list[int]:
    bills = billing.bills
    if bills and bills[-1].issued_ms > now_ms:
        bills = [bill for bill in bills if bill.issued_ms <= now_ms]
    change = UNKNOWN
    if len(bills) > 1 and bills[-2].total_minor > 0:
        share = bills[-1].total_minor / bills[-2].total_minor - 1
        change = _byte((max(-2.0, min(3.0, share)) + 2) * 50)
    prices = 0
    for supply in profile.supplies:
        price = 0
        # Plans are ordered by when they begin.
        for plan in supply.plans:
            if plan.from_ms <= now_ms and plan.price_minor >= 0:
                price = plan.price_minor
        prices += price
    silent = [user.line for user in profile.users if user.line not in known]
    lines = len(known) + (len(dict.fromkeys(silent)) if silent else 0)
    return [change, _byte(log2(prices) * 8) if prices > 0 else UNKNOWN, _few(lines)]


def _offered(customer: Customer, now_ms: int) -> Sequence[int]:
    states = states_between(customer.decisions, now_ms - 30 * DAY_MS, now_ms)
    if not states:
        return _NOT_OFFERED
    declined = states.count("declined")
    return [_few(declined), _few(states.count("accepted") + states.count("done"))]


def _more(
    customer: Customer, profile: Profile, billing: Billing, now_ms: int, month: list[_Glimpse]
) -> list[int]:
    leaving = 0
    for each in month:
        leaving += _speaks_of_leaving(each[4])
    since_ms = now_ms - 90 * DAY_MS
    credited = 0
    for bill in billing.bills:
        credited += since_ms < bill.issued_ms <= now_ms and bill.is_credited()
    renewed_ms = 0
    for supply in profile.supplies:
        if supply.agreed is not None and supply.agreed.said_ms > renewed_ms:
            renewed_ms = supply.agreed.said_ms
    answers = customer.satisfaction.answers
    csats = [answer.csat for answer in answers if answer.csat] if answers else None
    return [
        _byte((now_ms - customer.last_ms) / DAY_MS * 8),
        _few(leaving),
        _few(credited),
        _byte((now_ms - renewed_ms) / DAY_MS / 4) if renewed_ms else UNKNOWN,
        _byte(csats[-1]) if csats else UNKNOWN,
    ]


@lru_cache(maxsize=1024)
def _speaks_of_leaving(reason: str) -> bool:
    said = reason.lower()
    return any(word in said for word in _LEAVING)


def _kind(profile: Profile, billing: Billing, now_ms: int) -> list[int]:
    method = UNKNOWN
    for payment in reversed(billing.payments):
        if payment.code > 3 and payment.at_ms <= now_ms:
            method = payment.code >> 2
            break
    hashes = [UNKNOWN] * _LABELS
    segments = profile.segments
    if segments:
        for place, (name, value) in enumerate(sorted(segments.items())[:_LABELS]):
            hashes[place] = crc32(f"{name}={value}".encode()) % UNKNOWN
    return [method, *hashes]
