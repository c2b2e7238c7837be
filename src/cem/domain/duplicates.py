"""Each event is folded once: a window of ids seen, or a watermark where the source numbers its events.

The rules, per customer (and per identifier and area):

- An event with a `sequence` is a duplicate if its source has reached that number before. For ever; the watermarks
  of the 64 sources that moved last are kept.
- An event that another lane passed on has that lane's number as well, which is looked at first and kept among the
  sources' watermarks: what is passed on twice counts once, however much later the copy comes.
- Any other event is a duplicate if its source and id are among the last 32, or among those of the last hour of
  ingestion time (at most 1,024 of them). Ids are dropped in bulk, an hour or more after they came.

An id is remembered as 40 bits of a hash of source and id: two different ids in a full window of 32 are taken for one
once in 3e10 events.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Protocol

__all__ = ["IDS_FOR_AN_HOUR", "IDS_KEPT", "SOURCES_KEPT", "Named", "Remembers", "first_time"]

IDS_KEPT = 32
IDS_FOR_AN_HOUR = 1024
SOURCES_KEPT = 64

#: Bytes of a hash in `Customer.seen`.
_HASH = 5
_HOUR_S = 3_600


class Named(Protocol):
    """An event's name: source and id, and its number there, if any."""

    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def sequence(self) -> int | None: ...
    @property
    def forwarded(self) -> tuple[str, int] | None: ...
    @property
    def ingested_ms(self) -> int: ...


class Remembers(Protocol):
    """A state that knows which events it has folded."""

    #: Hashes of source and id, oldest first.
    seen: bytes
    #: Ingestion time (seconds) of the mark in `seen`, and how many of its ids came before it.
    seen_mark_s: int
    seen_marked: int
    #: Watermarks of the sources that number their events, the one that moved last at the end.
    sources: dict[bytes, int]


def first_time(customer: Remembers, received: Named) -> bool:
    """Return whether this event was not folded before, and remember it."""
    if received.forwarded is not None and not _passes(customer.sources, *received.forwarded):
        return False
    if received.sequence is not None:
        return _passes(customer.sources, received.source, received.sequence)
    hashed = _begun(received.source).copy()
    hashed.update(received.id.encode())
    key = hashed.digest()
    seen = customer.seen
    # From the end: a repeat is mostly a late one, and where there is none it takes half the time of `find`.
    at = seen.rfind(key)
    while at >= 0:
        if at % _HASH == 0:
            return False
        # Parts of two hashes that lie side by side.
        at = seen.rfind(key, 0, at + _HASH - 1)
    ids = len(seen) // _HASH + 1
    drop = 0
    if ids > IDS_KEPT:
        ingested_s = received.ingested_ms // 1000
        if ids > IDS_FOR_AN_HOUR:
            drop = ids - IDS_FOR_AN_HOUR
        if ingested_s - customer.seen_mark_s > _HOUR_S:
            # What was there at the mark is an hour old by now; what came since gets a mark of its own.
            drop = max(drop, min(customer.seen_marked, ids - IDS_KEPT))
            customer.seen_mark_s, customer.seen_marked = ingested_s, ids
        if drop:
            customer.seen_marked = max(0, customer.seen_marked - drop)
            seen = seen[drop * _HASH :]
    customer.seen = seen + key
    return True


@lru_cache(maxsize=1024)
def _begun(source: str) -> blake2b:
    """Return a hash of the source that each of its ids goes on with, in a copy: making one anew costs twice that."""
    return blake2b(f"{source}\0".encode(), digest_size=_HASH)


@lru_cache(maxsize=1024)
def _source_key(source: str) -> bytes:
    return blake2b(source.encode(), digest_size=6).digest()


def _passes(sources: dict[bytes, int], source: str, sequence: int) -> bool:
    """Return whether the source's watermark was below `sequence`, and raise it."""
    key = _source_key(source)
    reached = sources.pop(key, None)
    if reached is not None and sequence <= reached:
        sources[key] = reached
        return False
    sources[key] = sequence
    if len(sources) > SOURCES_KEPT:
        del sources[next(iter(sources))]
    return True
