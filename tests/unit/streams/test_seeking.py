"""What the transport fetches while a seek is under way."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from cem.streams.consumer_thread import ConsumerThread
from cem.streams.records import LogRecord
from cem.streams.transport import Consumer

TP_A = TP("a", 0)


class Eager:
    """Lanes that want everything, at once."""

    async def assigned(self, partitions: set[TP], consumer: Consumer) -> dict[TP, int]:
        return dict.fromkeys(partitions, 0)

    def wants(self, tp: TP) -> bool:
        return True

    def all_read(self) -> bool:
        return False


def a_consumer(thread: Any) -> Consumer:
    """Return a consumer of eager lanes that has sought and fetched nothing yet."""
    consumer = Consumer.__new__(Consumer)
    consumer.lanes = Eager()  # type: ignore[misc]
    consumer._epochs, consumer._next, consumer._passed, consumer._fetched_at = {}, {}, {}, 0.0
    consumer._acked, consumer._acked_index, consumer._committed_offset = {}, {}, {}
    consumer._seeking, consumer._read_offset, consumer._thread = set(), {}, thread
    return consumer


def test_nothing_is_fetched_for_a_partition_that_is_being_sought(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch that came back before the seek is known to be through would lose what it brought."""
    fetched: list[set[TP]] = []

    async def getmany(self: Any, active_partitions: set[TP], timeout: float) -> dict[TP, Any]:  # noqa: ASYNC109
        fetched.append(active_partitions)
        return {}

    async def main() -> None:
        consumer = a_consumer(SimpleNamespace(polled=lambda: None))
        sought = asyncio.Event()

        async def seek_to(offsets: Any) -> None:
            await sought.wait()

        consumer._seek_to = seek_to  # type: ignore[method-assign]
        seeking = asyncio.create_task(consumer.seek_lanes({TP_A: 5}))
        await asyncio.sleep(0)
        await consumer._getmany({TP_A}, 0.0)
        assert not fetched
        sought.set()
        await seeking
        await consumer._getmany({TP_A}, 0.0)
        assert fetched == [{TP_A}]

    monkeypatch.setattr(driver.Consumer, "_getmany", getmany)
    asyncio.run(main())


def test_a_partition_that_is_sought_twice_is_fetched_after_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The end of the first seek is not that of the second: how far the partition is read is not known before that."""

    async def getmany(self: Any, active_partitions: set[TP], timeout: float) -> dict[TP, Any]:  # noqa: ASYNC109
        assert not being_sought
        return {}

    async def main() -> None:
        # aiokafka stands where the first of the seeks led.
        states = {TP_A: SimpleNamespace(_position=9)}
        consumer = a_consumer(SimpleNamespace(polled=lambda: None))
        consumer._fetch_states = lambda: states  # type: ignore[method-assign]
        gates = [asyncio.Event(), asyncio.Event()]
        waiting = iter(gates)

        async def seek_to(offsets: Any) -> None:
            await next(waiting).wait()

        consumer._seek_to = seek_to  # type: ignore[method-assign]
        first = asyncio.create_task(consumer.seek_lanes({TP_A: 9}))
        second = asyncio.create_task(consumer.seek_lanes({TP_A: 5}))
        await asyncio.sleep(0)
        gates[0].set()
        await first
        await consumer._getmany({TP_A}, 0.0)
        assert consumer.read_to(TP_A, 5) == 5
        being_sought.clear()
        gates[1].set()
        await second
        states[TP_A]._position = 5
        await consumer._getmany({TP_A}, 0.0)
        assert consumer.read_to(TP_A, 5) == 5

    being_sought = {TP_A}
    monkeypatch.setattr(driver.Consumer, "_getmany", getmany)
    asyncio.run(main())


def test_a_seek_that_came_too_early_leaves_a_later_one_alone() -> None:
    """Partitions that were not ours yet are read from where they were sought when they were."""

    async def main() -> None:
        consumer = a_consumer(None)
        gates = [asyncio.Event(), asyncio.Event()]
        ends: list[Any] = [IllegalStateError("not assigned"), None]
        turns = iter(zip(gates, ends, strict=True))

        async def seek_to(offsets: Any) -> None:
            gate, end = next(turns)
            await gate.wait()
            if end is not None:
                raise end

        consumer._seek_to = seek_to  # type: ignore[method-assign]
        early = asyncio.create_task(consumer.seek_lanes({TP_A: 0}))
        later = asyncio.create_task(consumer.seek_lanes({TP_A: 7}))
        await asyncio.sleep(0)
        for gate in gates:
            gate.set()
        await asyncio.gather(early, later)
        assert consumer._next == {TP_A: 7}
        assert not consumer._seeking

    asyncio.run(main())


def test_what_was_fetched_before_a_seek_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number says so, and the place from which the partition is read stays where it was sought."""

    async def getmany(self: Any, active_partitions: set[TP], timeout: float) -> dict[TP, Any]:  # noqa: ASYNC109
        return {TP_A: (consumer.epoch(TP_A) - 1, [record_at(TP_A, 9)])}

    async def sought(offsets: Any) -> None: ...

    monkeypatch.setattr(driver.Consumer, "_getmany", getmany)
    consumer = a_consumer(None)
    consumer._fetch_states = dict  # type: ignore[method-assign]
    consumer._seek_to = sought  # type: ignore[method-assign]
    asyncio.run(consumer.seek_lanes({TP_A: 9}))
    assert asyncio.run(consumer._getmany({TP_A}, 0.0)) == {}
    assert consumer._next == {TP_A: 9}


