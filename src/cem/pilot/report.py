"""What a pilot found, in numbers: alerts by type, the contacts that they would have come before, what was proposed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from itertools import pairwise
from statistics import median

import msgspec

from cem.domain.events.rfc3339 import format_ms
from cem.domain.localtime import DAY_MS, HOUR_MS
from cem.pilot.history import History
from cem.pilot.lived import Contacted, Lived, Told

__all__ = ["Episode", "OfAction", "OfType", "Report", "report_of"]


class OfType(msgspec.Struct, frozen=True):
    """Alerts of one type that would have been told."""

    type: str
    alerts: int
    notices: int
    customers: int
    #: How many were followed by a contact of the customer within the horizon, and how long before it they came.
    before_a_contact: int
    median_hours_before: float | None


class OfAction(msgspec.Struct, frozen=True):
    """How often an action would have been proposed."""

    action: str
    with_an_alert: int
    at_a_contact: int


class Episode(msgspec.Struct, frozen=True):
    """An alert and the contact that it would have come before."""

    customer_id: str
    type: str
    tier: str
    subject: str
    told_at: str
    evidence: dict[str, object]
    remedy: str | None
    cost_minor: int
    contact_at: str
    hours_before: float
    channel: str
    reason: str
    #: What would have been proposed at the contact.
    proposed: str
    sentence: str


class Report(msgspec.Struct, frozen=True):
    """The pilot's result. Times are RFC 3339 in UTC, amounts minor units of `currency`."""

    first: str | None
    last: str | None
    currency: str
    horizon_days: int
    rows: int
    records: int
    skipped: int
    rejects: dict[str, int]
    customers: int
    contacts: int
    #: Contacts with an alert about the customer told within the horizon before them.
    contacts_warned: int
    #: Contacts within 7 days of another of the same customer.
    contacts_repeated: int
    alerts: list[OfType]
    actions: list[OfAction]
    #: The longest forewarned contacts of each type, at most so many as asked for.
    episodes: list[Episode]


def report_of(
    history: History, lived: Lived, *, currency: str, horizon_days: int = 14, episodes: int = 50
) -> Report:
    """Return the report on what `live` made of the history."""
    horizon_ms = horizon_days * DAY_MS
    contacts = _by_customer(lived.contacts)
    times = {customer: [c.at_ms for c in found] for customer, found in contacts.items()}
    told = defaultdict(list)
    for each in lived.told:
        told[each.alert.customer_id].append(each.at_ms)
    pairs = [
        (each, nxt) for each in lived.told if (nxt := _next(each, contacts, times, horizon_ms)) is not None
    ]
    return Report(
        first=format_ms(lived.first_ms).decode() if lived.first_ms else None,
        last=format_ms(lived.last_ms).decode() if lived.last_ms else None,
        currency=currency,
        horizon_days=horizon_days,
        rows=history.rows,
        records=lived.records,
        skipped=history.skipped,
        rejects=dict(sorted((Counter(history.rejects) + Counter(lived.rejected)).items())),
        customers=lived.customers,
        contacts=len(lived.contacts),
        contacts_warned=sum(_warned(c, told[c.customer_id], horizon_ms) for c in lived.contacts),
        contacts_repeated=sum(
            later - earlier <= 7 * DAY_MS for at in times.values() for earlier, later in pairwise(at)
        ),
        alerts=_types(lived.told, pairs),
        actions=_actions(lived),
        episodes=_episodes(pairs, episodes),
    )


def _by_customer(contacts: list[Contacted]) -> dict[str, list[Contacted]]:
    found: dict[str, list[Contacted]] = defaultdict(list)
    for contact in sorted(contacts, key=lambda c: c.at_ms):
        found[contact.customer_id].append(contact)
    return found


def _next(
    told: Told, contacts: dict[str, list[Contacted]], times: dict[str, list[int]], horizon_ms: int
) -> Contacted | None:
    """Return the customer's first contact after the alert, if it is within the horizon."""
    customer = told.alert.customer_id
    # A contact at which the alert opened (a repeat) is not one that it came before.
    at = bisect_right(times.get(customer, []), told.at_ms)
    if at == len(times.get(customer, [])) or times[customer][at] - told.at_ms > horizon_ms:
        return None
    return contacts[customer][at]


def _warned(contact: Contacted, told_ms: list[int], horizon_ms: int) -> bool:
    first = bisect_left(told_ms, contact.at_ms - horizon_ms)
    return first < bisect_left(told_ms, contact.at_ms)


def _types(told: list[Told], pairs: list[tuple[Told, Contacted]]) -> list[OfType]:
    by_type: dict[str, list[Told]] = defaultdict(list)
    for each in told:
        by_type[each.alert.type].append(each)
    hours: dict[str, list[float]] = defaultdict(list)
    for each, contact in pairs:
        hours[each.alert.type].append((contact.at_ms - each.at_ms) / HOUR_MS)
    return [
        OfType(
            type=type_,
            alerts=sum(str(t.alert.tier) == "alert" for t in found),
            notices=sum(str(t.alert.tier) == "notice" for t in found),
            customers=len({t.alert.customer_id for t in found}),
            before_a_contact=len(hours[type_]),
            median_hours_before=round(median(hours[type_]), 1) if hours[type_] else None,
        )
        for type_, found in sorted(by_type.items())
    ]


def _actions(lived: Lived) -> list[OfAction]:
    with_alert = Counter(t.alert.remedy.action for t in lived.told if t.alert.remedy is not None)
    at_contact = Counter(c.action for c in lived.contacts)
    names = sorted(
        with_alert.keys() | at_contact.keys(), key=lambda name: (-with_alert[name] - at_contact[name], name)
    )
    return [OfAction(name, with_alert[name], at_contact[name]) for name in names]


def _episodes(pairs: list[tuple[Told, Contacted]], limit: int) -> list[Episode]:
    """Return the dearest first, then the longest forewarned."""
    ordered = sorted(pairs, key=lambda pair: (-pair[0].alert.cost_minor, pair[0].at_ms - pair[1].at_ms))
    return [
        Episode(
            customer_id=told.alert.customer_id,
            type=told.alert.type,
            tier=str(told.alert.tier),
            subject=told.alert.subject,
            told_at=format_ms(told.at_ms).decode(),
            evidence=dict(told.alert.evidence),
            remedy=told.alert.remedy.action if told.alert.remedy is not None else None,
            cost_minor=told.alert.cost_minor,
            contact_at=format_ms(contact.at_ms).decode(),
            hours_before=round((contact.at_ms - told.at_ms) / HOUR_MS, 1),
            channel=contact.channel,
            reason=contact.reason,
            proposed=contact.action,
            sentence=contact.sentence,
        )
        for told, contact in ordered[:limit]
    ]
