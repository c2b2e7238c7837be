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
    "pack_contacts",
    "read_contacts",
    "unpack_contacts",
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
_BRIEF = struct.Struct("<IHBBI")
_CHANNEL_CODE = {name: code for code, name in enumerate(CHANNELS)}
_RESOLUTION_CODE = {name: code for code, name in enumerate(RESOLUTIONS)}
_OTHER = 1


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
    return contact.abandoned or contact.resolution in ("unresolved", "follow_up", "callback")


def pack_contacts(contacts: Contacts, kept: list[Contact], older: list[Contact]) -> None:
    """Put both lists (oldest first) into `contacts`; equal lists give equal bytes.

    Numbers must be within what a row has room for (struct.error).
    """
    # A byte names a reason, and at most 220 contacts are kept.
    reasons = {"": 0}
    number = reasons.setdefault
    channel_of, resolution_of = _CHANNEL_CODE.get, _RESOLUTION_CODE.get
    contacts.rows = b"".join(
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
    contacts.older = b"".join(
        [
            _BRIEF.pack(
                c.at_ms & 0xFFFFFFFF,
                c.at_ms >> 32,
                channel_of(c.channel, _OTHER) << 4 | c.started << 3 | unresolved(c) << 2 | c.verdict,
                number(c.reason, len(reasons)),
                c.key,
            )
            for c in older
        ]
    )
    contacts.reasons = [*reasons][1:]
    contacts.ids = [c.id for c in kept[-NAMED_KEPT:]]
    contacts.reps = [c.rep_id for c in kept[-NAMED_KEPT:]]


def contact_channels(contacts: Contacts) -> list[tuple[int, str]]:
    """Return instant (ms) and channel of every contact kept: what costs a tenth of unpacking them."""
    found = [((row[0] | row[1] << 32), CHANNELS[row[2] >> 4]) for row in _BRIEF.iter_unpack(contacts.older)]
    found += [
        ((row[0] | row[1] << 32) >> 6, CHANNELS[row[2] >> 4]) for row in _ROW.iter_unpack(contacts.rows)
    ]
    return found


def contacts_since(contacts: Contacts, since_ms: int) -> list[Contact]:
    """Return the contacts after an instant, kept in brief or in full, oldest first; to be read, not changed."""
    kept, older = read_contacts(contacts)
    found = [c for c in older if c.at_ms > since_ms] if older else []
    found += [c for c in kept if c.at_ms > since_ms]
    return found


def read_contacts(contacts: Contacts) -> tuple[tuple[Contact, ...], tuple[Contact, ...]]:
    """Return what `unpack_contacts` does, to be read, not changed: who asks again gets the same objects."""
    global _read
    packed = contacts.rows, contacts.older, contacts.reasons, contacts.ids, contacts.reps
    last, found = _read
    # The very same objects, none of which is ever changed in place. One customer's are enough: a record's folds,
    # detectors and rules look at them one after the other.
    if not all(map(is_, last, packed)):
        kept, older = unpack_contacts(contacts)
        found = tuple(kept), tuple(older)
        _read = packed, found
    return found


#: What `read_contacts` was asked for last, and its answer.
_read: tuple[tuple[object, ...], tuple[tuple[Contact, ...], tuple[Contact, ...]]] = ((None,) * 5, ((), ()))


def unpack_contacts(contacts: Contacts) -> tuple[list[Contact], list[Contact]]:
    """Return the contacts kept in full and those kept in brief, both oldest first, each time anew."""
    reasons = ["", *contacts.reasons]
    kept = [
        Contact(
            (low | high << 32) >> 6,
            key,
            CHANNELS[ways >> 4],
            reasons[reason],
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
        for low, high, ways, duration, wait, hold, transfers, reason, key in _ROW.iter_unpack(contacts.rows)
    ]
    named = zip(reversed(kept), reversed(contacts.ids), reversed(contacts.reps), strict=False)
    for contact, contact_id, rep_id in named:
        contact.id, contact.rep_id = contact_id, rep_id
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
