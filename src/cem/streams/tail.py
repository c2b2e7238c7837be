"""A consumer of one topic outside any group, that stands where its reader wants: what the feeds are made with."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from cem.streams.offsets import know_topics, log_bounds

__all__ = ["Bounds", "tail_of"]

#: First offset that is still there, and the next to be written, by partition.
Bounds = dict[int, tuple[int, int]]


async def tail_of(
    topic: str,
    lanes: int,
    options: Mapping[str, Any],
    *,
    from_: Callable[[Bounds], Mapping[int, int]],
    reset: str = "none",
) -> tuple[AIOKafkaConsumer, Bounds]:
    """Return a started consumer of all the topic's partitions, and their bounds.

    options: aiokafka's connection arguments. from_: from the bounds to where each partition is read from. reset: what to
    do when Kafka no longer has that offset ("none": raise OffsetOutOfRangeError). Raises what aiokafka does; the
    consumer is then stopped.
    """
    consumer = AIOKafkaConsumer(
        **options,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset=reset,
        retry_backoff_ms=50,
    )
    try:
        await consumer.start()
        await know_topics(consumer, [topic])
        partitions = [TopicPartition(topic, number) for number in range(lanes)]
        bounds = {tp.partition: found for tp, found in (await log_bounds(consumer, partitions)).items()}
        consumer.assign(partitions)
        begins = from_(bounds)
        for tp in partitions:
            consumer.seek(tp, begins[tp.partition])
    except BaseException:
        with contextlib.suppress(KafkaError, TimeoutError, OSError):
            async with asyncio.timeout(1.0):
                await consumer.stop()
        raise
    return consumer, bounds
