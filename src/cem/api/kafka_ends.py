"""The ends of the log's partitions, asked of Kafka: what freshness is measured against."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from cem.ports import Unavailable
from cem.streams.offsets import know_topics
from cem.streams.stopping import start_client, stop_consumer

__all__ = ["KafkaEnds"]


class KafkaEnds:
    """`LogEnds` over a consumer of no group that reads nothing."""

    def __init__(self, options: Mapping[str, Any], partitions: int, *, deadline_s: float = 5.0) -> None:
        """Take aiokafka's connection `options`; connects at the first use."""
        self._options = dict(options)
        self._partitions = partitions
        self._deadline_s = deadline_s
        self._consumer: AIOKafkaConsumer | None = None

    async def ends(self, topics: Sequence[str]) -> Mapping[tuple[str, int], int]:
        """Return topic and partition to the offset of the next record. Raises Unavailable."""
        wanted = [TopicPartition(topic, p) for topic in topics for p in range(self._partitions)]
        try:
            async with asyncio.timeout(self._deadline_s):
                consumer = await self._connected(topics)
                found = await consumer.end_offsets(wanted)
        except (KafkaError, TimeoutError, OSError) as error:
            await self.stop()
            raise Unavailable(
                f"Kafka does not tell its ends: {str(error) or type(error).__name__}"
            ) from error
        return {(tp.topic, tp.partition): offset for tp, offset in found.items()}

    async def stop(self) -> None:
        """Close the connection."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop_consumer(consumer, within_s=1.0)

    async def _connected(self, topics: Sequence[str]) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(**self._options, enable_auto_commit=False)
            try:
                await start_client(consumer)
                await know_topics(consumer, topics)
            except BaseException:
                await stop_consumer(consumer, within_s=1.0)
                raise
            self._consumer = consumer
        return self._consumer
