"""`cem.ports.Publisher` over aiokafka's idempotent producer, with the deadlines that aiokafka lacks.

aiokafka's idempotent batches never expire, and a producer that has met an out-of-order sequence stays broken. So
every wait here is bounded, and after an unknown outcome the producer is thrown away: repeats carry the same ids.

Journal entries of many lanes in one turn of the event loop are handed to aiokafka together: under one deadline, without a
task each, and so that they leave in one request. Each is answered by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from cem.journal import JOURNAL_TOPIC, encode_entry
from cem.ports import Emission, JournalEntry
from cem.streams.refusals import from_kafka
from cem.streams.stopping import stop_producer

__all__ = ["KafkaPublisher"]


#: Topic, key, value, headers, partition.
_Outgoing = tuple[str, bytes | None, bytes | None, tuple[tuple[str, bytes], ...], int | None]


class _Sending:
    """Records that one caller waits for."""

    __slots__ = ("_missing", "found", "offsets", "records")

    def __init__(self, records: Sequence[_Outgoing]) -> None:
        self.records = records
        self.offsets: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self.found = [-1] * len(records)
        self._missing = len(records)

    def acknowledged(self, index: int, offset: int) -> bool:
        """Take note of one record's offset; return whether it was the last that was missing."""
        self.found[index] = offset
        self._missing -= 1
        return not self._missing


class KafkaPublisher:
    """Publishes and waits for the acknowledgement of all in-sync replicas. One per worker, used by all its lanes."""

    def __init__(
        self, options: Mapping[str, Any], *, deadline_s: float = 10.0, max_request_bytes: int = 12_582_912
    ) -> None:
        """Take aiokafka's connection `options`; connects at the first use.

        deadline_s: longest wait for an acknowledgement before the producer is replaced.
        """
        self._options = dict(options)
        self._deadline_s = deadline_s
        self._max_request_bytes = max_request_bytes
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._discarding: set[asyncio.Task[None]] = set()
        #: Journal entries of this turn of the event loop.
        self._gathered: list[_Sending] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def publish(self, emissions: Sequence[Emission]) -> None:
        """Return when all in-sync replicas have all of `emissions`. Raises Unavailable, LaneStopped; then some may be there."""
        if not emissions:
            return
        # By itself: it may have to wait for its topic, or for room in aiokafka's batches.
        sending = _Sending([(e.topic, e.key, e.value, e.headers, e.partition) for e in emissions])
        self._hand_over([sending])
        await sending.offsets

    async def append_journal(self, entry: JournalEntry) -> int:
        """Append to the lane's partition of the journal and return the offset. Raises Unavailable."""
        sending = _Sending([(JOURNAL_TOPIC, str(entry.lane).encode(), encode_entry(entry), (), entry.lane)])
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self._leave)
        self._gathered.append(sending)
        (offset,) = await sending.offsets
        return offset

    async def stop(self) -> None:
        """Close the connection; gives up what is unacknowledged after two seconds."""
        if self._producer is not None:
            self._discard(self._producer)
        if self._discarding:
            await asyncio.wait(self._discarding, timeout=2.0)

    def _leave(self) -> None:
        gathered, self._gathered = self._gathered, []
        self._hand_over(gathered)

    def _hand_over(self, sendings: Sequence[_Sending]) -> None:
        task = asyncio.get_running_loop().create_task(self._handed_over(sendings))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _handed_over(self, sendings: Sequence[_Sending]) -> None:
        """Give the records to aiokafka; each sending is answered within the deadline."""
        try:
            producer = await self._started()
            loop = asyncio.get_running_loop()
            # One timer for all, which ends with the last of them.
            deadline = loop.call_later(
                self._deadline_s, self._too_late, sendings, producer, asyncio.current_task()
            )
            left = len(sendings)

            def answered(_: asyncio.Future[list[int]]) -> None:
                nonlocal left
                left -= 1
                if not left:
                    deadline.cancel()

            for sending in sendings:
                sending.offsets.add_done_callback(answered)
                try:
                    for index, (topic, key, value, headers, partition) in enumerate(sending.records):
                        acknowledged = await producer.send(
                            topic, value=value, key=key, partition=partition, headers=list(headers)
                        )
                        acknowledged.add_done_callback(partial(self._acknowledged, sending, index, producer))
                except KafkaError as error:
                    self._failed(sending, producer, error)
        except asyncio.CancelledError:
            for sending in sendings:
                sending.offsets.cancel()
            raise
        except Exception as error:
            for sending in sendings:
                if not sending.offsets.done():
                    sending.offsets.set_exception(error)

    def _acknowledged(
        self, sending: _Sending, index: int, producer: AIOKafkaProducer, done: asyncio.Future[Any]
    ) -> None:
        error = KafkaError("given up") if done.cancelled() else done.exception()
        if sending.offsets.done():
            return
        if error is not None:
            self._failed(sending, producer, error)
        elif sending.acknowledged(index, done.result().offset):
            sending.offsets.set_result(sending.found)

    def _too_late(
        self, sendings: Sequence[_Sending], producer: AIOKafkaProducer, task: asyncio.Task[Any] | None
    ) -> None:
        for sending in sendings:
            self._failed(sending, producer, TimeoutError())
        if task is not None:
            task.cancel()

    def _failed(self, sending: _Sending, producer: AIOKafkaProducer, error: BaseException) -> None:
        if sending.offsets.done():
            return
        if isinstance(error, TimeoutError | KafkaError):
            self._discard(producer)
            records = sending.records
            what = f"Kafka has not acknowledged {len(records)} record(s) for {records[0][0]}"
            reason: BaseException = from_kafka(error, what)
            reason.__cause__ = error
            error = reason
        sending.offsets.set_exception(error)

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is not None:
            return self._producer
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._options,
                    acks="all",
                    enable_idempotence=True,
                    max_request_size=self._max_request_bytes,
                    request_timeout_ms=int(self._deadline_s * 1000),
                )
                try:
                    async with asyncio.timeout(self._deadline_s):
                        await producer.start()
                except (TimeoutError, KafkaError) as error:
                    self._discard(producer)
                    raise from_kafka(error, "Kafka cannot be reached for publishing") from error
                self._producer = producer
            return self._producer

    def _discard(self, producer: AIOKafkaProducer) -> None:
        """Never use `producer` again; stop it in the background, within two seconds."""
        if self._producer is producer:
            self._producer = None

        task = asyncio.create_task(stop_producer(producer, within_s=1.0))
        self._discarding.add(task)
        task.add_done_callback(self._discarding.discard)
