"""Reading the log by offset on a real Kafka."""

from __future__ import annotations

import asyncio

from aiokafka import TopicPartition

from cem.settings import Settings
from cem.streams.connection import client_options
from cem.streams.log_reader import KafkaLog
from cem.streams.producer import EventProducer, Outgoing
from tests.servers.kafka import KafkaServer


def test_a_range_is_read_and_nothing_is_fetched_behind_it(
    kafka_server: KafkaServer, topic_prefix: str
) -> None:
    """After a read the partition rests: a fetch left waiting at the log's end would hold up each lane's opening."""
    topic = f"{topic_prefix}read"
    kafka_server.create_topics(topic, partitions=1)
    options = client_options(Settings(kafka_bootstrap=kafka_server.bootstrap))

    async def main() -> None:
        async with EventProducer(options) as producer:
            await producer.send_many(Outgoing(topic, b"k", (), b"%d" % n) for n in range(50))
        log = KafkaLog(options)
        try:
            assert [r.value for r in await log.read(topic, 0, 10, 50)] == [b"%d" % n for n in range(10, 50)]
            assert log._consumer is not None
            assert TopicPartition(topic, 0) in log._consumer.paused()
            assert (await log.peek(0, {topic: 7}))[topic].offset == 7
            assert TopicPartition(topic, 0) in log._consumer.paused()
            assert [r.offset for r in await log.read(topic, 0, 0, 20)] == list(range(20))
        finally:
            await log.stop()

    asyncio.run(main())
