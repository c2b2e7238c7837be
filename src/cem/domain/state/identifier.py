"""The state of one identifier: whom it finds, and the records that wait until it finds somebody."""

from __future__ import annotations

import msgspec

__all__ = ["Claim", "Identifier", "Waiting"]


class Claim(msgspec.Struct, array_like=True, gc=False):
    """A customer whose profile names the identifier, and since when (ms, event time)."""

    customer_id: str
    at_ms: int


class Waiting(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A record whose customer is not known yet, byte for byte, with its place on `cem.inbox`."""

    #: Topic that it goes to once he is known.
    topic: str
    headers: tuple[tuple[str, bytes], ...]
    value: bytes
    offset: int
    timestamp_ms: int
    #: Lane time at which it came.
    since_ms: int


class Identifier(msgspec.Struct, array_like=True, gc=False):
    """One identifier. Fields are only ever appended, with defaults."""

    version: int
    #: `kind:value`.
    name: str
    #: Newest time of ingestion among its records.
    as_of_ms: int = 0
    #: Whom it finds; "" = nobody yet.
    customer_id: str = ""
    #: All that claim it, the one whom it finds last.
    claims: list[Claim] = []
    #: Oldest first.
    waiting: list[Waiting] = []
    #: Records taken in, passed on, given up while waiting, and those that had come before.
    records: int = 0
    forwarded: int = 0
    dropped: int = 0
    duplicates: int = 0
    #: See `cem.domain.duplicates`.
    seen: bytes = b""
    seen_mark_s: int = 0
    seen_marked: int = 0
    sources: dict[bytes, int] = {}
    #: When it must next be looked at (0 = never).
    due_ms: int = 0
