"""`cem.ports.Publisher` over aiokafka's idempotent producer, with the deadlines that aiokafka lacks.

aiokafka's idempotent batches never expire, and a producer that has met an out-of-order sequence stays broken. So
every wait here is bounded, and after an unknown outcome the producer is thrown away: repeats carry the same ids.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from cem.journal import JOURNAL_TOPIC, encode_entry
from cem.ports import Emission, JournalEntry
from cem.streams.refusals import from_kafka
from cem.streams.stopping import start_client, stop_producer
from cem.streams.topics import MAX_OUTPUT_BYTES

__all__ = ["KafkaPublisher"]


class KafkaPublisher:
    """Publishes and waits for the acknowledgement of all in-sync replicas. One per worker, used by all its lanes."""

    def __init__(
        self,
        options: Mapping[str, Any],
        *,
        deadline_s: float = 10.0,
        max_request_bytes: int = MAX_OUTPUT_BYTES,
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

    async def publish(self, emissions: Sequence[Emission]) -> None:
        """Return when all in-sync replicas have all of `emissions`. Raises Unavailable, LaneStopped; then some may be there."""
        await self._send([(e.topic, e.key, e.value, e.headers, e.partition) for e in emissions])

    async def append_journal(self, entry: JournalEntry) -> int:
        """Append to the lane's partition of the journal and return the offset. Raises Unavailable."""
        record = (JOURNAL_TOPIC, str(entry.lane).encode(), encode_entry(entry), (), entry.lane)
        (offset,) = await self._send([record])
        return offset

    async def stop(self) -> None:
        """Close the connection; gives up what is unacknowledged after two seconds."""
        if self._producer is not None:
            self._discard(self._producer)
        if self._discarding:
            await asyncio.wait(self._discarding, timeout=2.0)

    async def _send(
        self,
        records: Sequence[tuple[str, bytes | None, bytes | None, tuple[tuple[str, bytes], ...], int | None]],
    ) -> list[int]:
        producer = self._producer or await self._started()
        try:
            async with asyncio.timeout(self._deadline_s):
                futures = [
                    await producer.send(
                        topic, value=value, key=key, partition=partition, headers=list(headers)
                    )
                    for topic, key, value, headers, partition in records
                ]
                if len(futures) == 1:  # a journal entry, as nearly always
                    return [(await futures[0]).offset]
                return [metadata.offset for metadata in await asyncio.gather(*futures)]
        except (TimeoutError, KafkaError) as error:
            self._discard(producer)
            what = f"Kafka has not acknowledged {len(records)} record(s) for {records[0][0]}"
            raise from_kafka(error, what) from error

    async def _started(self) -> AIOKafkaProducer:
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
                        await start_client(producer)
                except asyncio.CancelledError:
                    self._discard(producer)
                    raise
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
