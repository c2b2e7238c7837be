"""What is counted in a lane's own state when a customer gets in touch, suffers a fault or answers a survey.

Unit: contacts that he began and that are over, faults that began, survey answers. Window: by the hour of the event for 25
hours, by its day (UTC) for 8 days, and reasons without groups for 36 days. Equals: those counts over all records whose
time is in the window, in any order. Bounded: `_NAMES` different texts, further ones are counted as "other"; texts that
nothing counts any more make room.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from cem.domain.customer import Customer
from cem.domain.events import CallEnded, Event, InteractionRecorded, ServiceDegraded, SurveyAnswered
from cem.domain.events.enums import CallDirection
from cem.domain.localtime import DAY_MS, HOUR_MS
from cem.domain.state.contacts import Contact, contact_key, unresolved
from cem.domain.state.contacts_at_hand import contacts_since
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

_CONTACT_OVER: Final = (CallEnded, InteractionRecorded)

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
#: Spellings of which the number is remembered.
_REMEMBERED: Final = 1_024
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
    found = _counted(customer, event, at_ms)
    if found is None:
        return
    reason, cells = found
    hour, day = at_ms // HOUR_MS, at_ms // DAY_MS
    if not now_ms // DAY_MS - _DAYS < day <= now_ms // DAY_MS + 1:
        return
    voice = lane.look(VOICE)
    # Once an hour: within one, nothing comes in that would have to go again.
    look = _looks.get(lane.lane)
    if look is None or look.voice is not voice or look.hour != now_ms // HOUR_MS:
        _forget(voice, now_ms)
        look = _looks[lane.lane] = _Look(voice, now_ms // HOUR_MS)
    number = look.number
    places = [ALL << 24 | number("") << 16]
    # Every group counts the same, so it is made out once.
    codes = [(what << 8 | (number(reason) if what == REASON else 0), amount) for what, amount in cells]
    area, plan = customer.profile.area, plan_at(customer, now_ms)
    if area:
        places.append(AREA << 24 | number(area) << 16)
    if plan is not None and plan.name:
        places.append(PRODUCT << 24 | number(plan.name) << 16)
    places += [SEGMENT << 24 | number(name) << 16 for name in segments]
    if day <= now_ms // DAY_MS - GROUPED_DAYS:
        del places[1:]
    wanted = [voice.days.setdefault(day, {})]
    if now_ms // HOUR_MS - HOURS < hour:
        wanted.append(voice.hours.setdefault(hour, {}))
    keyed = [(place | code, amount) for place in places for code, amount in codes]
    for bucket in wanted:
        counted = bucket.get
        for key, amount in keyed:
            bucket[key] = counted(key, 0) + amount
    lane.touch(VOICE)


class _Look:
    """A lane's section within an hour, since all that is old was dropped from it: until then no text loses its number."""

    __slots__ = ("_numbers", "hour", "voice")

    def __init__(self, voice: Voice, hour: int) -> None:
        self.voice = voice
        self.hour = hour
        self._numbers: dict[str, int] = {}

    def number(self, name: str) -> int:
        """Return the text's number, giving it one; 0 if there is none left."""
        found = self._numbers.get(name)
        if found is None:
            found = _number(self.voice, name)
            # There may be room for it later.
            if found != _OTHER and len(self._numbers) < _REMEMBERED:
                self._numbers[name] = found
        return found


#: By lane.
_looks: dict[int, _Look] = {}


def _counted(customer: Customer, event: Event, at_ms: int) -> tuple[str, list[tuple[int, int]]] | None:
    """Return the reason and what is counted how often; None for what says nothing."""
    if isinstance(event, _CONTACT_OVER):
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


def _of_contact(contact: Contact, known: Sequence[Contact]) -> list[tuple[int, int]]:
    cells = [(CONTACTS, 1), (REASON, 1)]
    if unresolved(contact):
        cells.append((UNRESOLVED, 1))
    since_ms = contact.at_ms - _REPEAT_MS
    if len(known) > 1 and any(
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
