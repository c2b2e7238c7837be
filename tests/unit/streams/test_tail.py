"""A feed asks for its topic in growing pauses, and not at all for the bounds of one that is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from cem.ports import Unavailable
from cem.streams import tail
from cem.streams.control_feed import ControlFeed
from cem.streams.topics import CONTROL
from tests.builders.one_lane import OneLane


class Consumer:
    """aiokafka's consumer, on a cluster that has these topics; counts what it is asked for."""

    def __init__(self, topics: Mapping[str, int]) -> None:
        self.topics = topics
        self.bounds = 0
        self.stopped = 0
        self._client = self
        self._fetcher = None
        self._topics: set[str] = set()

    async def start(self) -> None: ...

    async def stop(self) -> None:
        self.stopped += 1

    async def set_topics(self, topics: set[str]) -> None:
        self._topics = topics

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(self.topics[topic])) if topic in self.topics else None

    async def beginning_offsets(self, partitions: list[Any]) -> dict[Any, int]:
        self.bounds += 1
        return dict.fromkeys(partitions, 0)

    end_offsets = beginning_offsets

    def assign(self, partitions: list[Any]) -> None: ...
    def seek(self, partition: Any, offset: int) -> None: ...


def _stand_in(monkeypatch: pytest.MonkeyPatch, consumer: Consumer) -> None:
    """Have feeds read with this consumer."""
    monkeypatch.setattr(tail, "AIOKafkaConsumer", lambda **options: consumer)
    monkeypatch.setattr(tail, "use_calm", lambda fetcher: None)


class Enough(Exception):
    """The test has seen what it wanted."""


@pytest.mark.parametrize(
    ("topics", "said"),
    [({"cem.calls": 2}, "Kafka shows 0 of 2 partitions"), ({CONTROL: 1}, "Kafka shows 1 of 2 partitions")],
)
def test_a_missing_topic_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, topics: Mapping[str, int], said: str
) -> None:
    """Nobody asks where its partitions begin and end, and the consumer is stopped."""
    consumer = Consumer(topics)
    _stand_in(monkeypatch, consumer)
    feed = ControlFeed({}, OneLane(), 2, ("brake:",))
    with pytest.raises(Unavailable, match=said):
        asyncio.run(feed._connected())
    assert (consumer.bounds, consumer.stopped) == (0, 1)


def test_a_topic_with_all_its_partitions_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bounds are asked for, and the consumer goes on."""
    consumer = Consumer({CONTROL: 3})
    _stand_in(monkeypatch, consumer)
    feed = ControlFeed({}, OneLane(), 2, ("brake:",))
    assert asyncio.run(feed._connected()) is consumer
    assert (consumer.bounds, consumer.stopped) == (2, 0)


def test_the_pause_grows_until_the_topic_is_there() -> None:
    """From one second to eight; after a connection that held, from one second again. It is said once each time."""
    pauses: list[float] = []
    said: list[str] = []
    fails = [True] * 6 + [False] + [True] * 2

    async def connect() -> Any:
        if fails.pop(0):
            raise Unavailable("the topic is missing")
        return Consumer({})

    async def follow(consumer: Any) -> None:
        raise Unavailable("the broker has gone")

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if not fails:
            raise Enough

    async def scenario() -> None:
        await tail.follow_for_ever(
            connect, follow, away=said.append, back=lambda: said.append("back"), pause=pause
        )

    with pytest.raises(Enough):
        asyncio.run(scenario())
    assert pauses == [1, 2, 4, 8, 8, 8, 1, 2, 4]
    assert said == ["the topic is missing", "back", "the broker has gone"]
