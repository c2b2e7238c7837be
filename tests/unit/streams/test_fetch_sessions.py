"""Fetches by sessions bring what fetches of everything would."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.fetch import FetchRequest_v11, FetchResponse_v11
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from cem.streams.fetch_sessions import LINGER_BYTES, SessionRequest, use_fetch_sessions

PARTITIONS = [TopicPartition(topic, number) for topic in ("a", "b") for number in range(3)]


class _Broker:
    """Kafka as far as fetches go, and the client that asks it: of each partition, records named by their offsets."""

    def __init__(self, *, sessions: bool = True) -> None:
        self.ends = dict.fromkeys(PARTITIONS, 0)
        self.sessions = sessions
        self.session: dict[TopicPartition, int] = {}
        self.told: dict[TopicPartition, int] = {}
        self.session_id, self.epoch = 0, 0
        self.asked: list[FetchRequest_v11] = []
        self.by_session = 0
        self.fails: list[Any] = []
        self.codes: dict[TopicPartition, int] = {}
        self.topped = asyncio.Event()
        # What aiokafka's fetcher wants of its client.
        self.cluster = self
        self._partitions: dict[str, Any] = {}
        self._metadata_max_age_ms = 300_000
        self._loop = asyncio.get_running_loop()

    def leader_for_partition(self, tp: TopicPartition) -> int:
        return 1

    def force_metadata_update(self) -> asyncio.Future[None]:
        return self._loop.create_future()

    def append(self, tp: TopicPartition, count: int) -> None:
        self.ends[tp] += count
        self.topped.set()

    async def send(self, node: int, request: Any) -> FetchResponse_v11:
        built = request.build(FetchRequest_v11)
        self.asked.append(built)
        self.by_session += isinstance(request, SessionRequest)
        await asyncio.sleep(0)
        if self.fails:
            failure = self.fails.pop()
            if isinstance(failure, Exception):
                raise failure
            return FetchResponse_v11(0, failure, 0, [])
        asked = {TopicPartition(t, p): offset for t, ps in built.topics for p, _, offset, _, _ in ps}
        session_id = 0
        if built.session_epoch <= 0:
            read, told = dict(asked), dict[TopicPartition, int]()
            if built.session_epoch == 0 and self.sessions:
                self.session, self.told = read, told
                self.session_id, self.epoch = self.session_id + 1, 1
                session_id = self.session_id
        else:
            if (built.session_id, built.session_epoch) != (self.session_id, self.epoch):
                return FetchResponse_v11(0, 71, 0, [])
            self.epoch += 1
            self.session |= asked
            for topic, numbers in built.forgotten_topics_data:
                for number in numbers:
                    del self.session[TopicPartition(topic, number)]
                    self.told.pop(TopicPartition(topic, number), None)
            read, told, session_id = self.session, self.told, self.session_id
        if not self._new(read, told):
            self.topped.clear()
            try:
                async with asyncio.timeout(min(built.max_wait_time, 20) / 1000):
                    await self.topped.wait()
            except TimeoutError:
                pass
        return FetchResponse_v11(0, 0, session_id, self._found(read, told))

    def _new(self, read: dict[TopicPartition, int], told: dict[TopicPartition, int]) -> list[TopicPartition]:
        return [
            tp for tp, at in read.items()
            if self.ends[tp] > at or told.get(tp) != self.ends[tp] or self.codes.get(tp)
        ]  # fmt: skip

    def _found(self, read: dict[TopicPartition, int], told: dict[TopicPartition, int]) -> list[Any]:
        found: dict[str, list[Any]] = {}
        for tp in self._new(read, told):
            code = self.codes.pop(tp, 0)
            told[tp] = -1 if code else self.ends[tp]
            at, end = read[tp], self.ends[tp]
            raw = None if code or at >= end else _batch(at, min(end, at + 7))
            row = (tp.partition, code, end, end, 0, None, -1, raw)
            found.setdefault(tp.topic, []).append(row)
        return list(found.items())


def _batch(first: int, stop: int) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1_000_000,
    )  # fmt: skip
    for offset in range(first, stop):
        builder.append(offset - first, timestamp=1, key=None, value=b"%d" % offset, headers=[])
    data = bytearray(builder.build())
    data[:8] = first.to_bytes(8, "big")
    return bytes(data)


class _Reader:
    """An aiokafka fetcher at the model, and what it has brought."""

    def __init__(self, broker: _Broker, linger_ms: int = 5) -> None:
        self.subscriptions = SubscriptionState()
        self.subscriptions.assign_from_user(PARTITIONS)
        self.assignment = self.subscriptions.subscription.assignment
        self.fetcher = Fetcher(
            broker, self.subscriptions, fetch_max_wait_ms=20, auto_offset_reset="none", retry_backoff_ms=1,
            check_crcs=False,
        )  # fmt: skip
        use_fetch_sessions(self.fetcher, linger_ms=linger_ms)
        self.read: dict[TopicPartition, list[int]] = {tp: [] for tp in PARTITIONS}
        for tp in PARTITIONS:
            self.assignment.state_value(tp).seek(0)

    async def take(self, wanted: list[TopicPartition] | None = None, at_most: int | None = None) -> int:
        """Take what is there, waiting a little; return how many."""
        found = await self.fetcher.fetched_records(wanted or PARTITIONS, timeout=0.05, max_records=at_most)
        for tp, records in found.items():
            self.read[tp] += [int(record.value) for record in records]
        return sum(map(len, found.values()))

    async def read_all(self, broker: _Broker) -> None:
        async with asyncio.timeout(10):
            while any(len(self.read[tp]) < broker.ends[tp] for tp in PARTITIONS):
                await self.take()


def _run(scenario: Callable[[_Broker, _Reader], Awaitable[None]], *, sessions: bool = True) -> None:
    async def main() -> None:
        broker = _Broker(sessions=sessions)
        reader = _Reader(broker)
        try:
            await scenario(broker, reader)
        finally:
            await reader.fetcher.close()

    asyncio.run(main())


def test_everything_is_read_once_and_in_order_whatever_happens_to_the_session() -> None:
    """Lost sessions, broken connections, errors of a partition, parts taken: each record comes once, in order."""

    async def scenario(broker: _Broker, reader: _Reader) -> None:
        chance = random.Random(7)
        for _ in range(150):
            for _ in range(chance.randrange(4)):
                broker.append(chance.choice(PARTITIONS), chance.randrange(1, 12))
            what = chance.random()
            if what < 0.08:
                broker.fails.append(chance.choice([70, 71, 71]))
            elif what < 0.1:
                broker.fails.append(KafkaConnectionError())
            elif what < 0.12:
                broker.codes[chance.choice(PARTITIONS)] = 6  # NOT_LEADER_FOR_PARTITION
            elif what < 0.5:
                # Otherwise aiokafka itself would ask for the next second.
                reader.fetcher.cem_sessions._plain_until = 0.0
            await reader.take(chance.sample(PARTITIONS, 4), chance.choice([None, None, 5]))
        await reader.read_all(broker)
        for tp in PARTITIONS:
            assert reader.read[tp] == list(range(broker.ends[tp]))
        assert broker.by_session > 20

    _run(scenario)


def test_a_fetch_names_what_has_changed() -> None:
    """Once a session is open, only partitions that are read from elsewhere are asked for."""

    async def scenario(broker: _Broker, reader: _Reader) -> None:
        broker.append(PARTITIONS[0], 3)
        await reader.read_all(broker)
        broker.append(PARTITIONS[4], 2)
        await reader.read_all(broker)
        await reader.take()
        first, *others = broker.asked
        assert sum(len(ps) for _, ps in first.topics) == len(PARTITIONS)
        named = [(t, p, offset) for request in others for t, ps in request.topics for p, _, offset, *_ in ps]
        assert named == [("a", 0, 3), ("b", 1, 2)]

    _run(scenario)


def test_kafka_lingers_while_records_flow() -> None:
    """After records the next fetch waits for company; after nothing the first record ends the wait."""

    async def scenario(broker: _Broker, reader: _Reader) -> None:
        broker.append(PARTITIONS[0], 3)
        await reader.read_all(broker)
        await reader.take()
        await reader.take()
        waits = [(request.max_wait_time, request.min_bytes) for request in broker.asked]
        brought = next(n for n, request in enumerate(broker.asked) if request.topics and n)
        assert waits[brought] == (5, LINGER_BYTES)
        assert waits[0] == waits[brought + 1] == (20, 1)

    _run(scenario)


def test_ends_are_known_as_of_the_last_answer() -> None:
    """Also of a partition that an answer does not name: nothing has changed there."""

    async def scenario(broker: _Broker, reader: _Reader) -> None:
        broker.append(PARTITIONS[0], 1)
        await reader.read_all(broker)
        quiet = reader.assignment.state_value(PARTITIONS[5])
        assert quiet.highwater == 0
        before, quiet.timestamp = quiet.timestamp, 0
        await reader.take()
        assert quiet.timestamp >= before

    _run(scenario)


def test_a_seek_under_way_drops_what_was_asked_for_before_it() -> None:
    """The next fetch names the new offset, and brings what is there."""

    async def scenario(broker: _Broker, reader: _Reader) -> None:
        tp = PARTITIONS[1]
        broker.append(tp, 5)
        await reader.read_all(broker)
        reader.assignment.state_value(tp).seek(2)
        broker.append(tp, 1)
        reader.read[tp].clear()
        while len(reader.read[tp]) < 4:
            await reader.take()
        assert reader.read[tp] == [2, 3, 4, 5]

    _run(scenario)


def test_a_broker_without_sessions_is_asked_for_everything() -> None:
    """It answers with number 0, every time."""

    async def scenario(broker: _Broker, reader: _Reader) -> None:
        for number, tp in enumerate(PARTITIONS):
            broker.append(tp, number + 1)
            await reader.read_all(broker)
        assert all(len(request.topics) == 2 for request in broker.asked)
        assert [reader.read[tp] for tp in PARTITIONS] == [list(range(broker.ends[tp])) for tp in PARTITIONS]

    _run(scenario, sessions=False)
