"""CloudEvents 1.0 in: a record of the log becomes an event and what is known about it, or a `Reject`.

`decode` never raises, whatever the bytes are, and it depends on nothing but the record: the same record gives the
same answer on every machine and at every depth of the stack. Binary mode (attributes in `ce_` headers) is what is
written; structured mode (`application/cloudevents+json`) is read as well. `encode` is in `writing`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from difflib import get_close_matches
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from unicodedata import is_normalized

import msgspec

from cem.domain.events.base import Event
from cem.domain.events.limits import (
    EARLIEST_DAY,
    EARLIEST_MS,
    FARTHEST_DAYS,
    LATEST_RECORDED_MS,
    MAX_ATTRIBUTE_CHARS,
    MAX_DEPTH,
    MAX_VALUE_BYTES,
    too_deep,
)
from cem.domain.events.registry import EVENT_TYPES
from cem.domain.events.rejects import Reject, explain_json, explain_validation
from cem.domain.events.rfc3339 import DAY_MS, parse_ms
from cem.domain.events.structured import is_json, is_structured, unwrap
from cem.domain.events.text import BadTextError, clean, is_clean
from cem.domain.events.writing import Headers, encode, encode_structured

if TYPE_CHECKING:
    from cem.ports import Record

__all__ = [
    "INBOX",
    "INBOX_KINDS",
    "Received",
    "decode",
    "encode",
    "encode_received",
    "encode_structured",
    "read_forwarded",
    "read_inbox_key",
]

#: Topic of events that know an identifier but not the customer.
INBOX = "cem.inbox"
#: Kinds of key there; an area is resolved to its customers.
INBOX_KINDS = ("line", "account", "email", "handle", "device", "card", "area")
#: Topics whose events may come over the inbox instead.
_OVER_INBOX = ("cem.calls", "cem.sms-usage", "cem.billing", "cem.interactions", "cem.service", "cem.profiles")

_is_customer = re.compile(rb"[A-Za-z0-9_-]{1,64}").fullmatch
_is_object = re.compile(rb"[a-z]{1,32}:[A-Za-z0-9_.:-]{1,64}").fullmatch
_is_traceparent = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}").fullmatch


class Received(msgspec.Struct, frozen=True, gc=False):
    """An event as it was received. Times are milliseconds since the epoch."""

    #: The record's key: the customer; on `cem.inbox` the identifier `kind:value`; for an object that people change,
    #: `kind:name`. The latter two hold a colon, a customer's id never does.
    customer_id: str
    type: str
    id: str
    source: str
    #: When it happened.
    time_ms: int
    #: When the log took it in: `ce_recordedtime` of a simulation, else the record's timestamp.
    ingested_ms: int
    #: Number in an ordered source, for de-duplication by a watermark.
    sequence: int | None
    traceparent: str | None
    event: Event
    topic: str
    partition: int
    offset: int
    #: Who passed the record on, and under which number, for one that came another way than straight from its source.
    #: The numbers of one sender rise towards each receiver, so a repeat is told by them for ever.
    forwarded: tuple[str, int] | None = None


def encode_received(received: Received, stored_ms: int) -> tuple[Headers, bytes]:
    """Return headers and value of a record received, in binary mode; `stored_ms` is its own timestamp.

    Its sequence number, which is its source's, does not go along.
    """
    return encode(
        received.event,
        id=received.id,
        source=received.source,
        time_ms=received.time_ms,
        customer_id=received.customer_id,
        traceparent=received.traceparent,
        recorded_ms=None if received.ingested_ms == stored_ms else received.ingested_ms,
    )


class _Kind(msgspec.Struct, frozen=True):
    """What decoding needs to know of an event type."""

    type: str
    topic: str
    read: Callable[[bytes], Event]
    of_customer: bool
    names_key: bool
    #: Fields that hold a date or a time.
    days: tuple[str, ...]
    over_inbox: bool


def _day_fields(cls: type[Event]) -> tuple[str, ...]:
    days = (msgspec.inspect.DateType, msgspec.inspect.DateTimeType)

    def holds(shape: msgspec.inspect.Type) -> bool:
        if isinstance(shape, msgspec.inspect.Metadata):
            return holds(shape.type)
        return (
            any(map(holds, shape.types))
            if isinstance(shape, msgspec.inspect.UnionType)
            else isinstance(shape, days)
        )

    info: Any = msgspec.inspect.type_info(cls)
    return tuple(field.name for field in info.fields if holds(field.type))


#: What the headers of a record without any extension say, all of them.
_usual: Callable[[dict[str, bytes]], tuple[bytes | None, ...]] = itemgetter(
    "ce_type", "ce_specversion", "ce_id", "ce_source", "ce_time", "ce_subject", "content-type"
)
_USUAL = 7

#: The kinds that were met: making them all takes a twentieth of a worker's start, and most processes meet few.
_KINDS: dict[bytes | None, _Kind] = {}


#: The sources that were met and can be used: a lane has few of them, and each of their records names one again.
_SOURCES: dict[bytes, str] = {}
_MOST_SOURCES = 1_024


def _kind_of(name: bytes | None) -> _Kind | None:
    """Return the kind of that type, made when it is met first; None if there is none."""
    cls = None if name is None or not name.isascii() else EVENT_TYPES.get(name.decode())
    if cls is None or name is None:
        return None
    kind = _KINDS[name] = _Kind(
        type=name.decode(),
        topic=cls.TOPIC,
        read=msgspec.json.Decoder(cls).decode,
        of_customer=cls.OF_CUSTOMER,
        names_key=cls.NAMES_KEY,
        days=_day_fields(cls),
        over_inbox=cls.TOPIC in _OVER_INBOX,
    )
    return kind


def decode(record: Record) -> Received | Reject:
    """Return the event that `record` carries, or why it cannot be used. Never raises."""
    value = record.value
    if value is None:
        return Reject("no_value", "The record has no value; a deletion is an event of its own here.", "value")
    if len(value) > MAX_VALUE_BYTES:
        return Reject(
            "too_large", f"The value has {len(value)} bytes; at most {MAX_VALUE_BYTES} are read.", "value"
        )
    attributes: dict[str, bytes] = dict(record.headers or ())
    content_type = attributes.get("content-type")
    # Compared before anything is parsed: nearly every record says exactly this.
    if content_type == b"application/json":
        return _receive(record, attributes, value)
    binary = "ce_type" in attributes or "ce_specversion" in attributes
    if is_structured(content_type) if content_type else not binary:
        unwrapped = unwrap(value)
        if isinstance(unwrapped, Reject):
            return unwrapped
        attributes, data = unwrapped
        if not data:
            if any(not attributes.get(name) for name in _REQUIRED):
                return _refuse_attributes(attributes)
            return Reject("no_value", "The event has no data.", "$.data")
        received = _receive(record, attributes, data)
        # The data's own path is what is reported; the rest of the object is read like headers.
        return received if value.isascii() or isinstance(received, Reject) else _utf8(received, value)
    if content_type and not is_json(content_type):
        return Reject("wrong_content_type", "The value's content type is not JSON.", "content-type")
    return _receive(record, attributes, value)


def _utf8(received: Received, value: bytes) -> Received | Reject:
    """Return `received` unless `value`, parts of which nobody has read, is not UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return explain_json(error, value)
    return received