def record_at(tp: TP, offset: int) -> LogRecord:
    return LogRecord(tp.topic, tp.partition, offset, 0, 0, b"key", b"value", ())


class _Aiokafka:
    """A consumer of one partition whose fetch waits until it is let go, then brings what follows its position."""

    def __init__(self) -> None:
        self.position = 0
        self.arrived = asyncio.Event()

    def seek(self, tp: Any, offset: int) -> None:
        self.position = offset


def test_what_a_waiting_fetch_brings_after_a_seek_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch that was asked for before a seek, and brings what follows it, hands that over: nobody fetches it again."""

    async def fetch(self: Any, aiokafka: _Aiokafka, active: set[TP], **_: Any) -> dict[TP, Any]:
        await aiokafka.arrived.wait()
        first, aiokafka.position = aiokafka.position, aiokafka.position + 2
        return {TP_A: [record_at(TP_A, first), record_at(TP_A, first + 1)]}

    async def main() -> None:
        aiokafka = _Aiokafka()
        thread = ConsumerThread.__new__(ConsumerThread)
        thread._epochs = {}
        consumer = a_consumer(thread)

        async def call_thread(method: Any, *arguments: Any) -> Any:
            return await method(*arguments)

        async def getmany(active: set[TP], timeout: float) -> Any:  # noqa: ASYNC109
            return await thread._fetch_records(cast(Any, aiokafka), active)

        thread.call_thread, thread.getmany = call_thread, getmany
        thread._ensure_consumer = lambda: aiokafka
        await consumer.seek_lanes({TP_A: 3})
        waiting = asyncio.create_task(consumer._getmany({TP_A}, 1.0))
        await asyncio.sleep(0)
        await consumer.seek_lanes({TP_A: 10})
        aiokafka.arrived.set()
        (batch,) = (await waiting)[TP_A]
        assert [r.offset for r in batch.records] == [10, 11]
        assert (batch.first, batch.epoch) == (10, consumer.epoch(TP_A))

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", fetch)
    monkeypatch.setattr("cem.streams.consumer_thread.use_log_records", lambda fetcher: None)
    monkeypatch.setattr(_Aiokafka, "_fetcher", None, raising=False)
    asyncio.run(main())
