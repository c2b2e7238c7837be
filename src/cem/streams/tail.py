"""A consumer of one topic outside any group, that stands where its reader wants: what the feeds are made with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from cem.ports import LaneStopped, Unavailable
from cem.streams.fetch_calm import use_calm
from cem.streams.offsets import know_topics, log_bounds
from cem.streams.stopping import start_client, stop_consumer

__all__ = ["Bounds", "follow_for_ever", "tail_of"]

#: Longest time that connecting may take (s).
_ANSWER_S: Final = 10.0
#: The pause before it is tried again, which doubles each time, and the longest (s).
_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 8.0

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
    do when Kafka no longer has that offset ("none": raise OffsetOutOfRangeError). Raises what aiokafka does, and
    Unavailable if the topic or some of its partitions are missing; the consumer is then stopped.
    """
    consumer = AIOKafkaConsumer(
        **options,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset=reset,
        retry_backoff_ms=50,
    )
    try:
        await start_client(consumer)
        use_calm(consumer._fetcher)
        await know_topics(consumer, [topic])
        known = consumer.partitions_for_topic(topic) or set()
        if not known.issuperset(range(lanes)):
            # Asked for its bounds, aiokafka would look for it again and again, every 50 ms.
            raise Unavailable(f"Kafka shows {len(known)} of {lanes} partitions of {topic}")
        partitions = [TopicPartition(topic, number) for number in range(lanes)]
        bounds = {tp.partition: found for tp, found in (await log_bounds(consumer, partitions)).items()}
        consumer.assign(partitions)
        begins = from_(bounds)
        for tp in partitions:
            consumer.seek(tp, begins[tp.partition])
    except BaseException:
        await stop_consumer(consumer, within_s=1.0)
        raise
    return consumer, bounds


async def follow_for_ever(
    connect: Callable[[], Awaitable[AIOKafkaConsumer]],
    follow: Callable[[AIOKafkaConsumer], Awaitable[None]],
    *,
    away: Callable[[str], None],
    back: Callable[[], None] = lambda: None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Connect and follow until cancelled; while Kafka or the topic is away, try again, more and more seldom.

    away: told why it cannot be read, once until it can; back: told then that it can. pause: waits for so many seconds.
    """
    failing, pause_s = False, _PAUSE_S
    while True:
        try:
            async with asyncio.timeout(_ANSWER_S):
                consumer = await connect()
            try:
                if failing:
                    back()
                failing, pause_s = False, _PAUSE_S
                await follow(consumer)
            finally:
                await stop_consumer(consumer, within_s=1.0)
        except (KafkaError, OSError, TimeoutError, Unavailable, LaneStopped) as error:
            if not failing:
                away(str(error) or type(error).__name__)
            failing = True
            await pause(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
