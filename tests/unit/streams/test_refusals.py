"""What Kafka or Redis will not do however often it is asked: the lane stops and says so, others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition, errors
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from cem.agents.worker import _failed
from cem.ports import Emission, LaneStopped, Refused, Unavailable
from cem.stores.errors import StoreUnavailable
from cem.streams.consumer_thread import ConsumerThread, FetchFailed
from cem.streams.publisher import KafkaPublisher
from cem.streams.refusals import from_kafka
from cem.streams.transport import Consumer
from tests.builders.streams import World, run, settle

TP_A, TP_B = TP("a", 0), TP("b", 1)


def test_a_store_that_refuses_stops_the_lane() -> None:
    """A missing right in Redis is not asked for again and again: the lane stops with the store's sentence."""

    async def scenario(world: World) -> None:
        await world.assign(0)
        asked = 0

        async def save(lane: int, change: Any) -> Any:
            nonlocal asked
            asked += 1
            raise StoreUnavailable("Redis does not allow this user to do that (ACL)", retryable=False)

        world.store.save = save  # type: ignore[method-assign]
        world.kafka.produce("a", "k", 1, 500_000)
        world.lanes.submit(world.batch("a", 0, 1), lambda: None)
        await settle()
        assert world.lanes.lanes[0].stopped == "lane 0: Redis does not allow this user to do that (ACL)"
        assert asked == 1
        assert isinstance(world.crashes[-1], Refused)
        assert _failed(world.crashes[-1]).refused

    run(scenario)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (
            errors.TopicAuthorizationFailedError("cem.alerts"),
            Unavailable,
            "give CEM_KAFKA_USERNAME the right",
        ),
        (errors.SaslAuthenticationFailed(), Unavailable, "CEM_KAFKA_PASSWORD"),
        (errors.MessageSizeTooLargeError(), LaneStopped, "max.message.bytes"),
        (errors.PolicyViolationError(), LaneStopped, "will not take it"),
        (errors.CorruptRecordException("Invalid CRC"), LaneStopped, "damaged"),
        (errors.NotLeaderForPartitionError(), Unavailable, "NotLeader"),
        (TimeoutError(), Unavailable, "no answer in time"),
    ],
)
def test_each_error_of_kafka_passes_or_stays(error: Exception, kind: type[Exception], says: str) -> None:
    """What asking again can mend is asked again; the rest says what a person can do."""
    made = from_kafka(error, "it was not done")
    assert isinstance(made, kind)
    assert str(made).startswith("it was not done: ")
    assert says in str(made)
    if isinstance(made, Unavailable):
        assert made.retryable == (not isinstance(error, errors.BrokerResponseError) or error.retriable)


class TakesNothing:
    """aiokafka's producer, before a broker that has a limit."""

    def __init__(self) -> None:
        self._sender = self
        self.sender_task = None

    async def send(self, *_: Any, **__: Any) -> Any:
        raise errors.MessageSizeTooLargeError("too large")

    async def stop(self) -> None:
        return


def test_a_record_that_the_broker_does_not_take_stops_the_lane() -> None:
    """An emission beyond the topic's limit is not offered for ever: its lane stops, and the sentence names the limit."""

    async def main() -> None:
        publisher = KafkaPublisher({})
        publisher._producer = TakesNothing()  # type: ignore[assignment]
        with pytest.raises(LaneStopped, match=r"cem\.alerts.*max\.message\.bytes"):
            await publisher.publish([Emission("cem.alerts", b"k", b"v" * 10, ())])

    asyncio.run(main())


class Noting:
    """Lanes that note what they are told."""

    def __init__(self) -> None:
        self.stopped: dict[TP, LaneStopped] = {}
        self.reopened: list[TP] = []

    def wants(self, tp: TP) -> bool:
        return tp not in self.stopped

    def all_read(self) -> bool:
        return False

    def unreadable(self, tp: TP, reason: LaneStopped) -> None:
        self.stopped[tp] = reason

    def misplaced(self, tp: TP) -> None:
        self.reopened.append(tp)


def consumer_of(lanes: Noting, sought: list[dict[TP, int]], fetched_to: dict[TP, int]) -> Consumer:
    consumer = Consumer.__new__(Consumer)
    consumer.lanes = lanes  # type: ignore[misc, assignment]
    consumer.linger_s = 0.0  # type: ignore[misc]
    consumer._epochs, consumer._next = {TP_A: 1, TP_B: 1}, {TP_A: 5, TP_B: 7}
    consumer._seeking = set()
    consumer._passed, consumer._fetched_at, consumer._handed_over_at = {}, 0.0, 0.0

    async def seek_to(offsets: dict[TP, int]) -> None:
        sought.append(dict(offsets))

    consumer._seek_to = seek_to  # type: ignore[method-assign]
    consumer._fetch_position = lambda tp: fetched_to[tp]  # type: ignore[method-assign]
    return consumer


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception, *partitions: TP) -> None:
    async def getmany(self: Any, active_partitions: set[TP], timeout: float) -> Any:  # noqa: ASYNC109
        raise FetchFailed(error, set(partitions))

    monkeypatch.setattr(driver.Consumer, "_getmany", getmany)


