"""The contacts of the customer at hand, unpacked once for all that look at them: a record's folds, detectors and rules."""

from __future__ import annotations

from operator import is_

from cem.domain.state.contact_rows import (
    GLIMPSE,
    ROW_BYTES,
    first_after,
    pack_behind,
    pack_last,
    unpack_contacts,
    unpack_rows,
)
from cem.domain.state.contacts import (
    CHANNEL_CODES,
    RESOLUTION_CODES,
    UNRESOLVED_CODES,
    Contact,
    Contacts,
    unresolved,
)

__all__ = ["contacts_since", "glimpses_since", "pack_tail", "read_contacts"]


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
            low & 16 != 0 or ways & 15 in UNRESOLVED_CODES,
            wait + hold,
            reasons[reason - 1] if reason else "",
        )
        for low, high, ways, wait, hold, reason in GLIMPSE.iter_unpack(rows[first * ROW_BYTES :])
    ]
    _glimpsed = rows, reasons, since_ms, found
    return found


#: What `glimpses_since` saw last, of which rows and reasons, after which instant; see `_reading_of`.
_glimpsed: tuple[bytes, list[str], int, list[tuple[int, int, bool, int, str]]] = (b"", [], 0, [])


def read_contacts(contacts: Contacts) -> tuple[tuple[Contact, ...], tuple[Contact, ...]]:
    """Return what `unpack_contacts` does, to be read, not changed: who asks again gets the same objects."""
    reading = _reading_of(contacts)
    found = reading.whole
    if found is None:
        kept, older = unpack_contacts(contacts)
        found = reading.whole = tuple(kept), tuple(older)
    return found


def pack_tail(contacts: Contacts, first: int, settled: int, tail: list[Contact], since_ms: int) -> None:
    """Put `tail`, all contacts after an instant, behind the rows `first` to `settled`, which stay as they are.

    The bytes are those of `pack_contacts` of all of them; none may be kept in brief. The contacts of `tail` must not be
    changed any more.
    """
    global _read
    if first or len(tail) != 1 or not pack_last(contacts, settled, tail[0]):
        pack_behind(contacts, first, settled, tail)
    if all(c.channel in CHANNEL_CODES and c.resolution in RESOLUTION_CODES for c in tail):
        # Who reads them next finds them unpacked.
        _read = _Reading((contacts.rows, contacts.older, contacts.reasons, contacts.ids, contacts.reps))
        _read.kept, _read.done, _read.from_ms = tail, settled - first, since_ms


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
