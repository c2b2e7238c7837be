"""What a person lets be read on is the pause that he has seen, and no later one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from cem.limits import Limits
from cem.ports import Unavailable
from cem.streams.reject_window import DeadLetterLimits
from tests.builders.streams import World, run, settle

LIMITS = DeadLetterLimits(run=3)
TRIPPED = LIMITS.count((0, 0, 0), 3, range(3))


class Person:
    """Says at which place a topic of a lane may be read on; the store is away when he is asked first."""

    def __init__(self) -> None:
        self.allowed = 0
        self.asked: list[tuple[str, int, int]] = []
        self.heard = asyncio.Event()

    async def __call__(self, topic: str, lane: int, at: int) -> bool:
        self.asked.append((topic, lane, at))
        self.heard.set()
        if len(self.asked) == 1:
            raise Unavailable("the store is away")
        return at == self.allowed

    async def is_asked(self, times: int) -> None:
        """Return when he was asked so often more, and his last answer has been taken."""
        for _ in range(times):
            self.heard.clear()
            await asyncio.wait_for(self.heard.wait(), 5)
        await settle()


def test_an_order_holds_for_the_place_at_which_the_topic_stood() -> None:
    """It lets the topic be read on; paused again further on, that stays so until somebody says so again."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0)
        lane = world.lanes.lanes[0]
        pipeline = lane.pipeline
        pipeline._reject_limits = LIMITS

        def pause() -> None:
            pipeline._memory.header = msgspec.structs.replace(pipeline.header, rejects={"a": TRIPPED})

        person = Person()
        pause()
        watching = asyncio.create_task(world.lanes.resume_paused(person, every_s=0.001))
        await person.is_asked(1)
        assert pipeline.paused("a") is not None
        await person.is_asked(1)
        assert pipeline.paused("a") is None
        lane.put(world.batch("a", 0, 1), lambda: None)
        await settle()
        assert pipeline.position("a").next_offset == 1
        pause()
        await person.is_asked(3)
        assert pipeline.paused("a") is not None
        person.allowed = 1
        await person.is_asked(1)
        assert pipeline.paused("a") is None
        assert person.asked[:2] == [("a", 0, 0)] * 2
        assert set(person.asked[2:]) == {("a", 0, 1)}
        watching.cancel()

    run(scenario)


class Counting:
    """Pauses a topic once so many of its records were counted."""

    def __init__(self, most: int) -> None:
        self.most = most

    def count(
        self, before: tuple[int, int, int], items: int, rejected: Sequence[int]
    ) -> tuple[int, int, int]:
        return before[0] + items, 0, 0

    def tripped(self, counts: tuple[int, int, int]) -> str | None:
        return "enough" if counts[0] >= self.most else None


def test_a_batch_ends_with_the_save_that_pauses_its_topic() -> None:
    """What is behind it in the same fetch waits for a person, and is fetched again from the place he was shown."""

    async def scenario(world: World) -> None:
        for number in range(6):
            world.kafka.produce("a", f"k{number}", 1, 500_000)
        await world.assign(0)
        lane = world.lanes.lanes[0]
        pipeline = lane.pipeline
        pipeline._limits = Limits(customers=2)
        pipeline._reject_limits = Counting(3)
        pipeline._memory.header = msgspec.structs.replace(pipeline.header, rejects={"a": (0, 0, 0)})
        done: list[int] = []
        lane.put(world.batch("a", 0, 6), lambda: done.append(6))
        await settle()
        tp = lane.partitions["a"]
        assert (pipeline.position("a").next_offset, done) == (4, [])
        assert world.consumer.sought[-1] == {tp: 4}
        pipeline.forgive("a")
        lane.put(world.batch("a", 4, 6), lambda: done.append(6))
        await settle()
        assert (pipeline.position("a").next_offset, done) == (6, [6])

    run(scenario)
