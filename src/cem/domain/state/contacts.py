"""Contacts in the state: packed rows, because there are many of them and few events touch them.

In memory a contact is a `Contact`; in the state the newest `KEPT` are rows of 19 bytes with tables of their texts, and
those before, as far as a window of 30 days can see, rows of 8. Unpacking costs microseconds and happens only when a
contact is folded or read.
"""

from __future__ import annotations

import struct
from operator import is_
from zlib import crc32

import msgspec

__all__ = [
    "CHANNELS",
    "KEPT",
    "LEFT",
    "OLDER_KEPT",
    "OPEN",
    "REPEATED",
    "RESOLUTIONS",
    "RESOLVED",
    "ROW_BYTES",
    "SECONDS_MOST",
    "TRANSFERS_MOST",
    "Contact",
    "Contacts",
    "channel_code",
    "contact_channels",
    "contact_key",
    "contacts_since",
    "first_after",
    "glimpses_since",
    "is_started",
    "newest_until",
    "pack_contacts",
    "pack_tail",
    "read_contacts",
    "row_of",
    "time_of",
    "unpack_contacts",
    "unpack_rows",
    "unresolved",
]

#: Contacts kept in full, and further ones kept in brief.
KEPT = 20
OLDER_KEPT = 200
#: Contacts of which id and representative are kept; of the older ones only the id's 32-bit key.
NAMED_KEPT = 3

OPEN, RESOLVED, REPEATED, LEFT = range(4)

#: What a row has room for.
SECONDS_MOST = 65_535
TRANSFERS_MOST = 255

#: Codes of channels and of how a contact ended, at most 16 of each. Append only; "" is unknown.
CHANNELS = ("", "other", "call", "sms", "email", "app", "web", "chat", "shop", "social", "post", "field")
RESOLUTIONS = ("", "other", "resolved", "unresolved", "follow_up", "callback")

_ROW = struct.Struct("<IHBHHHBBI")
#: Bytes of a row of `Contacts.rows`.
ROW_BYTES = _ROW.size
#: Where in a row channel and end, reason and key are.
_WAYS_AT, _REASON_AT, _KEY_AT = 6, 14, 15
#: Of a row: instant and flags, channel and end, seconds waited and held, reason.
_GLIMPSE = struct.Struct("<IHB2xHHxB4x")
_BRIEF = struct.Struct("<IHBBI")
_CHANNEL_CODE = {name: code for code, name in enumerate(CHANNELS)}
_RESOLUTION_CODE = {name: code for code, name in enumerate(RESOLUTIONS)}
#: How contacts end that did not solve the problem, and the codes of that.
_UNRESOLVED = ("unresolved", "follow_up", "callback")
_UNHELPFUL = tuple([RESOLUTIONS.index(name) for name in _UNRESOLVED])
_OTHER = 1
_COUNTING = bytes(range(1, 256))


class Contact(msgspec.Struct, gc=False):
    """One time that the customer turned to the company.

    `verdict` is one of OPEN (the window for a repeat is open), RESOLVED (it closed without one), REPEATED (a contact
    about the same reason followed within it) and LEFT (it closed without one, but the contact was abandoned or
    recorded as not resolved).
    """

    at_ms: int
    #: CRC-32 of the call's or interaction's id.
    key: int = 0
    channel: str = ""
    reason: str = ""
    #: The id itself and the representative, of the newest few.
    id: str = ""
    rep_id: str = ""
    #: What was said of its end: one of RESOLUTIONS.
    resolution: str = ""
    verdict: int = OPEN
    #: False while only the call's end has been seen: `at_ms` is then reckoned back from it.
    started: bool = True
    ended: bool = False
    abandoned: bool = False
    #: Seconds, at most 65,535.
    duration_s: int = 0
    wait_s: int = 0
    hold_s: int = 0
    transfers: int = 0


class Contacts(msgspec.Struct, array_like=True, gc=False):
    """The packed contacts, oldest first, and the totals over all time."""

    rows: bytes = b""
    older: bytes = b""
    reasons: list[str] = []
    #: Ids and representatives of the newest few, oldest first.
    ids: list[str] = []
    reps: list[str] = []
    #: Contacts so far, and how many of them have each verdict.
    total: int = 0
    resolved: int = 0
    repeated: int = 0
    left: int = 0
    #: Contacts that fell out of `older` while a window of 30 days could still see them.
    dropped: int = 0


def channel_code(name: str) -> int:
    """Return the channel's index in CHANNELS; one that is not there is "other"."""
    return _CHANNEL_CODE.get(name, _OTHER)


def contact_key(contact_id: str) -> int:
    """Return the key by which a contact is found again."""
    return crc32(contact_id.encode())


