from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from cem.embedded.mock_cluster import MockCluster
from cem.importing.into_log import reader_pace
from cem.ports import LaneHeader
from cem.streams.backpressure import AHEAD_RECORDS, ReaderPace
from cem.streams.log_reader import KafkaLog
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


class NobodyReads:
    """A store in which no lane has been saved."""

    async def read(self, customer_id: str) -> bytes | None:
        return None

    async def newest(self, sorted_set: str, before_ms: int, limit: int) -> list[tuple[str, int]]:
        return []

    async def headers(self) -> dict[int, LaneHeader]:
        return {}


def test_an_import_knows_the_embedded_log() -> None:
    """By the id that the embedded broker gives itself, an import keeps its distance small, asked to wait or not."""

    async def held() -> bool:
        cluster = MockCluster()
        log = KafkaLog({"bootstrap_servers": cluster.bootstrap})
        try:
            cluster_id = await log.cluster_id()
        finally:
            await log.stop()
            cluster.close()
        pace = await reader_pace(NobodyReads(), cluster_id, wait=False, note=lambda message: None)
        assert pace is not None
        await pace.admit("cem.calls", 0, AHEAD_RECORDS, 1)
        second = asyncio.create_task(pace.admit("cem.calls", 0, 1, 1))
        await asyncio.sleep(0.2)
        waiting = not second.done()
        second.cancel()
        return waiting

    assert asyncio.run(held())


def test_a_real_log_holds_everything() -> None:
    """On any other cluster nothing is held back, and without waiting nobody is asked."""

    async def scenario() -> None:
        cluster_id = "MkU3OEVBNTcwNTJENDM2Qg"
        assert await reader_pace(NobodyReads(), cluster_id, wait=False, note=lambda message: None) is None
        pace = await reader_pace(NobodyReads(), cluster_id, wait=True, note=lambda message: None)
        assert pace is not None
        for _ in range(3):
            await pace.admit("cem.calls", 0, 10 * AHEAD_RECORDS, 10**9)

    asyncio.run(scenario())
