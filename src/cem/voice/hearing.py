"""What is counted in a lane's own state when a customer gets in touch, suffers a fault or answers a survey.

Unit: contacts that he began and that are over, faults that began, survey answers. Window: by the hour of the event for 25
hours, by its day (UTC) for 8 days, and reasons without groups for 36 days. Equals: those counts over all records whose
time is in the window, in any order. Bounded: `_NAMES` different texts, further ones are counted as "other"; texts that
nothing counts any more make room.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from cem.domain.customer import Customer
from cem.domain.events import CallEnded, Event, InteractionRecorded, ServiceDegraded, SurveyAnswered
from cem.domain.events.enums import CallDirection
from cem.domain.localtime import DAY_MS, HOUR_MS
from cem.domain.state.contacts import Contact, contact_key, contacts_since, unresolved
from cem.domain.state.lane import LaneSection, LaneState
from cem.domain.view import plan_at

__all__ = [
    "ALL",
    "AREA",
    "CONTACTS",
    "CSAT_SUM",
    "FAULTS",
    "GROUPED_DAYS",
    "HOURS",
    "PRODUCT",
    "RATED",
    "REASON",
    "REPEATS",
    "SEGMENT",
    "UNRESOLVED",
    "VOICE",
    "Voice",
    "hear",
    "unkeyed",
]

#: Kinds of groups; everybody is one.
ALL, AREA, PRODUCT, SEGMENT = range(4)
#: What is counted. Of a reason its contacts are.
CONTACTS, UNRESOLVED, REPEATS, FAULTS, RATED, CSAT_SUM, REASON = range(7)

HOURS: Final = 25
GROUPED_DAYS: Final = 8
_DAYS: Final = 36
#: Texts (areas, plans, segments, reasons) that a lane counts apart, and the length that they are cut to.
_NAMES: Final = 160
_LENGTH: Final = 40
_OTHER: Final = 0
_REPEAT_MS: Final = 7 * DAY_MS


class Voice(msgspec.Struct, array_like=True, gc=False):
    """The lane's section. A cell's key packs the kind of group, the group, what is counted and the reason."""

    #: Texts by number; 0 is "other", "" is free.
    names: list[str] = msgspec.field(default_factory=lambda: ["other"])
    hours: dict[int, dict[int, int]] = {}
    days: dict[int, dict[int, int]] = {}


VOICE: Final = LaneSection("voice", Voice)


def unkeyed(key: int) -> tuple[int, int, int, int]:
    """Return a cell's kind of group, group, what is counted, and reason."""
    return key >> 24, key >> 16 & 255, key >> 8 & 255, key & 255


def hear(
    lane: LaneState,
    customer: Customer,
    event: Event,
    at_ms: int,
    now_ms: int,
    segments: Sequence[str],
) -> None:
    """Count the event, folded already into a customer who is in these segments."""
    counted = _counted(customer, event, at_ms)
    if counted is None:
        return
    reason, cells = counted
    hour, day = at_ms // HOUR_MS, at_ms // DAY_MS
    if not now_ms // DAY_MS - _DAYS < day <= now_ms // DAY_MS + 1:
        return
    voice = lane.look(VOICE)
    # Once an hour: within one, nothing comes in that would have to go again.
    tidied, at_hour = _tidied.get(lane.lane, (None, 0))
    if tidied is not voice or at_hour != now_ms // HOUR_MS:
        _forget(voice, now_ms)
        _tidied[lane.lane] = voice, now_ms // HOUR_MS
    plan = plan_at(customer, now_ms)
    groups = [(ALL, "")]
    if customer.profile.area:
        groups.append((AREA, customer.profile.area))
    if plan is not None and plan.name:
        groups.append((PRODUCT, plan.name))
    groups += [(SEGMENT, name) for name in segments]
    grouped = day > now_ms // DAY_MS - GROUPED_DAYS
    wanted = [voice.days.setdefault(day, {})]
    if now_ms // HOUR_MS - HOURS < hour:
        wanted.append(voice.hours.setdefault(hour, {}))
    reason_number = None
    for kind, name in groups:
        place = kind << 24 | _number(voice, name) << 16
        for what, amount in cells:
            key = place | what << 8
            if what == REASON:
                if reason_number is None:
                    reason_number = _number(voice, reason)
                key |= reason_number
            if grouped or kind == ALL:
                for bucket in wanted:
                    bucket[key] = bucket.get(key, 0) + amount
    lane.touch(VOICE)


#: By lane, the very section from which all that is old was dropped last, and in which hour.
_tidied: dict[int, tuple[Voice, int]] = {}


def _counted(customer: Customer, event: Event, at_ms: int) -> tuple[str, list[tuple[int, int]]] | None:
    """Return the reason and what is counted how often; None for what says nothing."""
    if isinstance(event, CallEnded | InteractionRecorded):
        name = event.call_id if isinstance(event, CallEnded) else event.interaction_id
        if event.direction is CallDirection.OUTBOUND:
            return None
        key = contact_key(name)
        known = contacts_since(customer.contacts, at_ms - _REPEAT_MS - DAY_MS)
        contact = next((c for c in reversed(known) if c.key == key), None)
        # One that we began has been taken out of his contacts.
        return None if contact is None else (contact.reason, _of_contact(contact, known))
    if isinstance(event, ServiceDegraded):
        return "", [(FAULTS, 1)]
    if isinstance(event, SurveyAnswered) and event.csat:
        return "", [(RATED, 1), (CSAT_SUM, event.csat)]
    return None


def _of_contact(contact: Contact, known: Iterable[Contact]) -> list[tuple[int, int]]:
    cells = [(CONTACTS, 1), (REASON, 1)]
    if unresolved(contact):
        cells.append((UNRESOLVED, 1))
    since_ms = contact.at_ms - _REPEAT_MS
    if any(
        c.reason == contact.reason and since_ms < c.at_ms < contact.at_ms and c.key != contact.key
        for c in known
    ):
        cells.append((REPEATS, 1))
    return cells


def _number(voice: Voice, name: str) -> int:
    """Return the text's number, giving it one; 0 if there is none left."""
    name = _folded(name)
    names = voice.names
    try:
        return names.index(name)
    except ValueError:
        if "" in names:
            number = names.index("")
            names[number] = name
            return number
        if len(names) >= _NAMES:
            return _OTHER
        names.append(name)
        return len(names) - 1


@lru_cache(maxsize=4096)
def _folded(name: str) -> str:
    """Return the text under which the name is counted."""
    return name.strip().casefold()[:_LENGTH] if name else "unsaid"


def _forget(voice: Voice, now_ms: int) -> None:
    """Drop what is older than the windows, and the texts that nothing counts any more."""
    hour, day = now_ms // HOUR_MS, now_ms // DAY_MS
    old = [h for h in voice.hours if h <= hour - HOURS]
    for h in old:
        del voice.hours[h]
    before = len(voice.days)
    for d in [d for d in voice.days if d <= day - _DAYS]:
        del voice.days[d]
    thinned = False
    for d, bucket in voice.days.items():
        if d <= day - GROUPED_DAYS and any(key >> 24 != ALL for key in bucket):
            voice.days[d] = {key: n for key, n in bucket.items() if key >> 24 == ALL}
            thinned = True
    if old or thinned or len(voice.days) != before:
        used = {_OTHER: None}
        for bucket in (*voice.hours.values(), *voice.days.values()):
            for key in bucket:
                used[key >> 16 & 255] = used[key & 255] = None
        voice.names = [name if number in used else "" for number, name in enumerate(voice.names)]
