"""A record of `cem.inbox` read only as far as passing it on needs: whose it is, what it is, whether it came before.

The data are not looked at. They go on byte for byte, and the lane of the customer whom they reach judges them as it
judges everything; what is wrong with them becomes a dead letter there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from cem.domain.events.envelope import (
    INBOX,
    Received,
    decode,
    encode_received,
    read_forwarded,
    read_inbox_key,
)
from cem.domain.events.limits import MAX_ATTRIBUTE_CHARS, MAX_VALUE_BYTES
from cem.domain.events.registry import EVENT_TYPES
from cem.domain.events.rejects import Reject
from cem.domain.events.rfc3339 import parse_ms

if TYPE_CHECKING:
    from cem.ports import Record

__all__ = ["DROPPED_HEADERS", "Headers", "Passing", "read_inbox", "readdressed"]

Headers = tuple[tuple[str, bytes], ...]

#: Headers that say something about one stage of a record's way only. Its number in an ordered source is one: records of
#: one source reach a customer through several identifiers, so they no longer come in its order there.
DROPPED_HEADERS = frozenset({"ce_subject", "ce_sequence", "ce_forwarded", "cem-token"})


class Passing(msgspec.Struct, frozen=True, gc=False):
    """A record that knows an identifier, but no customer. Times are milliseconds since the epoch."""

    #: The record's key, `kind:value`.
    customer_id: str
    #: Topic of its event type: where it goes once the customer is known.
    topic: str
    id: str
    source: str
    sequence: int | None
    forwarded: tuple[str, int] | None
    ingested_ms: int
    headers: Headers
    value: bytes
    offset: int
    timestamp_ms: int


#: What may be passed on: type to topic.
_TOPICS: dict[bytes | None, str] = {
    name.encode(): kind.TOPIC
    for name, kind in EVENT_TYPES.items()
    if kind.OF_CUSTOMER and kind.TOPIC != INBOX
}
_name_of = lru_cache(maxsize=65_536)(read_inbox_key)


@lru_cache(maxsize=1024)
def _source_of(header: bytes) -> str | None:
    """Return the source, None if it is none: a lane has few of them."""
    try:
        source = header.decode()
    except UnicodeDecodeError:
        return None
    return source if len(source) <= MAX_ATTRIBUTE_CHARS and source.isprintable() else None


def read_inbox(record: Record) -> Passing | Received | Reject:
    """Return what a record of `cem.inbox` is. Never raises.

    Received: what is folded here (links, events of areas, what another customer's lane sends), and what is not in
    binary mode. Passing: what goes on to a customer. Reject: what cannot be used.
    """
    attributes: dict[str, bytes] = dict(record.headers or ())
    get = attributes.get
    key, value, source, event_id = record.key, record.value, get("ce_source"), get("ce_id")
    topic = _TOPICS.get(get("ce_type"))
    if (
        topic is None
        or not key
        or key.startswith(b"area:")
        or not value
        or len(value) > MAX_VALUE_BYTES
        or get("content-type") != b"application/json"
        or get("ce_specversion") != b"1.0"
        or not source
        or not event_id
        or not get("ce_time")
        or get("ce_subject", key) != key
    ):
        return _read_whole(record)
    name = _name_of(key)
    number, recorded = get("ce_sequence"), get("ce_recordedtime")
    ingested_ms = record.timestamp if recorded is None else parse_ms(recorded)
    source_text = _source_of(source)
    try:
        id_text = event_id.decode()
    except UnicodeDecodeError:
        return _read_whole(record)
    if (
        type(name) is not str
        or ingested_ms is None
        or source_text is None
        or len(id_text) > MAX_ATTRIBUTE_CHARS
        or not id_text.isprintable()
        or (number is not None and (not number.isdigit() or len(number) > 18))
    ):
        return _read_whole(record)
    via = get("ce_forwarded")
    return Passing(
        name,
        topic,
        id_text,
        source_text,
        None if number is None else int(number),
        None if via is None else read_forwarded(via),
        ingested_ms,
        tuple(record.headers),
        value,
        record.offset,
        record.timestamp,
    )


def _read_whole(record: Record) -> Passing | Received | Reject:
    """Return what `record` is, its data read as well; what is to be passed on, in binary mode."""
    received = decode(record)
    if type(received) is not Received or received.type.encode() not in _TOPICS:
        return received
    name = received.customer_id
    if name.startswith("area:"):
        return received
    headers, value = encode_received(received, record.timestamp)
    return Passing(
        name,
        received.event.TOPIC,
        received.id,
        received.source,
        received.sequence,
        received.forwarded,
        received.ingested_ms,
        headers,
        value,
        record.offset,
        record.timestamp,
    )


def readdressed(headers: Headers, key: bytes, forwarded: bytes) -> Headers:
    """Return the headers of a record that goes on under another key; its source, id and time stay.

    forwarded: who passes it on, and under which number: see `cem.domain.events.envelope.Received.forwarded`.
    """
    dropped = DROPPED_HEADERS
    kept = [pair for pair in headers if pair[0] not in dropped]
    return (*kept, ("ce_subject", key), ("ce_forwarded", forwarded))
