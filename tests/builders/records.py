"""Records of the log, made from events or by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from cem.domain.events import Event, encode, encode_structured

__all__ = ["NOW_MS", "LogRecord", "as_structured", "record_of", "with_headers"]

#: 2026-03-02 08:00 UTC, a Monday.
NOW_MS = 1_772_438_400_000


class LogRecord(NamedTuple):
    """A record as the log hands it over."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def record_of(event: Event, *, key: str | None = None, time_ms: int = NOW_MS, **more: Any) -> LogRecord:
    """Return the record of `event` in binary mode, taken in at once; `more` goes to `encode`."""
    name = key or event.key() or "c-1"
    more = {"id": "e-1", "source": "tests", **more}
    headers, value = encode(event, time_ms=time_ms, customer_id=name, **more)
    return LogRecord(event.TOPIC, 3, 17, time_ms, name.encode(), value, headers)


def as_structured(event: Event, *, key: str | None = None, **extensions: str) -> LogRecord:
    """Return the record of `event` in structured mode."""
    name = key or event.key() or "c-1"
    headers, value = encode_structured(
        event, id="e-1", source="tests", time_ms=NOW_MS, customer_id=name, **extensions
    )
    return LogRecord(event.TOPIC, 3, 17, NOW_MS, name.encode(), value, headers)


def with_headers(record: LogRecord, **changed: bytes | None) -> LogRecord:
    """Return `record` with attributes set (`ce_` and "-" are understood), or left out where None."""
    names = {"content_type": "content-type"}
    wanted = {names.get(k, f"ce_{k}"): v for k, v in changed.items()}
    kept = [(k, v) for k, v in record.headers if k not in wanted]
    return record._replace(headers=[*kept, *((k, v) for k, v in wanted.items() if v is not None)])
