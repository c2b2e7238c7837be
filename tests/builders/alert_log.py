"""Records of cem.alerts by hand, and an `AlertSource` over a list of them."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any

from cem.alerts.delivery.message import Message, message_of
from cem.domain.events import AlertOpened, encode
from cem.domain.events.alerts import Remedy, TellWhom
from cem.domain.events.enums import AlertTier, Channel, Severity, Tell
from cem.ports import Unavailable
from cem.streams.alert_feed import Piece

__all__ = ["T0_MS", "FakeAlerts", "alert_record", "message"]

T0_MS = 1_770_000_000_000


def alert_record(
    number: int, customer: str = "C1", *, at_ms: int = T0_MS, before_ms: int = 0, **over: Any
) -> tuple[tuple[tuple[str, bytes], ...], bytes]:
    """Return headers and value of an opened alert as a lane writes it."""
    values: dict[str, Any] = {
        "alert_id": f"sms_allowance:{customer}:+8490{number}:c{number}",
        "type": "sms_allowance",
        "tier": AlertTier.ALERT,
        "severity": Severity.WARNING,
        "customer_id": customer,
        "subject": f"+8490{number}",
        "opened_at": datetime.fromtimestamp(at_ms / 1000, UTC),
        "deliver_before": datetime.fromtimestamp(before_ms / 1000, UTC) if before_ms else None,
        "evidence": {"used_percent": 80, "number": number},
        "tell": TellWhom(who=Tell.PAYER, channel=Channel.SMS),
        "remedy": Remedy(action="sms_bundle", price_minor=300),
    }
    event = AlertOpened(**{**values, **over})
    return encode(
        event, id=f"cem.sms-usage/0/{number}/opened", source="/cem.sms-usage/0", time_ms=at_ms, customer_id=customer,
        sequence=number * 1000,
    )  # fmt: skip


def message(
    number: int,
    customer: str = "C1",
    *,
    partition: int = 0,
    offset: int | None = None,
    at_ms: int = T0_MS,
    **over: Any,
) -> Message:
    """Return the message of such a record; its offset is its number unless given."""
    headers, value = alert_record(number, customer, at_ms=at_ms, **over)
    made = message_of(partition, number if offset is None else offset, at_ms, value, headers)
    assert made is not None
    return made


class FakeAlerts:
    """`AlertSource` over lists; `memory` is how far back it answers without `away` mattering."""

    def __init__(self, lanes: int = 2, *, log_id: int = 7) -> None:
        self.lanes, self.log_id, self.version = lanes, log_id, 0
        self.records: list[list[Message]] = [[] for _ in range(lanes)]
        self.first = [0] * lanes
        self.memory = [0] * lanes
        self.away = False
        self.known = True
        self._news = asyncio.Event()

    def say(self, number: int, customer: str = "C1", partition: int = 0, **over: Any) -> Message:
        """Append an alert to a partition and return its message."""
        made = message(number, customer, partition=partition, offset=self.next_offset(partition), **over)
        self.records[partition].append(made)
        self.version += 1
        news, self._news = self._news, asyncio.Event()
        news.set()
        return made

    def replace(self, log_id: int) -> None:
        """Be another log from now on, with nothing in it."""
        self.log_id = log_id
        self.records = [[] for _ in self.records]
        self.version += 1
        news, self._news = self._news, asyncio.Event()
        news.set()

    def next_offset(self, partition: int) -> int:
        return len(self.records[partition])

    def held_from(self, partition: int) -> int:
        return self.memory[partition]

    async def started(self) -> None:
        if not self.known:
            await asyncio.Event().wait()

    async def read(self, partition: int, offset: int, limit: int) -> Piece:
        await asyncio.sleep(0)
        if self.away and offset < self.memory[partition]:
            raise Unavailable("Kafka is away")
        lost = max(0, self.first[partition] - offset)
        start = offset + lost
        found = self.records[partition][start : start + limit]
        return Piece(found, start + len(found), lost)

    async def changed(self, version: int, timeout_s: float) -> None:
        if self.version == version:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._news.wait()
