"""A producer of librdkafka that has met an error after which it sends nothing: it is let go, and another one is made.

Such an error is not reported like others: it is raised from `poll`, and every later `produce` raises that there was one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from cem.ports import Emission, LaneStopped, Unavailable
from cem.streams import record_publisher
from cem.streams.record_publisher import RecordPublisher
from cem.streams.topics import DECISIONS

DENIED = KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED, "the user may not write idempotently", True)


class Broker:
    """Makes producers; the first `broken` of them break with their first record."""

    def __init__(self, broken: int) -> None:
        self.broken = broken
        self.made: list[FakeProducer] = []

    def __call__(self, options: Any, logger: Any) -> FakeProducer:
        self.made.append(FakeProducer(breaks=len(self.made) < self.broken))
        return self.made[-1]


class FakeProducer:
    """librdkafka's, as far as it is asked: acknowledges with the next poll, or breaks for good."""

    def __init__(self, *, breaks: bool) -> None:
        self.breaks = breaks
        self.raised = self.purged = False
        self.waiting: list[Callable[[KafkaError | None, object], None]] = []

    def produce(
        self, topic: str, *, on_delivery: Callable[[KafkaError | None, object], None], **_: Any
    ) -> None:
        if self.raised:
            raise KafkaException(KafkaError(KafkaError._FATAL, "a fatal error was met before"))
        self.waiting.append(on_delivery)

    def poll(self, timeout_s: float) -> int:
        if self.breaks and not self.raised and self.waiting:
            self.raised = True
            raise KafkaException(DENIED)
        if not self.breaks or self.purged:
            waiting, self.waiting = self.waiting, []
            for told in waiting:
                told(KafkaError(KafkaError._PURGE_QUEUE) if self.purged else None, None)
        return 0

    def purge(self) -> None:
        self.purged = True


def _emission() -> Emission:
    return Emission(DECISIONS, b"c1", b"1", (("ce_id", b"d1"),), partition=0)


async def _until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 5 s")


def test_whoever_posts_is_told_and_the_next_producer_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is raised into a request that only hands its record over."""
    broker = Broker(broken=1)
    monkeypatch.setattr(record_publisher, "Producer", broker)
    heard: list[Unavailable | LaneStopped | None] = []

    async def scenario() -> None:
        publisher = RecordPublisher({})
        for _ in range(2):
            publisher.post(_emission(), heard.append)
        await _until(lambda: len(heard) == 2 and publisher._producer is None)
        publisher.post(_emission(), heard.append)
        await _until(lambda: len(heard) == 3)
        await publisher.stop()

    asyncio.run(scenario())
    assert all(isinstance(error, LaneStopped | Unavailable) for error in heard[:2])
    assert heard[2] is None
    assert len(broker.made) == 2


def test_whoever_waits_for_his_records_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for ever, though the producer says nothing of them by itself; what Kafka refused is named."""
    monkeypatch.setattr(record_publisher, "Producer", Broker(broken=1))

    async def scenario() -> None:
        publisher = RecordPublisher({})
        async with asyncio.timeout(5):
            with pytest.raises((LaneStopped, Unavailable), match="may not write idempotently"):
                await publisher.publish([_emission(), _emission()])
        await publisher.stop()

    asyncio.run(scenario())


def test_a_stop_is_not_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what a broken producer raises."""
    monkeypatch.setattr(record_publisher, "Producer", Broker(broken=1))

    async def scenario() -> None:
        publisher = RecordPublisher({})
        publisher._hand_over(_emission(), lambda error: None)
        async with asyncio.timeout(5):
            await publisher.stop()

    asyncio.run(scenario())