def _receive(record: Record, attributes: dict[str, bytes], data: bytes) -> Received | Reject:
    """Return the event of `data`; `attributes` are named as the headers of binary mode."""
    # One long function on purpose: each record passes it, and calls would cost a third of its time.
    get = attributes.get
    recorded = number = via = trace = None
    try:
        # All at once: nearly every record has these, and nothing else.
        name_of_type, version, event_id, source, time, subject, _ = _usual(attributes)
        is_usual = len(attributes) == _USUAL
    except KeyError:
        name_of_type, version, subject = get("ce_type"), get("ce_specversion"), get("ce_subject")
        event_id, source, time = get("ce_id"), get("ce_source"), get("ce_time")
        is_usual = False
    if not is_usual:
        recorded, number = get("ce_recordedtime"), get("ce_sequence")
        via, trace = get("ce_forwarded"), get("ce_traceparent")
    kind = _KINDS.get(name_of_type) or _kind_of(name_of_type)
    if kind is None or version != b"1.0":
        return _refuse_attributes(attributes)
    topic = record.topic
    if topic != kind.topic and not (topic == INBOX and kind.over_inbox):
        return Reject("wrong_topic", f"{kind.type} belongs on {kind.topic}.", "ce_type")
    key = record.key
    if not key:
        return Reject("no_key", "The record has no key; it must be the customer's id.", "key")
    if kind.of_customer and (topic != INBOX or kind.topic == INBOX):
        if (len(key) > 64 or not key.replace(b"-", b"").isalnum()) and _is_customer(key) is None:
            return Reject("bad_key", "The key must be a customer's id: 1 to 64 of A-Z a-z 0-9 _ -.", "key")
        name = key.decode()
    else:
        read = _read_key(topic, key)
        if isinstance(read, Reject):
            return read
        name = read
    if subject is not None and subject != key:
        return Reject(
            "key_mismatch", "The subject and the record's key name different customers.", "ce_subject"
        )

    if not event_id or not source or not time:
        return _refuse_attributes(attributes)
    source_text = _SOURCES.get(source)
    is_known = source_text is not None
    try:
        id_text = event_id.decode()
        if source_text is None:
            source_text = source.decode()
    except UnicodeDecodeError:
        return Reject("bad_attribute", "The id or the source is not UTF-8.", "ce_id")
    if not id_text.isprintable() or len(id_text) > MAX_ATTRIBUTE_CHARS:
        return Reject(
            "bad_attribute", f"The id must be 1 to {MAX_ATTRIBUTE_CHARS} printable characters.", "ce_id"
        )
    if not is_known:
        if not source_text.isprintable() or len(source_text) > MAX_ATTRIBUTE_CHARS:
            return Reject(
                "bad_attribute",
                f"The source must be 1 to {MAX_ATTRIBUTE_CHARS} printable characters.",
                "ce_source",
            )
        if len(_SOURCES) < _MOST_SOURCES:
            _SOURCES[source] = source_text

    ingested_ms = record.timestamp if recorded is None else parse_ms(recorded)
    if ingested_ms is None or (recorded is not None and not EARLIEST_MS <= ingested_ms <= LATEST_RECORDED_MS):
        return Reject("bad_time", "The recorded time is no RFC 3339 time of 1990 to 2099.", "ce_recordedtime")
    time_ms = parse_ms(time)
    if time_ms is None or time_ms < EARLIEST_MS or time_ms > ingested_ms + DAY_MS:
        return _refuse_time(time_ms)
    sequence: int | None = None
    if number is not None:
        if not number.isdigit() or len(number) > 18:
            return Reject(
                "bad_attribute", "The sequence must be a whole number of at most 18 digits.", "ce_sequence"
            )
        sequence = int(number)
    forwarded = None if via is None else read_forwarded(via)
    # As W3C Trace Context asks: one that cannot be read is as good as none.
    traceparent = trace.decode() if trace is not None and _is_traceparent(trace) else None

    try:
        # Escapes, DEL and characters beyond ASCII may hide what is no text; raw controls the parser refuses itself.
        # Decoding also reads what it skips: bytes of unknown fields.
        suspect = 92 in data or 127 in data or not (data.isascii() or is_clean(data.decode()))
        # A flat object cannot be deep: a look for lists and for a second brace is all that it costs.
        if (91 in data or data.find(123, 1) > 0) and too_deep(data):
            return Reject("too_deep", f"The data are nested more than {MAX_DEPTH} levels deep.", "$")
        event = kind.read(data)
        if suspect:
            data.decode()
            changed = clean(event)[1]
            if changed:
                # Normalising may make a text longer than it may be.
                event = kind.read(msgspec.json.encode(event))
    except msgspec.ValidationError as error:
        return explain_validation(error, kind.type)
    except BadTextError as bad:
        return Reject("bad_text", f"{bad.path} holds U+{bad.code:04X}, which is no text.", bad.path)
    except Exception as error:
        # DecodeError, UnicodeDecodeError and RecursionError share no base class, and a record that raised anything
        # else would stop its lane again at every attempt to go on.
        return explain_json(error, data)
    if kind.days:
        refused = _refuse_days(event, kind, time_ms)
        if refused is not None:
            return refused
    if kind.names_key and event.key() != name:
        return Reject("key_mismatch", f"The data of {kind.type} name another key than the record's.", "key")
    return Received(
        name,
        kind.type,
        id_text,
        source_text,
        time_ms,
        ingested_ms,
        sequence,
        traceparent,
        event,
        topic,
        record.partition,
        record.offset,
        forwarded,
    )


