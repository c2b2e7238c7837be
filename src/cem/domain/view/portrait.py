"""The customer at an instant in some thirty bytes: what models of tables look at, frozen until its label is known.

A feature is one byte; 255 is not known. Most are numbers; how he pays, and the first three of the operator's own labels
of him (by name: how he was won, his shop, his tier ...), are categories. Of a label the byte is a hash: that two of them
share one of its 255 values is rare, and costs a model little. So a portrait can wait in the state of every customer for the weeks that a label
takes, and the model learns from exactly what it saw when it was asked. `features_of` gives names and numbers back.
Features are only ever appended: a shorter portrait is one of an older release, and what it lacks is not known.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import tzinfo
from math import log2
from typing import Final
from zlib import crc32

from cem.domain.customer import Customer
from cem.domain.localtime import DAY_MS, zone
from cem.domain.state.billing import METHODS
from cem.domain.state.contacts import REPEATED, Contact, contacts_since, unresolved
from cem.domain.view.estimates import mood_level
from cem.domain.view.money import contract_days_left, overdue_days, pays_by, tenure_days
from cem.domain.view.satisfaction import csat_level
from cem.domain.view.service import missed_promises_in, open_faults, open_tickets

__all__ = ["CATEGORIES", "FEATURES", "SAYS", "features_of", "portrait"]

UNKNOWN: Final = 255
_MOST: Final = 254
#: Words in a contact's reason that speak of leaving.
_LEAVING: Final = ("cancel", "leav", "terminat", "switch", "port", "huy", "hủy", "cham dut", "chấm dứt")

#: Labels of the profile that are looked at.
_LABELS: Final = 3


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
    tz = zone(customer.profile.timezone, timezone)
    contacts = [c for c in contacts_since(customer.contacts, -1) if c.at_ms <= now_ms]
    since_ms = now_ms - 30 * DAY_MS
    month = [c for c in contacts if c.at_ms > since_ms]
    return bytes(
        [
            *_bound(customer, now_ms, tz),
            *_turned_to_us(month, now_ms),
            *_suffered(customer, now_ms),
            *_feels(customer, now_ms, contacts[-1].at_ms if contacts else None),
            *_pays(customer, now_ms),
            *_offered(customer, now_ms),
            *_more(customer, now_ms, month),
            *_kind(customer, now_ms),
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
    return max(0, min(_MOST, round(value)))


def _bound(customer: Customer, now_ms: int, tz: tzinfo) -> list[int]:
    left = contract_days_left(customer, now_ms, tz)
    failures = sum(
        p.kind == "failed" and now_ms - 90 * DAY_MS < p.at_ms <= now_ms for p in customer.billing.payments
    )
    return [
        _byte(tenure_days(customer, now_ms, tz) / 30.4),
        UNKNOWN if left is None else _byte(left / 4 + 64),
        _byte(overdue_days(customer, now_ms, tz)),
        _byte(failures),
    ]


def _turned_to_us(month: list[Contact], now_ms: int) -> list[int]:
    week_ms = now_ms - 7 * DAY_MS
    return [
        _byte(sum(c.at_ms > week_ms for c in month)),
        _byte(len(month)),
        _byte(sum(map(unresolved, month))),
        _byte(sum(c.verdict == REPEATED for c in month)),
        _byte(sum(c.wait_s + c.hold_s for c in month) / 60),
    ]


def _suffered(customer: Customer, now_ms: int) -> list[int]:
    since_ms = now_ms - 30 * DAY_MS
    service = customer.service
    hours = 0.0
    for fault in service.faults:
        began, ended = fault.began_ms or fault.ended_ms, fault.ended_ms or now_ms
        hours += max(0, min(ended, now_ms) - max(began, since_ms)) / 3_600_000
    late = sum(0 < o.due_ms < now_ms and not o.delivered_ms for o in service.orders)
    return [
        _byte(len(open_tickets(customer)) + late),
        _byte(missed_promises_in(customer, now_ms)),
        _byte(hours / 2),
        _byte(len(open_faults(customer, now_ms))),
    ]


def _feels(customer: Customer, now_ms: int, contact_ms: int | None) -> list[int]:
    answers = customer.satisfaction.answers
    mood = mood_level(customer, now_ms)
    return [
        _byte(csat_level(customer, now_ms) * 50),
        UNKNOWN if not answers else _byte((now_ms - answers[-1].at_ms) / DAY_MS / 2),
        UNKNOWN if mood is None else _byte((mood + 1) * 100),
        UNKNOWN if contact_ms is None else _byte((now_ms - contact_ms) / DAY_MS),
    ]


def _pays(customer: Customer, now_ms: int) -> list[int]:
    bills = [bill for bill in customer.billing.bills if bill.issued_ms <= now_ms]
    change = UNKNOWN
    if len(bills) > 1 and bills[-2].total_minor > 0:
        share = bills[-1].total_minor / bills[-2].total_minor - 1
        change = _byte((max(-2.0, min(3.0, share)) + 2) * 50)
    prices = 0
    for supply in customer.profile.supplies:
        begins = [plan.from_ms for plan in supply.plans if plan.price_minor >= 0]
        at = bisect_right(begins, now_ms)
        if at:
            prices += [plan.price_minor for plan in supply.plans if plan.price_minor >= 0][at - 1]
    lines = {**dict.fromkeys(customer.lines), **{user.line: None for user in customer.profile.users}}
    return [change, _byte(log2(prices) * 8) if prices > 0 else UNKNOWN, _byte(len(lines))]


def _offered(customer: Customer, now_ms: int) -> list[int]:
    since_ms = now_ms - 30 * DAY_MS
    made = [d for d in customer.decisions.made if since_ms < (d.state_ms or d.at_ms) <= now_ms]
    return [
        _byte(sum(d.state == "declined" for d in made)),
        _byte(sum(d.state in ("accepted", "done") for d in made)),
    ]


def _more(customer: Customer, now_ms: int, month: list[Contact]) -> list[int]:
    leaving = sum(any(word in c.reason.lower() for word in _LEAVING) for c in month)
    since_ms = now_ms - 90 * DAY_MS
    credited = sum(
        since_ms < bill.issued_ms <= now_ms
        and any(causes.get("credit", 0) < 0 for causes in bill.sums.values())
        for bill in customer.billing.bills
    )
    renewed_ms = max([supply.contract.said_ms for supply in customer.profile.supplies], default=0)
    csats = [answer.csat for answer in customer.satisfaction.answers if answer.csat]
    return [
        _byte((now_ms - customer.last_ms) / DAY_MS * 8),
        _byte(leaving),
        _byte(credited),
        _byte((now_ms - renewed_ms) / DAY_MS / 4) if renewed_ms else UNKNOWN,
        _byte(csats[-1]) if csats else UNKNOWN,
    ]


def _kind(customer: Customer, now_ms: int) -> list[int]:
    method = pays_by(customer, now_ms)
    labels = sorted(customer.profile.segments.items())[:_LABELS]
    hashes = [crc32(f"{name}={value}".encode()) % UNKNOWN for name, value in labels]
    return [METHODS.index(method) if method else UNKNOWN, *hashes, *[UNKNOWN] * (_LABELS - len(hashes))]