def test_trap_18_a_batch_that_cannot_be_unpacked_stops_its_lane_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lane of a damaged batch stops and names topic and offset; what the fetch had of others is read again."""
    lanes, sought = Noting(), []
    failing(monkeypatch, errors.CorruptRecordException("Invalid CRC"), TP_A)
    consumer = consumer_of(lanes, sought, {TP_A: 6, TP_B: 9})
    assert asyncio.run(consumer._getmany({TP_A, TP_B}, 0.0)) == {}
    assert set(lanes.stopped) == {TP_A}
    assert "a[0] cannot be read from offset 5" in str(lanes.stopped[TP_A])
    assert sought == [{TP_B: 7}]


def test_trap_18_a_record_larger_than_a_fetch_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka steps over a record that no fetch can hold; here its lane stops before it."""
    lanes, sought = Noting(), []
    error = errors.RecordTooLargeError("larger than the fetch size", TopicPartition("a", 0), 5, 1_048_576)
    failing(monkeypatch, error, TP_A)
    consumer = consumer_of(lanes, sought, {TP_A: 6, TP_B: 7})
    asyncio.run(consumer._getmany({TP_A, TP_B}, 0.0))
    assert set(lanes.stopped) == {TP_A}
    # Nothing of it is handed over before somebody seeks.
    assert TP_A not in consumer._next
    assert sought == []


def test_trap_13_an_offset_that_is_gone_has_the_lane_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of range is for the opening to judge, which names what is lost or goes on with CEM_ACCEPT_LOSS."""
    lanes, sought = Noting(), []
    failing(monkeypatch, errors.OffsetOutOfRangeError({TopicPartition("a", 0): 5}), TP_A)
    asyncio.run(consumer_of(lanes, sought, {TP_A: 5, TP_B: 7})._getmany({TP_A, TP_B}, 0.0))
    assert lanes.reopened == [TP_A]
    assert not lanes.stopped


def test_a_partition_that_is_not_sought_yet_has_the_lane_opened_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A fetch that runs into a rebalance finds partitions without a position: nothing of their records is damaged."""
    lanes, sought = Noting(), []
    failing(monkeypatch, errors.NoOffsetForPartitionError(TopicPartition("a", 0)), TP_A)
    consumer = consumer_of(lanes, sought, {TP_A: 0, TP_B: 7})
    asyncio.run(consumer._getmany({TP_A, TP_B}, 0.0))
    assert lanes.reopened == [TP_A]
    assert not lanes.stopped
    # Nothing of it is handed over before somebody seeks.
    assert TP_A not in consumer._next


def test_a_lane_that_is_opened_again_seeks_its_partitions() -> None:
    """What was read from nowhere is read from the lane's position afterwards, and goes on."""

    async def scenario(world: World) -> None:
        await world.assign(0)
        await settle()
        world.consumer.sought.clear()
        world.lanes.misplaced(TP("a", 0))
        await settle()
        assert world.consumer.sought[-1][TP("a", 0)] == 0
        assert world.lanes.wants(TP("a", 0))
        assert world.lanes.lanes[0].stopped is None

    run(scenario)


def test_trap_13_a_lane_whose_records_went_away_says_which() -> None:
    """A running lane that retention overtakes is read anew, and stops with the range that is lost."""

    async def scenario(world: World) -> None:
        await world.assign(0)

        async def bounds(partition: int, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
            return {topic: (4, 9) if topic == "a" else (0, 0) for topic in topics}

        world.log.bounds = bounds  # type: ignore[method-assign]
        world.kafka.produce("a", "k", 1, 500_000)
        world.lanes.submit(world.batch("a", 0, 1), lambda: None)
        await settle()
        world.show_journal_of(world.lanes.lanes[0])
        world.lanes.misplaced(TP("a", 0))
        await settle()
        assert "a[0] offsets 1 to 3" in (world.lanes.lanes[0].stopped or "")

    run(scenario)


def test_a_lane_that_is_stopped_leaves_the_others_going() -> None:
    """One lane's damaged log ends neither the worker nor another lane."""

    async def scenario(world: World) -> None:
        await world.assign(0, 1)
        world.lanes.unreadable(TP("a", 0), LaneStopped("damaged"))
        assert world.lanes.lanes[0].stopped == "damaged"
        assert not world.lanes.wants(TP("b", 0))
        assert world.lanes.wants(TP("a", 1))
        assert not world.crashes

    run(scenario)


class Fetcher:
    """aiokafka's fetcher after a batch of one partition could not be unpacked."""

    def __init__(self, *partitions: TopicPartition) -> None:
        self._records = dict.fromkeys(partitions, self)
        self._partition_records = self
        self._records_iterator = self._unpack()

    def _unpack(self) -> Any:
        raise errors.CorruptRecordException("Invalid CRC")
        yield

    def fail(self) -> None:
        next(self._records_iterator)


def test_a_failed_fetch_names_its_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a damaged batch names no partition; the one whose unpacking ended is found."""
    fetcher = Fetcher(TopicPartition("a", 0))
    aiokafkas: Any = type("Aiokafkas", (), {"_fetcher": fetcher})

    async def fetch(self: Any, consumer: Any, *_: Any, **__: Any) -> Any:
        fetcher.fail()

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", fetch)
    thread = ConsumerThread.__new__(ConsumerThread)
    with pytest.raises(FetchFailed) as failed:
        asyncio.run(thread._fetch_records(aiokafkas, set()))
    assert failed.value.partitions == {TP_A}
