"""Journal entries of one turn are handed over together, and each is answered by itself."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError, NotLeaderForPartitionError

from cem.ports import Emission, JournalEntry, LaneStopped, Unavailable
from cem.streams.publisher import KafkaPublisher


class _Producer:
    """aiokafka's producer: keeps what it is given, and acknowledges when the test says so."""

    def __init__(self) -> None:
        self.given: list[tuple[str, int | None]] = []
        self.waiting: list[asyncio.Future[Any]] = []
        self.too_large: set[int] = set()
        self.blocked: set[str] = set()

    async def send(self, topic: str, *, partition: int | None, **_: Any) -> asyncio.Future[Any]:
        if topic in self.blocked:
            await asyncio.Event().wait()
        if partition in self.too_large:
            raise MessageSizeTooLargeError
        self.given.append((topic, partition))
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    def acknowledge(self, index: int, offset: int) -> None:
        self.waiting[index].set_result(SimpleNamespace(offset=offset))

    async def stop(self) -> None:
        pass


def a_publisher(deadline_s: float = 5.0) -> tuple[KafkaPublisher, _Producer]:
    publisher, producer = KafkaPublisher({}, deadline_s=deadline_s), _Producer()
    publisher._producer = producer
    return publisher, producer


def an_entry(lane: int) -> JournalEntry:
    return JournalEntry(lane, "owner", "b", "a", "cem.calls", 0, 1, 5)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_entries_of_one_turn_are_given_before_any_is_acknowledged_and_answered_apart() -> None:
    """Each append returns its own offset as soon as it is there, whatever becomes of the others."""

    async def main() -> None:
        publisher, producer = a_publisher()
        appends = [asyncio.ensure_future(publisher.append_journal(an_entry(lane))) for lane in (3, 4, 5)]
        await turns()
        assert producer.given == [("cem.journal", 3), ("cem.journal", 4), ("cem.journal", 5)]
        producer.acknowledge(1, 70)
        await turns()
        assert [append.done() for append in appends] == [False, True, False]
        assert appends[1].result() == 70
        producer.acknowledge(0, 50)
        producer.acknowledge(2, 90)
        assert await asyncio.gather(*appends) == [50, 70, 90]

    asyncio.run(main())


def test_an_entry_that_is_refused_takes_no_other_with_it() -> None:
    """The producer is replaced, as its sequence may be broken; what it still acknowledges counts."""

    async def main() -> None:
        publisher, producer = a_publisher()
        producer.too_large = {3}
        appends = [asyncio.ensure_future(publisher.append_journal(an_entry(lane))) for lane in (3, 4, 5)]
        await turns()
        with pytest.raises(LaneStopped):
            await appends[0]
        assert publisher._producer is None
        producer.acknowledge(0, 7)
        producer.waiting[1].set_exception(NotLeaderForPartitionError())
        assert await appends[1] == 7
        with pytest.raises(Unavailable):
            await appends[2]
        await publisher.stop()

    asyncio.run(main())


def test_no_wait_is_longer_than_the_deadline() -> None:
    """Neither for an acknowledgement nor for aiokafka to take a record; an entry does not wait for such a record."""

    async def main() -> None:
        publisher, producer = a_publisher(0.02)
        producer.blocked = {"cem.alerts"}
        emitted = asyncio.ensure_future(publisher.publish([Emission("cem.alerts", b"k", b"v", ())]))
        await turns()
        appended = asyncio.ensure_future(publisher.append_journal(an_entry(1)))
        await turns()
        assert producer.given == [("cem.journal", 1)]
        producer.acknowledge(0, 9)
        assert await appended == 9
        with pytest.raises(Unavailable):
            await emitted
        publisher._producer = producer
        with pytest.raises(Unavailable):
            await publisher.append_journal(an_entry(2))
        await turns()
        assert not publisher._under_way
        await publisher.stop()

    asyncio.run(main())


def test_who_is_cancelled_leaves_the_others_their_answers() -> None:
    """A lane that is interrupted while its entry is under way."""

    async def main() -> None:
        publisher, producer = a_publisher()
        gone, stays = (asyncio.ensure_future(publisher.append_journal(an_entry(lane))) for lane in (1, 2))
        await turns()
        gone.cancel()
        await turns()
        producer.acknowledge(0, 1)
        producer.acknowledge(1, 2)
        assert await stays == 2
        assert gone.cancelled()

    asyncio.run(main())


def test_nothing_to_publish_asks_for_nothing() -> None:
    """No connection is made for it."""
    asyncio.run(KafkaPublisher({}).publish([]))