def unresolved(contact: Contact) -> bool:
    """Return whether it is known that the contact did not solve the problem."""
    return contact.abandoned or contact.resolution in _UNRESOLVED


def pack_contacts(contacts: Contacts, kept: list[Contact], older: list[Contact]) -> None:
    """Put both lists (oldest first) into `contacts`; equal lists give equal bytes.

    Numbers must be within what a row has room for (struct.error).
    """
    # A byte names a reason, and at most 220 contacts are kept.
    reasons = {"": 0}
    contacts.rows = _packed_rows(kept, reasons)
    number = reasons.setdefault
    contacts.older = b"".join(
        [
            _BRIEF.pack(
                c.at_ms & 0xFFFFFFFF,
                c.at_ms >> 32,
                _CHANNEL_CODE.get(c.channel, _OTHER) << 4 | c.started << 3 | unresolved(c) << 2 | c.verdict,
                number(c.reason, len(reasons)),
                c.key,
            )
            for c in older
        ]
    )
    contacts.reasons = [*reasons][1:]
    contacts.ids = [c.id for c in kept[-NAMED_KEPT:]]
    contacts.reps = [c.rep_id for c in kept[-NAMED_KEPT:]]


def pack_tail(contacts: Contacts, first: int, settled: int, tail: list[Contact], since_ms: int) -> None:
    """Put `tail`, all contacts after an instant, behind the rows `first` to `settled`, which stay as they are.

    The bytes are those of `pack_contacts` of all of them; none may be kept in brief. The contacts of `tail` must not be
    changed any more.
    """
    global _read
    if first or len(tail) != 1 or not _pack_last(contacts, settled, tail[0]):
        _pack_behind(contacts, first, settled, tail)
    if all(c.channel in _CHANNEL_CODE and c.resolution in _RESOLUTION_CODE for c in tail):
        # Who reads them next finds them unpacked.
        _read = _Reading((contacts.rows, contacts.older, contacts.reasons, contacts.ids, contacts.reps))
        _read.kept, _read.done, _read.from_ms = tail, settled - first, since_ms


def _pack_last(contacts: Contacts, settled: int, last: Contact) -> bool:
    """Put one contact behind all rows or in the last one's place; False, and nothing, where that takes more than this."""
    rows, reasons = contacts.rows, contacts.reasons
    ids, reps = contacts.ids, contacts.reps
    before = len(rows) // ROW_BYTES
    if not len(ids) == len(reps) == min(before, NAMED_KEPT):
        return False
    reason = last.reason
    if settled == before:
        if reason and reason not in reasons:
            contacts.reasons = reasons = [*reasons, reason]
        number = reasons.index(reason) + 1 if reason else 0
        named = slice(int(before >= NAMED_KEPT), None)
    elif settled == before - 1:
        number = rows[settled * ROW_BYTES + _REASON_AT]
        if reason != (reasons[number - 1] if number else ""):
            return False
        named = slice(0, -1)
    else:
        return False
    contacts.rows = rows[: settled * ROW_BYTES] + _packed_rows([last], {reason: number})
    contacts.ids = [*ids[named], last.id]
    contacts.reps = [*reps[named], last.rep_id]
    return True


def _pack_behind(contacts: Contacts, first: int, settled: int, tail: list[Contact]) -> None:
    """Put the contacts behind the rows, numbering the reasons of all of them anew."""
    old, ids, reps = contacts.rows, contacts.ids, contacts.reps
    rows = old[first * ROW_BYTES : settled * ROW_BYTES]
    # Reasons are numbered as they first appear; a row that goes may have been the first of its reason.
    column = rows[_REASON_AT::ROW_BYTES]
    order = bytes(dict.fromkeys(column.replace(b"\0", b"")))
    if order != _COUNTING[: len(order)]:
        numbers = bytearray(256)
        for number, before in enumerate(order, 1):
            numbers[before] = number
        renumbered = bytearray(rows)
        renumbered[_REASON_AT::ROW_BYTES] = column.translate(numbers)
        rows = bytes(renumbered)
    reasons = {"": 0}
    for number, before in enumerate(order, 1):
        reasons[contacts.reasons[before - 1]] = number
    contacts.rows = rows + _packed_rows(tail, reasons)
    contacts.reasons = [*reasons][1:]
    named = range(max(first, settled - max(0, NAMED_KEPT - len(tail))), settled)
    unnamed = len(old) // ROW_BYTES - len(ids)
    contacts.ids = [ids[n - unnamed] if n >= unnamed else "" for n in named]
    contacts.reps = [reps[n - unnamed] if n >= unnamed else "" for n in named]
    contacts.ids += [c.id for c in tail[-NAMED_KEPT:]]
    contacts.reps += [c.rep_id for c in tail[-NAMED_KEPT:]]
    for c in tail[:-NAMED_KEPT]:
        c.id = c.rep_id = ""


