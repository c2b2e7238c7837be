from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from cem.embedded.mock_cluster import MockCluster
from cem.streams.backpressure import ReaderPace
from cem.streams.producer import EventProducer, Outgoing

RECORDS = 250_000


def test_the_embedded_log_forgets_nothing_unread() -> None:
    """Twice and a half what the embedded log keeps of a partition arrives whole at a reader slower than the writer."""
    cluster = MockCluster()
    try:
        cluster.create_topic("cem.calls", 1)
        assert asyncio.run(_write_and_read(cluster.bootstrap)) == list(range(RECORDS))
    finally:
        cluster.close()


async def _write_and_read(bootstrap: str) -> list[int]:
    position = 0

    async def positions() -> Mapping[tuple[str, int], int]:
        return {("cem.calls", 0): position}

    async def read() -> list[int]:
        nonlocal position
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="none"
        )
        await consumer.start()
        at = TopicPartition("cem.calls", 0)
        consumer.assign([at])
        consumer.seek(at, 0)
        found: list[int] = []
        try:
            while len(found) < RECORDS:
                for records in (await consumer.getmany(timeout_ms=200, max_records=2000)).values():
                    assert records[0].offset == position
                    found += [int(record.value) for record in records]
                    position = records[-1].offset + 1
            return found
        finally:
            await consumer.stop()

    async with EventProducer(
        {"bootstrap_servers": bootstrap}, admission=ReaderPace(positions, poll_s=0.01)
    ) as producer:
        reading = asyncio.create_task(read())
        for start in range(0, RECORDS, 1000):
            await producer.send_many(
                Outgoing("cem.calls", b"c", (), b"%d" % i) for i in range(start, start + 1000)
            )
        await producer.flush()
        return await reading
