from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from cem.ports import Emission
from cem.streams.partition import lane_of
from cem.streams.producer import EventProducer, LogUnavailable, Outgoing, RecordTooLarge
from cem.streams.topic_admin import TopicsWrong
from tests.servers.kafka import KafkaServer

pytestmark = pytest.mark.kafka

HEADERS = (("ce_id", b"1"), ("ce_type", b"sms.rated"))


@pytest.fixture(autouse=True)
def quiet_client() -> Iterator[None]:
    """aiokafka says aloud what it tries again; here only what comes of it counts."""
    logger = logging.getLogger("aiokafka")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


async def make_topics(bootstrap: str, **topics: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1) for name, partitions in topics.items()])
    finally:
        await admin.close()


async def read_all(bootstrap: str, topic: str, count: int) -> dict[int, list[ConsumerRecord]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(count)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: dict[int, list[ConsumerRecord]] = {tp.partition: [] for tp in partitions}
        while any(len(found[tp.partition]) < ends[tp] for tp in partitions):
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                found[tp.partition] += records
        return found
    finally:
        await consumer.stop()


def test_records_arrive_in_order_in_their_lanes(kafka: str, topic_prefix: str) -> None:
    """Every record arrives once, under the partition that murmur2 gives its key, a key's records in their order."""
    topic = f"{topic_prefix}orders"

    async def run() -> dict[int, list[ConsumerRecord]]:
        await make_topics(kafka, **{topic: 5})
        async with EventProducer({"bootstrap_servers": kafka}) as producer:
            for start in range(0, 20_000, 1000):
                await producer.send_many(
                    Outgoing(topic, b"c%d" % (i % 97), HEADERS, b"%d" % i) for i in range(start, start + 1000)
                )
            await producer.flush()
            assert producer.records == 20_000
        return await read_all(kafka, topic, 5)

    found = asyncio.run(run())
    assert sum(len(records) for records in found.values()) == 20_000
    for partition, records in found.items():
        by_key: dict[bytes, list[int]] = {}
        for record in records:
            assert lane_of(record.key.decode(), 5) == partition
            by_key.setdefault(record.key, []).append(int(record.value))
        assert all(numbers == sorted(numbers) for numbers in by_key.values())
    assert tuple(found[0][0].headers) == HEADERS


def test_without_flush_records_leave_after_the_linger(kafka: str, topic_prefix: str) -> None:
    """Nobody has to flush: what was sent leaves on its own."""
    topic = f"{topic_prefix}linger"

    async def run() -> None:
        await make_topics(kafka, **{topic: 1})
        async with EventProducer({"bootstrap_servers": kafka}, linger_ms=1) as producer:
            await producer.send_many([Outgoing(topic, b"k", (), b"v")])
            async with asyncio.timeout(20):
                while producer.records == 0:  # noqa: ASYNC110 (the producer tells nobody)
                    await asyncio.sleep(0.01)

    asyncio.run(run())


def test_emissions_are_published_and_offsets_known(kafka: str, topic_prefix: str) -> None:
    """`publish` returns when all are acknowledged, `send_one` with the offset, both among other senders' records."""
    topic = f"{topic_prefix}out"

    async def run() -> dict[int, list[ConsumerRecord]]:
        await make_topics(kafka, **{topic: 3})
        async with EventProducer({"bootstrap_servers": kafka}) as producer:

            async def lane(number: int) -> list[int]:
                offsets = []
                for i in range(20):
                    await producer.publish(
                        [Emission(topic, b"k", b"%d-%d-%d" % (number, i, n), (), number) for n in range(3)]
                    )
                    partition, offset = await producer.send_one(Emission(topic, None, b"one", (), number))
                    assert partition == number
                    offsets.append(offset)
                return offsets

            offsets = await asyncio.gather(*(lane(number) for number in range(3)))
            assert offsets[0] == [i * 4 + 3 for i in range(20)]
        return await read_all(kafka, topic, 3)

    found = asyncio.run(run())
    for number, records in found.items():
        published = [record.value.decode() for record in records if record.key is not None]
        assert published == [f"{number}-{i}-{n}" for i in range(20) for n in range(3)]


def test_nulls_giants_and_missing_topics(kafka: str, topic_prefix: str) -> None:
    """A null value is a record; a giant is refused and the producer goes on; a missing topic is named, not made."""
    topic = f"{topic_prefix}odd"

    async def run() -> dict[int, list[ConsumerRecord]]:
        await make_topics(kafka, **{topic: 2})
        options = {"bootstrap_servers": kafka}
        async with EventProducer(options, expected_partitions={topic: 2}) as producer:
            await producer.send_many(
                [Outgoing(topic, b"k", (), None), Outgoing(topic, b"\xff\xfe", (), b"x")]
            )
            with pytest.raises(RecordTooLarge, match="2,0"):
                await producer.send_many([Outgoing(topic, b"k", (), b"x" * 2_000_000)])
            with pytest.raises(TopicsWrong, match=r"no topic .*none.*cem topics create"):
                await producer.send_many([Outgoing(f"{topic_prefix}none", b"k", (), b"x")])
            await producer.publish([Outgoing(topic, b"k", (), b"after")])
        async with EventProducer(options, expected_partitions={topic: 3}) as producer:
            with pytest.raises(TopicsWrong, match="has 2 partitions, not 3"):
                await producer.partitions(topic)
        return await read_all(kafka, topic, 2)

    values = [record.value for records in asyncio.run(run()).values() for record in records]
    assert sorted(values, key=str) == sorted([None, b"x", b"after"], key=str)


def test_nobody_there_is_said_at_once() -> None:
    """A Kafka that does not listen is named with its address, within the deadline."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"

        async def run() -> None:
            async with EventProducer({"bootstrap_servers": address}, deadline_s=2):
                pass

        with pytest.raises(LogUnavailable, match=f"Kafka at {address} cannot be reached"):
            asyncio.run(run())


async def _flush(producer: EventProducer, topic: str) -> None:
    await producer.send_many([Outgoing(topic, b"k", (), b"v")])
    await producer.flush()


async def _publish(producer: EventProducer, topic: str) -> None:
    await producer.publish([Outgoing(topic, b"k", (), b"v")])


async def _send_one(producer: EventProducer, topic: str) -> None:
    await producer.send_one(Outgoing(topic, b"k", (), b"v"))


def test_a_kafka_that_goes_away_ends_every_wait(start_kafka: Callable[..., KafkaServer]) -> None:
    """With Kafka frozen no call waits longer than its deadline, the producer says it is used up, and stop returns."""
    server = start_kafka()

    async def one(call: Callable[[EventProducer, str], Awaitable[None]], frozen: asyncio.Barrier) -> float:
        producer = EventProducer({"bootstrap_servers": server.bootstrap}, deadline_s=1.5)
        await producer.start()
        await producer.publish([Outgoing("t", b"k", (), b"v")])
        if await frozen.wait() == 0:
            server.pause()
        await frozen.wait()
        with pytest.raises(LogUnavailable, match=r"acknowledged none of 1 records|takes no more"):
            await call(producer, "t")
        with pytest.raises(LogUnavailable):
            await producer.send_many([Outgoing("t", b"k", (), b"v")])
        began = time.monotonic()
        await producer.stop()
        return time.monotonic() - began

    async def run() -> list[float]:
        await make_topics(server.bootstrap, t=2)
        calls = (_flush, _publish, _send_one)
        frozen = asyncio.Barrier(len(calls))
        try:
            return await asyncio.gather(*(one(call, frozen) for call in calls))
        finally:
            server.resume()

    assert max(asyncio.run(run())) < 8
