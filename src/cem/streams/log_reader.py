"""`cem.ports.Log` over aiokafka: reading the log by offset, outside any consumer group."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from cem.journal import JOURNAL_TOPIC, decode_entry
from cem.ports import JournalEntry, LaneStopped, Record
from cem.streams.offsets import know_topics, log_bounds
from cem.streams.records import LogRecord, use_log_records
from cem.streams.refusals import from_kafka
from cem.streams.stopping import start_client, stop_consumer
from cem.streams.topics import LANE_TOPICS

__all__ = ["KafkaLog"]


#: Records kept for the next calls, all partitions together.
_KEPT_AHEAD = 50_000
#: Lanes that open together ask for the cluster's id once.
_SAME_CLUSTER_S = 1.0
_TOPICS = (*LANE_TOPICS, JOURNAL_TOPIC)


class KafkaLog:
    """Reads ranges of the log. One per worker; its calls take turns on one connection.

    What a fetch brought beyond the range asked for is kept for the next call: following a journal asks for one
    small range after the other.
    """

    def __init__(self, options: Mapping[str, Any], *, deadline_s: float = 10.0) -> None:
        """Take aiokafka's connection `options`. deadline_s: longest time without any progress."""
        self._options = dict(options)
        self._deadline_s = deadline_s
        self._consumer: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()
        self._asking = asyncio.Lock()
        #: The cluster's id, and when (monotonic s) it was asked for.
        self._cluster_id = "", 0.0
        self._ahead: dict[TopicPartition, deque[LogRecord]] = {}

    async def stop(self) -> None:
        """Close the connection."""
        self._ahead.clear()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop_consumer(consumer, within_s=1.0)

    async def cluster_id(self) -> str:
        """Return the id of the cluster that answers now: another may have come to the address. Raises Unavailable."""
        async with self._asking:
            known, asked_at = self._cluster_id
            if known and time.monotonic() - asked_at < _SAME_CLUSTER_S:
                return known
            admin = AIOKafkaAdminClient(**self._options)
            try:
                async with asyncio.timeout(self._deadline_s):
                    await start_client(admin)
                    found = str((await admin.describe_cluster())["cluster_id"])
            except (TimeoutError, KafkaError) as error:
                raise from_kafka(error, "Kafka cannot be asked for its cluster id") from error
            finally:
                with contextlib.suppress(TimeoutError, KafkaError):
                    async with asyncio.timeout(2.0):
                        await admin.close()
            self._cluster_id = found, time.monotonic()
            return found

    async def bounds(self, partition: int, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
        partitions = [TopicPartition(topic, partition) for topic in topics]
        async with self._reading("its offsets") as consumer:
            found = await log_bounds(consumer, partitions)
            return {tp.topic: bounds for tp, bounds in found.items()}

    async def peek(self, partition: int, offsets: Mapping[str, int]) -> dict[str, Record]:
        found: dict[str, Record] = {}
        wanted = {TopicPartition(topic, partition): offset for topic, offset in offsets.items()}
        async with self._reading("single records") as consumer:
            bounds = await log_bounds(consumer, list(wanted))
            open_ = {tp: o for tp, o in wanted.items() if bounds[tp][0] <= o < bounds[tp][1]}
            if not open_:
                return found
            consumer.assign(list(open_))
            for tp, offset in open_.items():
                consumer.seek(tp, offset)
            while open_:
                batches = await consumer.getmany(timeout_ms=1000, max_records=len(open_))
                for tp, records in batches.items():
                    if tp in open_ and records:
                        if records[0].offset == open_[tp]:
                            found[tp.topic] = records[0]
                        del open_[tp]
                        consumer.pause(tp)
                for tp in list(open_):
                    # Nothing readable there or behind it: compaction took the record, or it is no record.
                    if await consumer.position(tp) > open_[tp]:
                        del open_[tp]
                        consumer.pause(tp)
            return found

    async def read(self, topic: str, partition: int, first: int, stop: int) -> list[LogRecord]:
        tp = TopicPartition(topic, partition)
        records: list[LogRecord] = []
        position = first
        ahead = self._ahead.pop(tp, None)
        if ahead and ahead[0].offset == first:
            # One by one: a range is short, and what is left, which may be thousands, is not copied for it.
            while ahead and ahead[0].offset < stop:
                records.append(ahead.popleft())
            self._keep(tp, ahead)
            if records:
                position = records[-1].offset + 1
        while position < stop:
            piece, position = await self._piece(tp, position, stop)
            records += piece
        return records

    def _keep(self, tp: TopicPartition, records: Iterable[LogRecord]) -> None:
        """Keep what was fetched too much, of the partitions read last; nobody may come for the rest."""
        ahead = self._ahead
        ahead[tp] = records if isinstance(records, deque) else deque(records)
        while len(ahead) > 1 and sum(map(len, ahead.values())) > _KEPT_AHEAD:
            del ahead[next(iter(ahead))]

    async def _piece(self, tp: TopicPartition, position: int, stop: int) -> tuple[list[LogRecord], int]:
        """Return what one fetch brings of [position, stop), and where to go on."""
        async with self._reading(f"{tp.topic}[{tp.partition}] from offset {position}") as consumer:
            consumer.assign([tp])
            consumer.seek(tp, position)
            while True:
                try:
                    batches = await consumer.getmany(tp, timeout_ms=1000, max_records=20_000)
                except OffsetOutOfRangeError:
                    msg = (
                        f"{tp.topic}[{tp.partition}] offset {position} is needed to follow the journal, but Kafka no "
                        "longer has it: restore a newer checkpoint or store."
                    )
                    raise LaneStopped(msg) from None
                # At once, or the fetch that follows by itself waits at the log's end, and the next one behind it.
                consumer.pause(tp)
                fetched: list[Any] = batches.get(tp, [])
                reached = await consumer.position(tp)
                if fetched or reached >= stop:
                    inside = [r for r in fetched if r.offset < stop]
                    if len(inside) < len(fetched):
                        self._keep(tp, fetched[len(inside) :])
                        return inside, stop
                    return inside, reached
                consumer.resume(tp)

    async def journal(
        self, lane: int, first: int, stop: int | None = None, most: int | None = None
    ) -> tuple[list[tuple[int, JournalEntry]], int]:
        (bounds,) = (await self.bounds(lane, [JOURNAL_TOPIC])).values()
        first = max(first, bounds[0])
        end = bounds[1] if stop is None else stop
        if most is not None:
            end = min(end, first + most)
        records = await self.read(JOURNAL_TOPIC, lane, first, end)
        if end >= bounds[1]:
            # Whoever reads it again comes for what is new, and nobody comes for what was fetched ahead.
            self._ahead.pop(TopicPartition(JOURNAL_TOPIC, lane), None)
        return [(r.offset, decode_entry(r.value)) for r in records if r.value is not None], end

    @contextlib.asynccontextmanager
    async def _reading(self, what: str) -> AsyncIterator[AIOKafkaConsumer]:
        async with self._turn:
            try:
                async with asyncio.timeout(self._deadline_s):
                    if self._consumer is None:
                        self._consumer = await self._connected()
                    yield self._consumer
            except (TimeoutError, KafkaError) as error:
                await self.stop()
                raise from_kafka(error, f"Kafka cannot be asked for {what}") from error

    async def _connected(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._options,
            group_id=None,
            # The pause before metadata of a topic that is new to the client.
            retry_backoff_ms=20,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=20,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        # Assigning a partition makes aiokafka forget all other topics, and ask for them again when they are next read.
        client = consumer._client
        forget = client.set_topics
        client.set_topics = lambda topics: forget({*topics, *_TOPICS})
        try:
            await start_client(consumer)
            use_log_records(consumer._fetcher)
            await know_topics(consumer, _TOPICS)
        except BaseException:
            await stop_consumer(consumer, within_s=1.0)
            raise
        return consumer
