"""A record of `cem.alerts` as consumers get it: one id, one body, the same on every attempt and over every way."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from cem.domain.events.enums import Severity, Tell
from cem.domain.events.rfc3339 import parse_ms, to_ms

__all__ = ["LONGEST_MS", "SEVERITIES", "Message", "Wanted", "message_id", "message_of"]

#: What has no limit of its own is tried for three days.
LONGEST_MS: Final = 72 * 3_600_000

#: Least urgent first.
SEVERITIES: Final = (Severity.INFO, Severity.WARNING, Severity.ERROR, Severity.CRITICAL)
_RANKS: Final = {str(severity): rank for rank, severity in enumerate(SEVERITIES)}


class _Told(msgspec.Struct, frozen=True, gc=False):
    who: str = ""


class _Gist(msgspec.Struct, gc=False):
    """What delivery looks at in an alert; the rest passes through as it is."""

    alert_id: str
    type: str
    customer_id: str
    severity: str = "info"
    tier: str = "alert"
    deliver_before: datetime | None = None
    holdout: bool = False
    tell: _Told = _Told()


_decode: Final = msgspec.json.Decoder(_Gist).decode


class Message(msgspec.Struct, frozen=True, gc=False):
    """One change of one alert, where it stands in the log, and its bytes."""

    partition: int
    offset: int
    #: When the log took it in (wall, ms).
    timestamp_ms: int
    #: The same for every copy of the record: what a receiver drops repeats by.
    id: str
    #: alert.opened, alert.updated or alert.resolved.
    event: str
    #: When it was said, as CloudEvents has it.
    time: str
    #: The alert's bytes, as they stand in the log.
    data: bytes
    alert_id: str
    alert_type: str
    customer_id: str
    severity_rank: int
    tier: str
    #: Noise after that (ms of the service's clock).
    expires_ms: int
    holdout: bool

    @property
    def place(self) -> str:
        """Partition and offset, as a person names it."""
        return f"{self.partition}/{self.offset}"

    def body(self) -> bytes:
        """Return what is sent: type, timestamp and data, as Standard Webhooks 1.0 has them."""
        return b'{"type":"%b","timestamp":"%b","data":%b}' % (
            self.event.encode(),
            self.time.encode(),
            self.data,
        )

    def line(self) -> bytes:
        """Return the same with its id: one line of a stream of events."""
        head = b'{"id":"%b","type":"%b","timestamp":"%b","data":' % (
            self.id.encode(),
            self.event.encode(),
            self.time.encode(),
        )
        return head + self.data + b"}"


class Wanted(msgspec.Struct, frozen=True):
    """Which alerts a consumer wants; every part that is set must fit."""

    #: Types of alerts; none: all.
    types: tuple[str, ...] = ()
    #: Least severity.
    severity: str = "info"
    #: notice or alert; "": both.
    tier: str = ""

    def takes(self, message: Message) -> bool:
        """Return whether the message is for this consumer. What is held back on purpose is for none."""
        return (
            not message.holdout
            and (not self.types or message.alert_type in self.types)
            and message.severity_rank >= _RANKS.get(self.severity, 0)
            and (not self.tier or message.tier == self.tier)
        )


def message_id(event_id: str) -> str:
    """Return the id that consumers see: made of the event's, but without its dots, which a signature forbids."""
    digest = hashlib.sha256(event_id.encode()).digest()[:20]
    return "msg_" + base64.b32encode(digest).decode().lower()


def message_of(
    partition: int, offset: int, timestamp_ms: int, value: bytes | None, headers: Sequence[tuple[str, bytes]]
) -> Message | None:
    """Return the message in a record of `cem.alerts`; None for what is none, which no consumer can use."""
    found = dict(headers)
    try:
        event_id, event, time = (found[name].decode() for name in ("ce_id", "ce_type", "ce_time"))
        gist = _decode(value or b"")
    except (KeyError, UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return None
    said_ms = parse_ms(found["ce_time"])
    if not event.startswith("alert.") or said_ms is None:
        return None
    return Message(
        partition,
        offset,
        timestamp_ms,
        message_id(event_id),
        event,
        time,
        (value or b"").replace(b"\n", b" ").replace(b"\r", b" "),  # one line, however it was written
        gist.alert_id,
        gist.type,
        gist.customer_id,
        _RANKS.get(gist.severity, 0),
        gist.tier,
        _expiry_ms(event, said_ms, gist.deliver_before),
        gist.holdout or gist.tell.who == str(Tell.NOBODY),
    )


def _expiry_ms(event: str, said_ms: int, deliver_before: datetime | None) -> int:
    """Return when telling it is of no more use.

    An alert's limit is that of its news. Its end, and what people do about it when the limit has passed, are news of
    their own: a consumer that heard of it must hear of them.
    """
    before_ms = 0 if deliver_before is None or event == "alert.resolved" else to_ms(deliver_before)
    return before_ms if before_ms > said_ms else said_ms + LONGEST_MS
