"""The embedded broker does what the clients of the service need: produce, fetch, groups, commits, topics."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from cem.embedded.broker import start_broker
from cem.streams.partition import lane_of
from cem.streams.topics import MAX_RECORD_BYTES, TOPICS

LANES = 4


async def _cluster_id(address: str) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        answer = await admin.describe_cluster()
        return str(answer["cluster_id"])
    finally:
        await admin.close()


def test_every_topic_of_the_table_is_there_with_its_partitions(tmp_path: Path) -> None:
    """Nobody has to create topics, and a lane's topics have the same number of partitions."""

    async def scenario() -> dict[str, int]:
        broker, address = await start_broker(LANES, tmp_path / "broker.log")
        admin = AIOKafkaAdminClient(bootstrap_servers=address)
        await admin.start()
        try:
            described = await admin.describe_topics()
            return {topic["topic"]: len(topic["partitions"]) for topic in described}
        finally:
            await admin.close()
            assert await broker.stop(5) == 0

    assert asyncio.run(scenario()) == {spec.name: spec.partitions(LANES) for spec in TOPICS}


def test_records_come_back_in_order_and_commits_are_remembered(tmp_path: Path) -> None:
    """A group that comes back goes on where it committed; keys stand in the lane that we compute."""

    async def scenario() -> None:
        broker, address = await start_broker(LANES, tmp_path / "broker.log")
        try:
            async with AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True) as producer:
                for n in range(100):
                    metadata = await producer.send_and_wait("cem.calls", b"%d" % n, key=b"c-%d" % (n % 7))
                    assert metadata.partition == lane_of(f"c-{n % 7}", LANES)

            async def read(count: int) -> list[tuple[int, int, bytes]]:
                consumer = AIOKafkaConsumer(
                    "cem.calls",
                    bootstrap_servers=address,
                    group_id="g",
                    auto_offset_reset="earliest",
                    session_timeout_ms=2000,
                    enable_auto_commit=False,
                )
                await consumer.start()
                seen: list[tuple[int, int, bytes]] = []
                try:
                    while len(seen) < count:
                        batches = await consumer.getmany(timeout_ms=1000, max_records=count - len(seen))
                        for partition, records in batches.items():
                            seen += [(partition.partition, r.offset, r.value) for r in records]
                    await consumer.commit()
                finally:
                    await consumer.stop()
                return seen

            first, second = await read(60), await read(40)
            assert sorted(int(value) for _, _, value in first + second) == list(range(100))
            for partition in range(LANES):
                offsets = [offset for p, offset, _ in first + second if p == partition]
                assert offsets == list(range(len(offsets)))
        finally:
            await broker.stop(5)

    asyncio.run(scenario())


def test_a_member_takes_over_from_one_that_left(tmp_path: Path) -> None:
    """A worker that is started again has all partitions, and the committed positions.

    Members at the same time are another matter: the broker refuses a follower whose SyncGroup comes after the
    leader's, so on the embedded broker a group has one member.
    """

    async def scenario() -> None:
        broker, address = await start_broker(LANES, tmp_path / "broker.log")
        everything = {TopicPartition("cem.calls", p) for p in range(LANES)}
        try:
            for n in range(3):
                member = AIOKafkaConsumer(
                    "cem.calls",
                    bootstrap_servers=address,
                    group_id="g",
                    session_timeout_ms=2000,
                    heartbeat_interval_ms=500,
                    enable_auto_commit=False,
                )
                await member.start()
                assert member.assignment() == everything
                partition = TopicPartition("cem.calls", 0)
                assert await member.committed(partition) == (n or None)
                await member.commit({partition: n + 1})
                await member.stop()
        finally:
            await broker.stop(5)

    asyncio.run(scenario())


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are found in Linux's /proc")
@pytest.mark.parametrize("sizes", [[10_500_000, 1], [200_000] * 60], ids=["giant", "burst"])
def test_neither_a_giant_nor_a_burst_makes_a_hole_in_the_log(tmp_path: Path, sizes: list[int]) -> None:
    """The largest record that a topic takes is kept, and so are 12 MB that nobody has read yet."""

    async def scenario() -> list[int]:
        broker, address = await start_broker(1, tmp_path / "broker.log")
        partition = TopicPartition("cem.calls", 0)
        consumer = AIOKafkaConsumer(bootstrap_servers=address)
        try:
            async with AIOKafkaProducer(
                bootstrap_servers=address, max_request_size=MAX_RECORD_BYTES, max_batch_size=1
            ) as producer:
                for size in sizes:
                    await producer.send_and_wait("cem.calls", b"x" * size)
            await consumer.start()
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            return [len((await consumer.getone()).value) for _ in sizes]
        finally:
            await consumer.stop()
            await broker.stop(5)

    assert asyncio.run(scenario()) == sizes
    assert (tmp_path / "broker.log").read_text() == ""


def test_each_start_is_a_cluster_of_its_own_and_forgets(tmp_path: Path) -> None:
    """A worker must be able to tell that its positions belong to a log that is gone."""

    async def one_start() -> str:
        broker, address = await start_broker(LANES, tmp_path / "broker.log")
        try:
            return await _cluster_id(address)
        finally:
            await broker.stop(5)

    first, second = asyncio.run(one_start()), asyncio.run(one_start())
    assert first != second
    assert first.startswith("cem-embedded-")


def test_a_killed_broker_is_noticed(tmp_path: Path) -> None:
    """Its process ends with the signal's number."""

    async def scenario() -> int:
        broker, _ = await start_broker(1, tmp_path / "broker.log")
        broker._signal(signal.SIGKILL)
        return await broker.wait()

    assert asyncio.run(scenario()) == -signal.SIGKILL