def _packed_rows(kept: list[Contact], reasons: dict[str, int]) -> bytes:
    """Return the contacts as rows; numbers their reasons after those that have a number."""
    number = reasons.setdefault
    channel_of, resolution_of = _CHANNEL_CODE.get, _RESOLUTION_CODE.get
    return b"".join(
        [
            _ROW.pack(
                # A time takes 42 bits until the year 2109; the other 6 are flags.
                c.at_ms << 6 & 0xFFFFFFFF | c.verdict | c.started << 2 | c.ended << 3 | c.abandoned << 4,
                c.at_ms >> 26,
                channel_of(c.channel, _OTHER) << 4 | resolution_of(c.resolution, _OTHER),
                c.duration_s,
                c.wait_s,
                c.hold_s,
                c.transfers,
                number(c.reason, len(reasons)),
                c.key,
            )
            for c in kept
        ]
    )


def row_of(contacts: Contacts, key: int, channel: str) -> int | None:
    """Return the number of the row with this key and channel, None if there is none among those kept in full."""
    rows, sought = contacts.rows, key.to_bytes(4, "little")
    at = rows.find(sought)
    while at >= 0:
        if at % ROW_BYTES == _KEY_AT and CHANNELS[rows[at - _KEY_AT + _WAYS_AT] >> 4] == channel:
            return at // ROW_BYTES
        at = rows.find(sought, at + 1)
    return None


def time_of(contacts: Contacts, row: int) -> int:
    """Return the instant (ms) of the contact in a row of those kept in full."""
    return int.from_bytes(contacts.rows[row * ROW_BYTES : row * ROW_BYTES + 6], "little") >> 6


def is_started(contacts: Contacts, row: int) -> bool:
    """Return whether the beginning of the contact in a row of those kept in full has been seen."""
    return contacts.rows[row * ROW_BYTES] & 4 != 0


def contact_channels(contacts: Contacts) -> list[tuple[int, str]]:
    """Return instant (ms) and channel of every contact kept: what costs a tenth of unpacking them."""
    found = [((row[0] | row[1] << 32), CHANNELS[row[2] >> 4]) for row in _BRIEF.iter_unpack(contacts.older)]
    found += [
        ((row[0] | row[1] << 32) >> 6, CHANNELS[row[2] >> 4]) for row in _ROW.iter_unpack(contacts.rows)
    ]
    return found


class _Reading:
    """One customer's contacts, unpacked from the newest back as far as anybody has looked."""

    __slots__ = ("done", "from_ms", "kept", "packed", "whole")

    def __init__(self, packed: tuple[object, ...]) -> None:
        self.packed = packed
        #: The newest ones kept in full, oldest first; rows from `done` on, all that came after `from_ms`.
        self.kept: list[Contact] = []
        self.done = -1
        self.from_ms = 0
        self.whole: tuple[tuple[Contact, ...], tuple[Contact, ...]] | None = None


def contacts_since(contacts: Contacts, since_ms: int) -> list[Contact]:
    """Return the contacts after an instant, kept in brief or in full, oldest first; to be read, not changed."""
    reading = _reading_of(contacts)
    if reading.whole is None and not contacts.older:
        if reading.done < 0 or since_ms < reading.from_ms:
            _read_back(reading, contacts, since_ms)
        if since_ms == reading.from_ms:
            return [*reading.kept]
        return [c for c in reading.kept if c.at_ms > since_ms]
    kept, older = read_contacts(contacts)
    found = [c for c in older if c.at_ms > since_ms] if older else []
    found += [c for c in kept if c.at_ms > since_ms]
    return found