def read_forwarded(header: bytes) -> tuple[str, int] | None:
    """Return sender and number, as in "/cem.inbox/7#123"; None for what none of ours wrote."""
    sender, mark, number = header.rpartition(b"#")
    if not mark or not number.isdigit() or len(number) > 18 or not sender.isascii() or len(sender) > 100:
        return None
    return sender.decode(), int(number)


def _read_key(topic: str, key: bytes) -> str | Reject:
    """Return the key of a record that is not keyed by customer."""
    if topic != INBOX:
        if _is_object(key) is None:
            return Reject(
                "bad_key", "The key must be the object's kind and name, as in price:satisfaction.", "key"
            )
        return key.decode()
    return read_inbox_key(key)


def read_inbox_key(key: bytes) -> str | Reject:
    """Return the identifier, `kind:value`, that is the key of a record on `cem.inbox`."""
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return Reject("bad_key", "The key is not UTF-8.", "key")
    kind, _, value = text.partition(":")
    if (
        kind not in INBOX_KINDS
        or not 1 <= len(value) <= 254
        or not text.isprintable()
        or value != value.strip()
    ):
        return Reject(
            "bad_key", f"The key must be kind:value with a kind of {', '.join(INBOX_KINDS)}.", "key"
        )
    if not is_normalized("NFC", text):
        return Reject("bad_key", "The key must be in Unicode's normal form C.", "key")
    return text


