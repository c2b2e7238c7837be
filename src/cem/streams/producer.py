"""Publishing to the log in whole batches: idempotent, acknowledged by all in-sync replicas, never without a deadline.

Records are packed into one open batch per partition (`append` is a plain call: no coroutine, future or lookup a
record) and a batch leaves when it is full, when it has lingered, or at `flush`. aiokafka sends the batches of one
partition one after the other, so a key's records keep their order.

aiokafka's idempotent producer waits for ever for a Kafka that is away, in `flush` as in `stop`. Here every wait
ends after `deadline_s` without a single acknowledgement, with `LogUnavailable`. The producer is then used up: what
was not acknowledged may or may not be in the log, so the caller starts again from what it knows to be acknowledged
(same ids, so that repeats are harmless) with a new producer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from cem.ports import Emission, Unavailable
from cem.streams.backpressure import Admission
from cem.streams.outgoing import Batch, Outgoing, RecordTooLarge, Target, largest_record, target_of
from cem.streams.reasons import reason_of
from cem.streams.stopping import start_client, stop_producer
from cem.streams.topic_admin import TopicsWrong

__all__ = ["Admission", "EventProducer", "LogUnavailable", "Outgoing", "RecordTooLarge"]

#: A batch is sent when it has grown to this size. The embedded broker keeps 5 MB a partition.
BATCH_BYTES = 256 * 1024
#: How long `stop` waits for aiokafka, twice at most.
_STOP_S = 1.0
#: How many records share one reading of the clock for their ingestion time.
_RECORDS_PER_TIMESTAMP = 256


class LogUnavailable(Unavailable):
    """Kafka is away or refuses us; the message says which. Nothing more goes through the producer."""


class EventProducer:
    """Publishes records of any topic. Use as `async with EventProducer(client_options(settings)) as producer`."""

    def __init__(
        self,
        options: Mapping[str, Any],
        *,
        linger_ms: int = 5,
        deadline_s: float = 30.0,
        admission: Admission | None = None,
        expected_partitions: Mapping[str, int] | None = None,
        now_ms: Callable[[], int] = lambda: int(time.time() * 1000),
    ) -> None:
        """Take aiokafka's connection `options`; nothing is opened before `start`.

        linger_ms: how long a record may wait for company when nobody flushes.
        deadline_s: the longest time without any acknowledgement while some are awaited.
        admission: asked before each batch leaves (back-pressure).
        expected_partitions: per topic; another number in Kafka is refused, for it would tear customers' lanes apart.
        now_ms: gives the records' ingestion time.
        """
        self._options = dict(options)
        self._linger_s = linger_ms / 1000
        self._deadline_s = deadline_s
        self._admission = admission
        self._expected = dict(expected_partitions or {})
        self._now_ms = now_ms
        self._producer: AIOKafkaProducer | None = None
        self._targets: dict[str, list[Target]] = {}
        self._next_keyless: dict[str, int] = {}
        self._unacknowledged: set[Batch] = set()
        self._lingering: asyncio.TimerHandle | None = None
        self._background: set[asyncio.Task[None]] = set()
        #: Batches that wait for `admission` right now.
        self._held = 0
        self._failure: LogUnavailable | None = None
        #: Records and bytes acknowledged so far.
        self.records = 0
        self.bytes = 0

    async def __aenter__(self) -> EventProducer:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        try:
            if kind is None:
                await self.flush()
        finally:
            await self.stop()

    async def start(self) -> None:
        """Connect. Raises LogUnavailable."""
        self._producer = AIOKafkaProducer(
            **self._options,
            enable_idempotence=True,
            acks="all",
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=max(1000, int(self._deadline_s * 1000)),
        )
        try:
            async with asyncio.timeout(self._deadline_s):
                await start_client(self._producer)
        except (KafkaError, OSError, TimeoutError) as error:
            failure = self._fail(f"cannot be reached ({reason_of(error)})")
            await self.stop()
            raise failure from None
        except BaseException:
            # Nobody has a producer to stop yet.
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close within two seconds, whatever Kafka does. What was not flushed may be lost."""
        if self._lingering is not None:
            self._lingering.cancel()
        for task in self._background:
            task.cancel()
        producer, self._producer = self._producer, None
        if producer is None:
            return
        await stop_producer(producer, within_s=_STOP_S)

    async def partitions(self, topic: str) -> int:
        """Return the topic's number of partitions. Raises LogUnavailable; TopicsWrong when it has none, or another."""
        return len(self._targets.get(topic) or await self._look_up(topic))

    async def send_many(self, events: Iterable[Outgoing | Emission]) -> None:
        """Pack the records. They leave when batches are full, after the linger, or at `flush`.

        Waits while a partition's queue is full or `admission` holds it back. Raises LogUnavailable, TopicsWrong, RecordTooLarge.
        """
        await self._pack(events)
        if self._linger_s == 0:
            await self._send_open()
        elif self._lingering is None:
            self._lingering = asyncio.get_running_loop().call_later(self._linger_s, self._linger_over)

    async def publish(self, events: Iterable[Outgoing | Emission]) -> None:
        """Return when all in-sync replicas have these records. Raises LogUnavailable, TopicsWrong, RecordTooLarge."""
        touched = await self._pack(events)
        await asyncio.gather(*(self._send(target, batch) for batch, target in touched.items()))
        await self._acknowledged({batch.done for batch in touched})

    async def send_one(self, event: Outgoing | Emission) -> tuple[int, int]:
        """Return the record's partition and offset once all in-sync replicas have it.

        Raises LogUnavailable, TopicsWrong, RecordTooLarge.
        """
        target = await self._target(event)
        # A batch of its own: the offset of a batch is its first record's.
        batch = Batch(self._builder(), asyncio.get_running_loop().create_future())
        batch.append(event, self._now_ms(), target.limit)
        if target.open is not None:
            await self._send(target, target.open)
        await self._send(target, batch)
        await self._acknowledged({batch.done})
        return target.partition, batch.done.result()

    async def flush(self) -> None:
        """Return when everything sent so far is acknowledged. Raises LogUnavailable."""
        await self._send_open()
        await self._acknowledged({batch.done for batch in self._unacknowledged})

    async def _pack(self, events: Iterable[Outgoing | Emission]) -> dict[Batch, Target]:
        """Append each record to its partition's open batch; return the batches that hold them."""
        if self._failure is not None:
            raise self._failure
        touched: dict[Batch, Target] = {}
        now_ms = 0
        for number, event in enumerate(events):
            if number % _RECORDS_PER_TIMESTAMP == 0:
                now_ms = self._now_ms()
            topic = event.topic
            targets = self._targets.get(topic) or await self._look_up(topic)
            target = target_of(event, targets, self._next_keyless.get(topic, 0))
            batch = target.open or self._open(target)
            while not batch.append(event, now_ms, target.limit):
                await self._send(target, batch)
                batch = target.open or self._open(target)
            touched[batch] = target
        return touched

    async def _target(self, event: Outgoing | Emission) -> Target:
        targets = self._targets.get(event.topic) or await self._look_up(event.topic)
        return target_of(event, targets, self._next_keyless.get(event.topic, 0))

    async def _look_up(self, topic: str) -> list[Target]:
        """Read the topic's partitions from Kafka, without making the topic as asking for it by name might."""
        producer = self._running()
        try:
            async with asyncio.timeout(self._deadline_s):
                cluster = await producer.client.fetch_all_metadata()
        except (KafkaError, OSError, TimeoutError) as error:
            raise self._fail(f"does not answer ({reason_of(error)})") from None
        found = len(cluster.partitions_for_topic(topic) or ())
        if not found:
            raise TopicsWrong(
                f"Kafka at {self._address()} has no topic {topic}: `cem topics create` makes it"
            )
        expected = self._expected.get(topic, found)
        if found != expected:
            raise TopicsWrong(
                f"topic {topic} has {found} partitions, not {expected} (CEM_PARTITIONS): customers would change lanes"
            )
        limit = largest_record(topic)
        return self._targets.setdefault(topic, [Target(topic, number, limit) for number in range(found)])

    def _builder(self) -> BatchBuilder:
        return self._running().create_batch()

    def _open(self, target: Target) -> Batch:
        target.open = Batch(self._builder(), asyncio.get_running_loop().create_future())
        return target.open

    def _linger_over(self) -> None:
        self._lingering = None
        self._spawn(self._send_open())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background_ended)

    def _background_ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and self._failure is None:
            self._fail(f"refused a batch ({reason_of(error)})")

    async def _send_open(self) -> None:
        """Send every open batch that holds something."""
        waiting = [(t, t.open) for targets in self._targets.values() for t in targets if t.open is not None]
        await asyncio.gather(*(self._send(target, batch) for target, batch in waiting))

    async def _send(self, target: Target, batch: Batch) -> None:
        """Hand the batch to aiokafka unless somebody else has; waits for the partition's queue and for admission."""
        if batch in self._unacknowledged or batch.done.done():
            return
        if target.open is batch:
            target.open = None
            self._next_keyless[target.topic] = target.partition + 1
        self._unacknowledged.add(batch)
        batch.builder.close()
        try:
            # The lock is fair, so batches leave in the order in which they were closed.
            async with target.lock:
                if self._admission is not None:
                    await self._admitted(self._admission, target, batch)
                producer = self._running()
                async with asyncio.timeout(self._deadline_s):
                    future = await producer.send_batch(
                        batch.builder, target.topic, partition=target.partition
                    )
        except (KafkaError, OSError, TimeoutError) as error:
            raise self._fail(f"takes no more records ({reason_of(error)})") from None
        except asyncio.CancelledError:
            # A batch that never left is a hole in its partition; nothing may follow it.
            self._fail("was left in the middle of a batch")
            raise
        future.add_done_callback(lambda done: self._settled(target, batch, done))

    async def _admitted(self, admission: Admission, target: Target, batch: Batch) -> None:
        self._held += 1
        try:
            await admission.admit(target.topic, target.partition, batch.records, batch.size)
        finally:
            self._held -= 1

    def _settled(self, target: Target, batch: Batch, future: asyncio.Future[Any]) -> None:
        self._unacknowledged.discard(batch)
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or error is not None:
            self._fail(f"refused a batch for {target.topic} ({reason_of(error)})")
            return
        first: int = future.result().offset
        self.records += batch.records
        self.bytes += batch.size
        if self._admission is not None:
            next_offset = first + batch.records if first >= 0 else -1
            self._admission.acknowledged(
                target.topic, target.partition, next_offset, batch.records, batch.size
            )
        if not batch.done.done():
            batch.done.set_result(first)

    async def _acknowledged(self, waiting: set[asyncio.Future[int]]) -> None:
        """Return when all are done; the deadline starts anew with every acknowledgement."""
        while waiting:
            before = self.records
            _, waiting = await asyncio.wait(
                waiting, timeout=self._deadline_s, return_when=asyncio.FIRST_COMPLETED
            )
            if self._failure is not None:
                raise self._failure
            # A batch that is held back for a slow reader says nothing about Kafka.
            if waiting and self.records == before and not self._held:
                records = sum(batch.records for batch in self._unacknowledged)
                raise self._fail(f"acknowledged none of {records:,} records for {self._deadline_s:g} s")
        if self._failure is not None:
            raise self._failure

    def _running(self) -> AIOKafkaProducer:
        if self._failure is not None:
            raise self._failure
        if self._producer is None:
            raise LogUnavailable("the producer is not started")
        return self._producer

    def _fail(self, what: str) -> LogUnavailable:
        """Remember the first failure and wake everybody who waits."""
        if self._failure is None:
            self._failure = LogUnavailable(f"Kafka at {self._address()} {what}")
            for batch in self._unacknowledged:
                if not batch.done.done():
                    batch.done.set_result(-1)
        return self._failure

    def _address(self) -> str:
        servers = self._options.get("bootstrap_servers", "?")
        return servers if isinstance(servers, str) else ",".join(servers)
