"""Contacts as bytes: the newest `KEPT` are rows of 19 bytes with tables of their texts, older ones rows of 8.

The older ones go back as far as a window of 30 days can see. Unpacking costs microseconds and happens only when a
contact is folded or read; what a single field can tell is looked up in the rows as they are.
"""

from __future__ import annotations

import struct

from cem.domain.state.contacts import (
    CHANNEL_CODES,
    CHANNELS,
    NAMED_KEPT,
    OTHER,
    RESOLUTION_CODES,
    RESOLUTIONS,
    Contact,
    Contacts,
    unresolved,
)

__all__ = [
    "GLIMPSE",
    "ROW_BYTES",
    "SECONDS_MOST",
    "TRANSFERS_MOST",
    "contact_channels",
    "first_after",
    "is_started",
    "newest_until",
    "pack_behind",
    "pack_contacts",
    "pack_last",
    "row_of",
    "time_of",
    "unpack_contacts",
    "unpack_rows",
]

#: What a row has room for.
SECONDS_MOST = 65_535
TRANSFERS_MOST = 255

_ROW = struct.Struct("<IHBHHHBBI")
#: Bytes of a row of `Contacts.rows`.
ROW_BYTES = _ROW.size
#: Where in a row channel and end, reason and key are.
_WAYS_AT, _REASON_AT, _KEY_AT = 6, 14, 15
#: Of a row: instant and flags, channel and end, seconds waited and held, reason.
GLIMPSE = struct.Struct("<IHB2xHHxB4x")
_BRIEF = struct.Struct("<IHBBI")
_COUNTING = bytes(range(1, 256))


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
                CHANNEL_CODES.get(c.channel, OTHER) << 4 | c.started << 3 | unresolved(c) << 2 | c.verdict,
                number(c.reason, len(reasons)),
                c.key,
            )
            for c in older
        ]
    )
    contacts.reasons = [*reasons][1:]
    contacts.ids = [c.id for c in kept[-NAMED_KEPT:]]
    contacts.reps = [c.rep_id for c in kept[-NAMED_KEPT:]]


def pack_last(contacts: Contacts, settled: int, last: Contact) -> bool:
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


def pack_behind(contacts: Contacts, first: int, settled: int, tail: list[Contact]) -> None:
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
    channel_of, resolution_of = CHANNEL_CODES.get, RESOLUTION_CODES.get
    return b"".join(
        [
            _ROW.pack(
                # A time takes 42 bits until the year 2109; the other 6 are flags.
                c.at_ms << 6 & 0xFFFFFFFF | c.verdict | c.started << 2 | c.ended << 3 | c.abandoned << 4,
                c.at_ms >> 26,
                channel_of(c.channel, OTHER) << 4 | resolution_of(c.resolution, OTHER),
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


def row_of(contacts: Contacts, key: int, channel: str) -> int | None:
    """Return the number of the row with this key and channel, None if there is none among those kept in full."""
    rows, sought = contacts.rows, key.to_bytes(4, "little")
    at = rows.find(sought)
    while at >= 0:
        if at % ROW_BYTES == _KEY_AT and CHANNELS[rows[at - _KEY_AT + _WAYS_AT] >> 4] == channel:
            return at // ROW_BYTES
        at = rows.find(sought, at + 1)
    return None


def first_after(rows: bytes, since_ms: int, stop: int) -> int:
    """Return the number of the first row of a contact after the instant, of those before row `stop`; else `stop`."""
    at = stop * ROW_BYTES
    while at and int.from_bytes(rows[at - ROW_BYTES : at - ROW_BYTES + 6], "little") >> 6 > since_ms:
        at -= ROW_BYTES
    return at // ROW_BYTES


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