_REQUIRED = ("ce_specversion", "ce_type", "ce_id", "ce_source", "ce_time")


def _refuse_attributes(attributes: dict[str, bytes]) -> Reject:
    for name in _REQUIRED:
        if not attributes.get(name):
            return Reject(
                "no_attributes", f"The CloudEvents attribute {name.removeprefix('ce_')} is missing.", name
            )
    if attributes["ce_specversion"] != b"1.0":
        return Reject("bad_attribute", "Only version 1.0 of CloudEvents is read.", "ce_specversion")
    raw = attributes["ce_type"][:64].decode("ascii", "replace")
    shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in raw)
    near = get_close_matches(shown, EVENT_TYPES, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return Reject("unknown_type", f"There is no event type {shown}.{hint}", "ce_type")


def _refuse_time(time_ms: int | None) -> Reject:
    if time_ms is None:
        return Reject("bad_time", "The time is not RFC 3339, as in 2026-03-01T08:30:00Z.", "ce_time")
    if time_ms < EARLIEST_MS:
        return Reject("bad_time", "The time lies before 1990.", "ce_time")
    return Reject("bad_time", "The time lies more than a day after the record was taken in.", "ce_time")


_UNIX_DAY = date(1970, 1, 1).toordinal()


def _refuse_days(event: Event, kind: _Kind, time_ms: int) -> Reject | None:
    for name in kind.days:
        value = getattr(event, name)
        if value is None:
            continue
        day = value.date() if isinstance(value, datetime) else value
        if day < EARLIEST_DAY or day.toordinal() - _UNIX_DAY - time_ms // DAY_MS > FARTHEST_DAYS:
            what = f"{name} must lie between 1980 and 20 years after the event ({kind.type})."
            return Reject("bad_date", what, f"$.{name}")
    return None
