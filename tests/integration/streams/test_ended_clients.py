"""Clients of a Kafka that goes away: what they raise, and that nothing of them stays behind."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator

import pytest
from aiokafka import TopicPartition
from aiokafka.conn import AIOKafkaConnection

from cem.embedded.mock_cluster import MockCluster
from cem.ports import Emission, Unavailable
from cem.streams.log_reader import KafkaLog
from cem.streams.producer import EventProducer
from cem.streams.publisher import KafkaPublisher
from cem.streams.stopping import stop_consumer
from cem.streams.tail import tail_of

TOPIC = "t"


@pytest.fixture
def broker() -> Iterator[MockCluster]:
    """A broker of the test's own, with a topic of one partition."""
    cluster = MockCluster()
    cluster.create_topic(TOPIC, 1)
    yield cluster
    cluster.close()


def others() -> list[str]:
    """Return what runs beside the caller."""
    return [
        task.get_coro().__qualname__ for task in asyncio.all_tasks() if task is not asyncio.current_task()
    ]


async def until(holds: Callable[[], bool]) -> None:
    """Return when that holds; fail if it does not within ten seconds."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(others())


async def cleared() -> None:
    """Return when nothing runs beside the caller, or fail."""
    await until(lambda: not others())


def test_a_broker_that_goes_while_the_log_is_read_is_away_and_no_cancellation(broker: MockCluster) -> None:
    """The reader hears that Kafka is away. Cancelled, a lane would stand still for ever without a word."""

    async def main() -> None:
        log = KafkaLog({"bootstrap_servers": broker.bootstrap}, deadline_s=1.0)
        # Nothing is there yet: the read waits for it.
        reading = asyncio.create_task(log.read(TOPIC, 0, 0, 1))
        await until(lambda: log._consumer is not None and bool(log._consumer._fetcher._in_flight))
        await asyncio.to_thread(broker.close)
        with pytest.raises(Unavailable):
            await reading
        await cleared()

    asyncio.run(main())


def test_a_publisher_given_up_leaves_nothing_running(broker: MockCluster) -> None:
    """Each outage would leave one behind that waits for what nobody acknowledges."""

    async def main() -> None:
        publisher = KafkaPublisher({"bootstrap_servers": broker.bootstrap}, deadline_s=1.0)
        await publisher.publish([Emission(TOPIC, b"k", b"v", ())])
        await asyncio.to_thread(broker.close)
        with pytest.raises(Unavailable):
            await publisher.publish([Emission(TOPIC, b"k", b"v", ())])
        await publisher.stop()
        await cleared()

    asyncio.run(main())


def test_who_is_called_off_while_it_connects_leaves_no_connection_open(
    broker: MockCluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker that takes a connection and tells nothing of its cluster: at the deadline, and when the caller goes."""
    usual = AIOKafkaConnection.send
    asked = asyncio.Event()

    def send(self: AIOKafkaConnection, request: object, expect_response: bool = True) -> object:
        if "Metadata" in type(request).__name__:
            asked.set()
            return asyncio.get_running_loop().create_future()
        return usual(self, request, expect_response)

    monkeypatch.setattr(AIOKafkaConnection, "send", send)

    async def gone(work: asyncio.Task[object]) -> None:
        await asked.wait()
        asked.clear()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    async def main() -> None:
        options = {"bootstrap_servers": broker.bootstrap}
        publisher = KafkaPublisher(options, deadline_s=0.2)
        for _ in range(3):
            with pytest.raises(Unavailable) as found:
                await publisher.publish([Emission(TOPIC, b"k", b"v", ())])
            # As where an error is kept by what it names: only the collector of garbage takes both away.
            found.value.kept = found  # type: ignore[attr-defined]
            del found
        asked.clear()
        await gone(asyncio.ensure_future(publisher.publish([Emission(TOPIC, b"k", b"v", ())])))
        await gone(asyncio.ensure_future(KafkaLog(options).bounds(0, [TOPIC])))
        await gone(asyncio.ensure_future(KafkaLog(options).cluster_id()))
        await gone(asyncio.ensure_future(EventProducer(options).start()))
        gc.collect()
        await cleared()

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert [record.message for record in caplog.records] == []


def test_a_topic_that_is_not_there_is_not_asked_for_all_the_time(broker: MockCluster) -> None:
    """Deleted, or of a Kafka that was replaced: a few questions a second, each of which logs an error."""

    async def main() -> None:
        options = {"bootstrap_servers": broker.bootstrap}
        consumer, _ = await tail_of(TOPIC, 1, options, from_=lambda bounds: {0: 0})
        try:
            asked = []
            usual = consumer._client.force_metadata_update

            def ask() -> asyncio.Future[bool]:
                asked.append(1)
                return usual()

            consumer._client.force_metadata_update = ask
            # As of a topic that is not there; this broker would make it.
            consumer._client.cluster.leader_for_partition = lambda partition: None
            again = TopicPartition(TOPIC, 0)
            consumer.assign([again])
            consumer.seek(again, 0)
            await asyncio.sleep(1.2)
            assert 1 <= len(asked) <= 6
        finally:
            await stop_consumer(consumer, within_s=1.0)

    asyncio.run(main())
