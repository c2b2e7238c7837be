"""What people have set, by object: the newest record of each key of `cem.control`, from its beginning on.

The topic is compacted by key, so what was set long ago is still there. One consumer of no group reads all of it, then
follows its ends; records of customers, which the lanes fold, are passed over by their key.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from cem.domain.events import Event, Received, decode
from cem.ports import Log, Record, Unavailable
from cem.streams.tail import Bounds, follow_for_ever, tail_of
from cem.streams.topics import CONTROL

__all__ = ["ControlFeed", "Setting"]

_log = logging.getLogger(__name__)


class Setting(msgspec.Struct, frozen=True):
    """The newest record of one key."""

    event: Event
    #: Its place in the partition of its key: later ones have higher numbers.
    offset: int
    #: When the log took it in (wall, ms).
    timestamp_ms: int


class ControlFeed:
    """The settings under some prefixes of keys, kept up to date while `run` runs."""

    def __init__(
        self,
        options: Mapping[str, Any],
        log: Log,
        lanes: int,
        prefixes: tuple[str, ...],
        on_change: Callable[[str, Setting], None] = lambda key, setting: None,
    ) -> None:
        """Take aiokafka's `options`; `on_change` is told each new record, also those of the first reading."""
        self._options = dict(options)
        self._log = log
        self._lanes = lanes
        self._prefixes = tuple(prefix.encode() for prefix in prefixes)
        self._on_change = on_change
        self._next = [0] * lanes
        self._cluster = 0
        #: Where each partition ended when the consumer connected, of those that are still to be read so far.
        self._ends: dict[int, int] = {}
        self.settings: dict[str, Setting] = {}
        #: Set once all that was there at the start has been read.
        self.complete = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled; while Kafka is away, try again."""
        await follow_for_ever(
            self._connected,
            self._follow,
            away=lambda said: _log.warning("%s cannot be read: %s", CONTROL, said),
        )

    async def read_once(self, within_s: float = 20.0) -> None:
        """Read what stands there now, and no further. Raises Unavailable, and what the reading raises."""
        reading = asyncio.create_task(self.run())
        complete = asyncio.create_task(self.complete.wait())
        try:
            await asyncio.wait({reading, complete}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            if not complete.done():
                raise Unavailable(f"Kafka does not tell what stands on {CONTROL}")
        finally:
            reading.cancel()
            complete.cancel()
            await asyncio.gather(reading, complete, return_exceptions=True)

    async def _connected(self) -> AIOKafkaConsumer:
        cluster = crc32((await self._log.cluster_id()).encode()) or 1
        if cluster != self._cluster:
            # Another log: what was set in the old one stays until this one says otherwise.
            self._cluster, self._next = cluster, [0] * self._lanes

        def begins(bounds: Bounds) -> dict[int, int]:
            at = self._next
            return {n: at[n] if first <= at[n] <= end else first for n, (first, end) in bounds.items()}

        consumer, bounds = await tail_of(CONTROL, self._lanes, self._options, from_=begins, reset="earliest")
        self._ends = {number: end for number, (first, end) in bounds.items() if first < end}
        return consumer

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        ends = self._ends
        while True:
            for partition, end in list(ends.items()):
                # Not counted by records: the last ones may have been compacted away.
                if await consumer.position(TopicPartition(CONTROL, partition)) >= end:
                    del ends[partition]
            if not ends:
                self.complete.set()
            batches = await consumer.getmany(timeout_ms=1000 if not ends else 100, max_records=5000)
            for tp, records in batches.items():
                for record in records:
                    self._take(record)
                if records:
                    self._next[tp.partition] = records[-1].offset + 1

    def _take(self, record: Record) -> None:
        key = record.key
        if key is None or not key.startswith(self._prefixes):
            return
        received = decode(record)
        if not isinstance(received, Received):
            return
        name = key.decode()
        setting = Setting(received.event, record.offset, record.timestamp)
        self.settings[name] = setting
        self._on_change(name, setting)
