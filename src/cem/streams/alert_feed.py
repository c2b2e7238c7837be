"""What is said on `cem.alerts`, for any number of consumers in this process: read from Kafka once.

One consumer of no group follows the ends of all partitions and keeps the newest messages in memory. Whoever is behind
what is kept reads the log itself, a bounded piece at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol
from zlib import crc32

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import OffsetOutOfRangeError

from cem.alerts.delivery.message import Message, message_of
from cem.ports import Log, Record, Unavailable
from cem.streams.tail import Bounds, follow_for_ever, tail_of
from cem.streams.topics import ALERTS

__all__ = ["AlertFeed", "AlertSource", "Piece"]

_log = logging.getLogger(__name__)


class Piece:
    """Some messages of a partition in order, where to go on, and how many offsets the log had lost before them."""

    __slots__ = ("lost", "messages", "next")

    def __init__(self, messages: list[Message], next_offset: int, lost: int = 0) -> None:
        self.messages = messages
        self.next = next_offset
        self.lost = lost


class AlertSource(Protocol):
    """Where consumers read alerts; `AlertFeed` is one."""

    #: Grows with every arrival.
    version: int
    lanes: int
    #: Tells logs apart: offsets of one mean nothing in another. 0 until the log is known; it changes when Kafka is
    #: found to be another one.
    log_id: int

    def next_offset(self, partition: int) -> int:
        """Return the offset behind the newest message known."""

    def held_from(self, partition: int) -> int:
        """Return the first offset that memory answers for."""

    async def started(self) -> None:
        """Return once the ends of the partitions are known."""

    async def read(self, partition: int, offset: int, limit: int) -> Piece:
        """Return at most `limit` messages from `offset` on. Raises Unavailable, LaneStopped."""

    async def changed(self, version: int, timeout_s: float) -> None:
        """Return when there is more than at `version`, or after the time."""


class AlertFeed:
    """`AlertSource` over Kafka."""

    def __init__(
        self,
        options: Mapping[str, Any],
        log: Log,
        lanes: int,
        *,
        kept: int = 20_000,
        kept_bytes: int = 32 * 1024 * 1024,
    ) -> None:
        """Take aiokafka's connection `options`, a reader of the log, and how much is kept in memory."""
        self._options = dict(options)
        self._log = log
        self.lanes = lanes
        self.version = 0
        self.log_id = 0
        self._kept, self._kept_bytes = kept, kept_bytes
        self._held: list[deque[Message]] = [deque() for _ in range(lanes)]
        self._offsets: list[list[int]] = [[] for _ in range(lanes)]
        self._arrived: deque[int] = deque()
        self._bytes = 0
        self._from = [0] * lanes
        self._next = [0] * lanes
        self._known = asyncio.Event()
        self._news = asyncio.Event()

    def next_offset(self, partition: int) -> int:
        return self._next[partition]

    def held_from(self, partition: int) -> int:
        return self._from[partition]

    async def started(self) -> None:
        await self._known.wait()

    async def changed(self, version: int, timeout_s: float) -> None:
        if self.version != version:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._news.wait()

    async def read(self, partition: int, offset: int, limit: int) -> Piece:
        if offset >= self._from[partition]:
            return self._from_memory(partition, offset, limit)
        first, _ = (await self._log.bounds(partition, [ALERTS]))[ALERTS]
        lost = max(0, first - offset)
        start, stop = offset + lost, min(offset + lost + limit, self._from[partition])
        if start >= stop:
            return Piece([], start, lost)
        records = await self._log.read(ALERTS, partition, start, stop)
        return Piece([m for m in map(_message, records) if m is not None], stop, lost)

    async def run(self) -> None:
        """Follow the log until cancelled; while Kafka is away, try again."""
        await follow_for_ever(
            self._connected,
            self._follow,
            away=lambda said: _log.warning("alerts cannot be read: %s", said),
            back=lambda: _log.info("alerts can be read again"),
        )

    async def _connected(self) -> AIOKafkaConsumer:
        """Return a consumer that stands where this feed does: at the ends, when it has not begun."""
        cluster = crc32((await self._log.cluster_id()).encode()) or 1

        def begins(bounds: Bounds) -> dict[int, int]:
            for number, (first, end) in bounds.items():
                at = self._next[number]
                if not self._known.is_set() or self.log_id != cluster or not first <= at <= end:
                    self._restart(number, end)
            return dict(enumerate(self._next))

        consumer, _ = await tail_of(ALERTS, self.lanes, self._options, from_=begins)
        if self.log_id != cluster:
            self.log_id = cluster
            self._announce()
        self._known.set()
        return consumer

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                batches = await consumer.getmany(timeout_ms=1000, max_records=2000)
            except OffsetOutOfRangeError as error:
                raise Unavailable(f"{ALERTS} no longer has what was to be read next") from error
            for tp, records in batches.items():
                for record in records:
                    self._take(tp.partition, record)
                if records:
                    self._next[tp.partition] = records[-1].offset + 1
            if batches:
                self._trim()
                self._announce()

    def _announce(self) -> None:
        """Wake those who wait for a change."""
        self.version += 1
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _take(self, partition: int, record: Record) -> None:
        message = _message(record)
        if message is None or message.offset < self._next[partition]:
            return
        self._held[partition].append(message)
        self._offsets[partition].append(message.offset)
        self._arrived.append(partition)
        self._bytes += len(message.data)

    def _trim(self) -> None:
        """Let go of the oldest beyond what is kept."""
        gone = [0] * self.lanes
        while self._arrived and (len(self._arrived) > self._kept or self._bytes > self._kept_bytes):
            partition = self._arrived.popleft()
            message = self._held[partition].popleft()
            self._from[partition] = message.offset + 1
            self._bytes -= len(message.data)
            gone[partition] += 1
        for partition, count in enumerate(gone):
            if count:
                del self._offsets[partition][:count]

    def _restart(self, partition: int, end: int) -> None:
        """Begin anew at the partition's end: what was kept belongs to another log, or has a gap behind it."""
        self._bytes -= sum(len(m.data) for m in self._held[partition])
        self._held[partition].clear()
        self._offsets[partition].clear()
        self._arrived = deque(p for p in self._arrived if p != partition)
        self._from[partition] = self._next[partition] = end

    def _from_memory(self, partition: int, offset: int, limit: int) -> Piece:
        offsets, held = self._offsets[partition], self._held[partition]
        start = bisect_left(offsets, offset)
        if start + limit >= len(offsets):
            # Nearly always: whoever follows closely reads the last few, at the right end of the deque.
            count = len(offsets) - start
            messages = [held[i - count] for i in range(count)]
            return Piece(messages, max(offset, self._next[partition]))
        messages = [held[i] for i in range(start, start + limit)]
        return Piece(messages, messages[-1].offset + 1)


def _message(record: Record) -> Message | None:
    return message_of(record.partition, record.offset, record.timestamp, record.value, record.headers)
