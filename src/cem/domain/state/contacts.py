"""What a contact is, and what is kept of a customer's contacts.

The state has them packed, because there are many of them and few events touch them: how, says
`cem.domain.state.contact_rows`. Folds and rules read them through `cem.domain.state.contacts_at_hand`.
"""

from __future__ import annotations

from zlib import crc32

import msgspec

__all__ = [
    "CHANNELS",
    "CHANNEL_CODES",
    "KEPT",
    "LEFT",
    "NAMED_KEPT",
    "OLDER_KEPT",
    "OPEN",
    "OTHER",
    "REPEATED",
    "RESOLUTIONS",
    "RESOLUTION_CODES",
    "RESOLVED",
    "UNRESOLVED_CODES",
    "Contact",
    "Contacts",
    "channel_code",
    "contact_key",
    "unresolved",
]

#: Contacts kept in full, and further ones kept in brief.
KEPT = 20
OLDER_KEPT = 200
#: Contacts of which id and representative are kept; of the older ones only the id's 32-bit key.
NAMED_KEPT = 3

OPEN, RESOLVED, REPEATED, LEFT = range(4)

#: Channels, and how a contact ended, by their codes, at most 16 of each. Append only; "" is unknown.
CHANNELS = ("", "other", "call", "sms", "email", "app", "web", "chat", "shop", "social", "post", "field")
RESOLUTIONS = ("", "other", "resolved", "unresolved", "follow_up", "callback")
CHANNEL_CODES = {name: code for code, name in enumerate(CHANNELS)}
RESOLUTION_CODES = {name: code for code, name in enumerate(RESOLUTIONS)}
#: The code of a channel or an end that is not listed.
OTHER = 1
#: How contacts end that did not solve the problem, and the codes of that.
_UNRESOLVED = ("unresolved", "follow_up", "callback")
UNRESOLVED_CODES = tuple([RESOLUTION_CODES[name] for name in _UNRESOLVED])


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
    return CHANNEL_CODES.get(name, OTHER)


def contact_key(contact_id: str) -> int:
    """Return the key by which a contact is found again."""
    return crc32(contact_id.encode())


def unresolved(contact: Contact) -> bool:
    """Return whether it is known that the contact did not solve the problem."""
    return contact.abandoned or contact.resolution in _UNRESOLVED
