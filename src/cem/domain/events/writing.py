"""Events as CloudEvents 1.0 records: binary mode, as everything of ours is written, and structured mode."""

from __future__ import annotations

from typing import Any

import msgspec

from cem.domain.events.base import Event
from cem.domain.events.rfc3339 import format_ms

__all__ = ["Headers", "encode", "encode_structured"]

Headers = tuple[tuple[str, bytes], ...]

_JSON = ("content-type", b"application/json")
_VERSION = ("ce_specversion", b"1.0")
_write = msgspec.json.Encoder().encode


def encode(
    event: Event,
    *,
    id: str,  # noqa: A002 - the attribute's name
    source: str,
    time_ms: int,
    customer_id: str,
    sequence: int | None = None,
    traceparent: str | None = None,
    recorded_ms: int | None = None,
) -> tuple[Headers, bytes]:
    """Return headers and value of `event` in binary mode; `customer_id` is the subject and the record's key.

    The same arguments give the same bytes. Bounds are not checked here: whoever reads the record does that.
    """
    headers = [
        _VERSION,
        ("ce_id", id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", event.TYPE.encode()),
        ("ce_time", format_ms(time_ms)),
        ("ce_subject", customer_id.encode()),
        _JSON,
    ]
    if sequence is not None:
        headers.append(("ce_sequence", b"%d" % sequence))
    if traceparent is not None:
        headers.append(("ce_traceparent", traceparent.encode()))
    if recorded_ms is not None:
        headers.append(("ce_recordedtime", format_ms(recorded_ms)))
    return tuple(headers), _write(event)


def encode_structured(
    event: Event,
    *,
    id: str,  # noqa: A002 - the attribute's name
    source: str,
    time_ms: int,
    customer_id: str,
    **extensions: str,
) -> tuple[Headers, bytes]:
    """Return headers and value of `event` in structured mode: one JSON object, for ways that keep no headers."""
    whole: dict[str, Any] = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": event.TYPE,
        "time": format_ms(time_ms).decode(),
        "subject": customer_id,
        "datacontenttype": "application/json",
        **extensions,
        "data": event,
    }
    return (("content-type", b"application/cloudevents+json"),), _write(whole)