def glimpses_since(contacts: Contacts, since_ms: int) -> list[tuple[int, int, bool, int, str]]:
    """Return instant (ms), verdict, `unresolved`, seconds waited and held, and reason of the contacts after an instant.

    Oldest first, to be read, not changed; what costs a third of `contacts_since`, of which it is a part.
    """
    global _glimpsed
    if contacts.older:
        return [
            (c.at_ms, c.verdict, unresolved(c), c.wait_s + c.hold_s, c.reason)
            for c in contacts_since(contacts, since_ms)
        ]
    rows, reasons = contacts.rows, contacts.reasons
    of_rows, of_reasons, from_ms, found = _glimpsed
    if rows is of_rows and reasons is of_reasons and since_ms >= from_ms:
        return found if since_ms == from_ms else [each for each in found if each[0] > since_ms]
    first = first_after(rows, since_ms, len(rows) // ROW_BYTES)
    found = [
        (
            (low | high << 32) >> 6,
            low & 3,
            low & 16 != 0 or ways & 15 in _UNHELPFUL,
            wait + hold,
            reasons[reason - 1] if reason else "",
        )
        for low, high, ways, wait, hold, reason in _GLIMPSE.iter_unpack(rows[first * ROW_BYTES :])
    ]
    _glimpsed = rows, reasons, since_ms, found
    return found


#: What `glimpses_since` saw last, of which rows and reasons, after which instant; see `_reading_of`.
_glimpsed: tuple[bytes, list[str], int, list[tuple[int, int, bool, int, str]]] = (b"", [], 0, [])


def newest_until(contacts: Contacts, until_ms: int) -> int | None:
    """Return the instant (ms) of the newest contact up to `until_ms`, None if there is none."""
    rows = contacts.rows
    for at in range(len(rows) - ROW_BYTES, -1, -ROW_BYTES):
        at_ms = int.from_bytes(rows[at : at + 6], "little") >> 6
        if at_ms <= until_ms:
            return at_ms
    older = contacts.older
    for at in range(len(older) - _BRIEF.size, -1, -_BRIEF.size):
        at_ms = int.from_bytes(older[at : at + 6], "little")
        if at_ms <= until_ms:
            return at_ms
    return None


def read_contacts(contacts: Contacts) -> tuple[tuple[Contact, ...], tuple[Contact, ...]]:
    """Return what `unpack_contacts` does, to be read, not changed: who asks again gets the same objects."""
    reading = _reading_of(contacts)
    found = reading.whole
    if found is None:
        kept, older = unpack_contacts(contacts)
        found = reading.whole = tuple(kept), tuple(older)
    return found


def _reading_of(contacts: Contacts) -> _Reading:
    """Return what was unpacked of these very contacts, or where to begin."""
    global _read
    packed = contacts.rows, contacts.older, contacts.reasons, contacts.ids, contacts.reps
    # The very same objects, none of which is ever changed in place. One customer's are enough: a record's folds,
    # detectors and rules look at them one after the other.
    if not all(map(is_, _read.packed, packed)):
        _read = _Reading(packed)
    return _read


#: What was read last.
_read = _Reading((None,) * 5)


def _read_back(reading: _Reading, contacts: Contacts, since_ms: int) -> None:
    """Unpack the contacts after an instant that are not unpacked yet."""
    rows = contacts.rows
    done = len(rows) // ROW_BYTES if reading.done < 0 else reading.done
    first = first_after(rows, since_ms, done)
    reading.kept = unpack_rows(contacts, first, done) + reading.kept
    reading.done, reading.from_ms = first, since_ms


def first_after(rows: bytes, since_ms: int, stop: int) -> int:
    """Return the number of the first row of a contact after the instant, of those before row `stop`; else `stop`."""
    at = stop * ROW_BYTES
    while at and int.from_bytes(rows[at - ROW_BYTES : at - ROW_BYTES + 6], "little") >> 6 > since_ms:
        at -= ROW_BYTES
    return at // ROW_BYTES


def unpack_rows(contacts: Contacts, first: int, stop: int) -> list[Contact]:
    """Return the contacts of some rows of those kept in full, oldest first."""
    reasons = contacts.reasons
    found = [
        Contact(
            (low | high << 32) >> 6,
            key,
            CHANNELS[ways >> 4],
            reasons[reason - 1] if reason else "",
            "",
            "",
            RESOLUTIONS[ways & 15],
            low & 3,
            low & 4 != 0,
            low & 8 != 0,
            low & 16 != 0,
            duration,
            wait,
            hold,
            transfers,
        )
        for low, high, ways, duration, wait, hold, transfers, reason, key in _ROW.iter_unpack(
            contacts.rows[first * ROW_BYTES : stop * ROW_BYTES]
        )
    ]
    # The last id is that of the last row.
    number = len(contacts.rows) // ROW_BYTES
    for contact_id, rep_id in zip(reversed(contacts.ids), reversed(contacts.reps), strict=False):
        number -= 1
        if number < first:
            break
        if number < stop:
            contact = found[number - first]
            contact.id, contact.rep_id = contact_id, rep_id
    return found


def unpack_contacts(contacts: Contacts) -> tuple[list[Contact], list[Contact]]:
    """Return the contacts kept in full and those kept in brief, both oldest first, each time anew."""
    reasons = ["", *contacts.reasons]
    kept = unpack_rows(contacts, 0, len(contacts.rows) // ROW_BYTES)
    older = [
        Contact(
            low | high << 32,
            key,
            CHANNELS[code >> 4],
            reasons[reason],
            verdict=code & 3,
            started=bool(code & 8),
            ended=True,
            abandoned=bool(code & 4),
        )
        for low, high, code, reason, key in _BRIEF.iter_unpack(contacts.older)
    ]
    return kept, older
