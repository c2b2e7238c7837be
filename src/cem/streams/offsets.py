"""Where partitions begin and end, asked for many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

__all__ = ["know_topics", "log_bounds"]


async def know_topics(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> None:
    """Make `consumer` know the leaders of these topics beside those that it reads.

    aiokafka asks for each topic that is new to it after a pause of 100 ms of its own: two seconds for all of ours.
    """
    client = consumer._client
    await client.set_topics({*client._topics, *topics})


async def log_bounds(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, tuple[int, int]]:
    """Return each partition's first offset that is still there and the next one to be written."""
    if not partitions:
        return {}
    await know_topics(consumer, {partition.topic for partition in partitions})
    first = await consumer.beginning_offsets(partitions)
    end = await consumer.end_offsets(partitions)
    return {partition: (first[partition], end[partition]) for partition in partitions}
