"""Fetches wait for company at the broker while records flow, and only then."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v11, FetchResponse_v11
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from cem.streams.fetch_linger import LINGER_BYTES, use_linger
from cem.streams.fetch_rounds import use_rounds

PATIENT = (250, 1)
LINGERING = (20, LINGER_BYTES)


class _Fetcher:
    """aiokafka's fetcher: each fetch ends as the test says; `asked` has how long each waits, and for how much."""

    def __init__(self, *ends: Any) -> None:
        self.ends = list(ends)
        self.asked: list[tuple[int, int]] = []

    async def _proc_fetch_request(self, assignment: Any, node: int, request: Any) -> bool:
        self.asked.append((request._max_wait_ms, request._min_bytes))
        end = self.ends.pop(0)
        if isinstance(end, BaseException):
            raise end
        return bool(end)


async def fetch(fetcher: Any, node: int = 1) -> bool:
    return bool(
        await fetcher._proc_fetch_request(SimpleNamespace(), node, FetchRequest(*PATIENT, 1_000, 0, []))
    )


def test_a_fetch_after_records_lingers_and_one_after_nothing_does_not() -> None:
    """The first record after a silence is not kept waiting."""

    async def main() -> None:
        fetcher = _Fetcher(True, True, False, True, False)
        use_linger(fetcher, 20)
        assert [await fetch(fetcher) for _ in range(5)] == [True, True, False, True, False]
        assert fetcher.asked == [PATIENT, LINGERING, LINGERING, PATIENT, LINGERING]

    asyncio.run(main())


def test_brokers_linger_each_for_itself() -> None:
    """Records of one say nothing about another."""

    async def main() -> None:
        fetcher = _Fetcher(True, False, True)
        use_linger(fetcher, 20)
        for node in (1, 2, 1):
            await fetch(fetcher, node)
        assert fetcher.asked == [PATIENT, PATIENT, LINGERING]

    asyncio.run(main())


def test_after_a_fetch_that_broke_the_next_one_waits_for_its_first_record() -> None:
    """As the first one does."""

    async def main() -> None:
        fetcher = _Fetcher(True, ConnectionError(), True)
        use_linger(fetcher, 20)
        await fetch(fetcher)
        with pytest.raises(ConnectionError):
            await fetch(fetcher)
        await fetch(fetcher)
        assert fetcher.asked == [PATIENT, LINGERING, PATIENT]

    asyncio.run(main())


def test_without_a_linger_nothing_lingers() -> None:
    """Whoever sets it to 0 wants each record at once."""

    async def main() -> None:
        fetcher = _Fetcher(True, True)
        use_linger(fetcher, 0)
        await fetch(fetcher)
        await fetch(fetcher)
        assert fetcher.asked == [PATIENT, PATIENT]

    asyncio.run(main())


PARTITIONS = [TopicPartition("a", number) for number in range(4)]


class _Broker:
    """Kafka as far as fetches go, and the client that asks it: of each partition, records named by their offsets."""

    def __init__(self) -> None:
        self.ends = dict.fromkeys(PARTITIONS, 0)
        self.lingered = 0
        self.breaks = False
        self.topped = asyncio.Event()
        # What aiokafka's fetcher wants of its client.
        self.cluster = self
        self._metadata_max_age_ms = 300_000
        self._loop = asyncio.get_running_loop()

    def leader_for_partition(self, tp: TopicPartition) -> int:
        return 1

    async def send(self, node: int, request: Any) -> FetchResponse_v11:
        built = request.build(FetchRequest_v11)
        await asyncio.sleep(0)
        if self.breaks:
            self.breaks = False
            raise KafkaConnectionError
        asked = {TopicPartition(t, p): offset for t, ps in built.topics for p, _, offset, _, _ in ps}
        self.lingered += built.min_bytes > 1
        try:
            async with asyncio.timeout(min(built.max_wait_time, 20) / 1_000):
                # Nothing in this model is as large as the bytes for which Kafka does not linger.
                while built.min_bytes > 1 or not any(self.ends[tp] > at for tp, at in asked.items()):
                    self.topped.clear()
                    await self.topped.wait()
        except TimeoutError:
            pass
        rows = [
            (tp.partition, 0, self.ends[tp], self.ends[tp], 0, None, -1, _batch(at, min(self.ends[tp], at + 7)))
            for tp, at in asked.items()
        ]  # fmt: skip
        return FetchResponse_v11(0, 0, 0, [("a", rows)])


def _batch(first: int, stop: int) -> bytes:
    if stop <= first:
        return b""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1_000_000,
    )  # fmt: skip
    for offset in range(first, stop):
        builder.append(offset - first, timestamp=1, key=None, value=b"%d" % offset, headers=[])
    data = bytearray(builder.build())
    data[:8] = first.to_bytes(8, "big")
    return bytes(data)


@pytest.mark.parametrize("rounds", [False, True], ids=["fetches of aiokafka", "rounds of our own"])
def test_everything_is_read_once_and_in_order(rounds: bool) -> None:
    """By aiokafka's own fetcher, whatever is taken of a fetch, sought meanwhile, or lost with a connection."""

    async def main() -> None:
        chance = random.Random(7)
        broker, subscriptions = _Broker(), SubscriptionState()
        subscriptions.assign_from_user(PARTITIONS)
        assignment = subscriptions.subscription.assignment
        fetcher = Fetcher(
            broker, subscriptions, fetch_max_wait_ms=20, auto_offset_reset="none", retry_backoff_ms=1,
            check_crcs=False,
        )  # fmt: skip
        if rounds:
            use_rounds(fetcher)
        use_linger(fetcher, 3)
        read: dict[TopicPartition, list[int]] = {tp: [] for tp in PARTITIONS}
        for tp in PARTITIONS:
            assignment.state_value(tp).seek(0)

        async def take(wanted: list[TopicPartition], at_most: int | None = None) -> None:
            found = await fetcher.fetched_records(wanted, timeout=0.02, max_records=at_most)
            for tp, records in found.items():
                read[tp] += [int(record.value) for record in records]

        for _ in range(120):
            for _ in range(chance.randrange(4)):
                broker.ends[chance.choice(PARTITIONS)] += chance.randrange(1, 12)
                broker.topped.set()
            broker.breaks = chance.random() < 0.05
            if chance.random() < 0.1:
                tp = chance.choice(PARTITIONS)
                back = chance.randrange(len(read[tp]) + 1)
                fetcher.seek_to(tp, back)
                del read[tp][back:]
            await take(chance.sample(PARTITIONS, 3), chance.choice([None, None, 5]))
        async with asyncio.timeout(10):
            while any(len(read[tp]) < broker.ends[tp] for tp in PARTITIONS):
                await take(PARTITIONS)
        assert read == {tp: list(range(broker.ends[tp])) for tp in PARTITIONS}
        assert broker.lingered > 20
        await fetcher.close()

    asyncio.run(main())
