"""A worker's lanes with everything around them replaced: clock, consumer, log, store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from faust.types import TP

from cem.pipeline import LanePipeline
from cem.ports import LaneStopped
from cem.stores import MemoryStore
from cem.streams.lane import Lane
from cem.streams.lanes import LaneSet
from cem.streams.transport import Batch
from tests.faults.fold import SimStepper
from tests.faults.models import KafkaModel, ModelRecord

__all__ = ["TOPICS", "FakeConsumer", "FixedClock", "ModelLog", "NoPublisher", "World", "run", "settle"]

TOPICS = ("a", "b", "c")


class FixedClock:
    """A clock that shows what it is told; the wall and it are the same."""

    def __init__(self, now_ms: int) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms

    def at_ms(self, wall_ms: int) -> int:
        return wall_ms


class FakeConsumer:
    """What a lane asks of the transport: ends of partitions, and seeks."""

    def __init__(self, kafka: KafkaModel, clock: FixedClock) -> None:
        self.kafka = kafka
        self.clock = clock
        self.unknown: set[str] = set()
        self.sought: list[dict[TP, int]] = []
        self.epochs: dict[TP, int] = {}
        self.passed: dict[TP, int] = {}
        #: Partitions whose records lie in the fetcher.
        self.fetched: set[TP] = set()

    def known_end(self, tp: TP) -> tuple[int | None, int]:
        if tp.topic in self.unknown:
            return None, 0
        return len(self.kafka.inputs[tp.topic]), self.clock.ms

    def epoch(self, tp: TP) -> int:
        return self.epochs.get(tp, 0)

    def read_to(self, tp: TP, position: int) -> int:
        return max(position, self.passed.get(tp, 0))

    def coming(self, tp: TP, within_s: float) -> bool:
        return tp in self.fetched

    async def seek_lanes(self, offsets: dict[TP, int]) -> None:
        self.sought.append(dict(offsets))
        for tp in offsets:
            self.epochs[tp] = self.epochs.get(tp, 0) + 1


class NoPublisher:
    """Keeps what is announced; publishes to nobody."""

    def __init__(self) -> None:
        self.entries: list[Any] = []

    async def publish(self, emissions: Any) -> None:
        return

    async def append_journal(self, entry: Any) -> int:
        self.entries.append(entry)
        return len(self.entries) - 1


class ModelLog:
    """The modelled log, answering at once."""

    def __init__(self, kafka: KafkaModel) -> None:
        self.kafka = kafka
        self.stopped: str | None = None

    async def cluster_id(self) -> str:
        return self.kafka.cluster

    async def bounds(self, partition: int, topics: Any) -> dict[str, tuple[int, int]]:
        if self.stopped:
            raise LaneStopped(self.stopped)
        return {topic: (0, len(self.kafka.inputs[topic])) for topic in topics}

    async def peek(self, partition: int, offsets: Any) -> dict[str, Any]:
        return {t: self.kafka.inputs[t][o] for t, o in offsets.items()}

    async def read(self, topic: str, partition: int, first: int, stop: int) -> Any:
        return self.kafka.inputs[topic][first:stop]

    async def journal(self, lane: int, first: int, stop: int | None = None, most: int | None = None) -> Any:
        return [], 0


class World:
    """One lane with everything around it replaced."""

    def __init__(self) -> None:
        self.kafka = KafkaModel()
        self.clock = FixedClock(1_000_000)
        self.consumer = FakeConsumer(self.kafka, self.clock)
        self.log = ModelLog(self.kafka)
        self.store = MemoryStore(1)
        self.crashes: list[BaseException] = []
        self.lanes = LaneSet(self.make_lane, topics=TOPICS, on_crash=self.crashes.append)

    def make_lane(self, number: int, lanes: LaneSet) -> Lane:
        tokens = iter(range(1_000_000))
        return Lane(
            number,
            make_pipeline=lambda lane: LanePipeline(
                number,
                store=self.store,
                publisher=NoPublisher(),
                log=self.log,
                stepper=SimStepper(),
                topics=TOPICS,
                owner="me",
                new_token=lambda: f"t{next(tokens)}",
                pause=lane.pause,
            ),
            topics=TOPICS,
            clock=self.clock,
            on_crash=lanes.on_crash,
            on_opened=lanes.opened,
        )

    async def assign(self, *numbers: int) -> Any:
        partitions = {TP(topic, number) for topic in TOPICS for number in numbers}
        offsets = await self.lanes.assigned(partitions, self.consumer)  # type: ignore[arg-type]
        await settle()
        return offsets

    def batch(self, topic: str, first: int, stop: int) -> Batch:
        records = [_Stamped(r) for r in self.kafka.inputs[topic][first:stop]]
        return Batch(records, first, self.consumer.epoch(TP(topic, 0)))  # type: ignore[arg-type]

    async def lane_that_applied_one(self, *, stamped_ms: int) -> Lane:
        """Return lane 0, assigned, once it has applied the one record of topic "a"."""
        self.kafka.produce("a", "k", 1, stamped_ms)
        await self.assign(0)
        lane = self.lanes.lanes[0]
        lane.put(self.batch("a", 0, 1), lambda: None)
        await settle()
        return lane

    def show_journal_of(self, lane: Lane) -> None:
        """Have the log show the first entry that the lane has journalled so far, as all there is."""
        entry = lane.pipeline._publisher.entries[0]  # type: ignore[attr-defined]

        async def journal(number: int, first: int, stop: int | None = None, most: int | None = None) -> Any:
            return [(0, entry)], 1

        self.log.journal = journal  # type: ignore[method-assign]


class _Stamped:
    """A model record with what aiokafka's has besides."""

    timestamp_type = 0

    def __init__(self, record: ModelRecord) -> None:
        self._record = record

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(50):
        await asyncio.sleep(0)


def run(scenario: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        world = World()
        try:
            await scenario(world)
        finally:
            await world.lanes.close(0.1)

    asyncio.run(main())
