"""When the watchdog takes a partition for dead."""

from __future__ import annotations

import pytest
from faust.types import TP

from cem.streams.watchdog import Standstill, notice_another_cluster
from tests.builders.streams import World, run, settle

AFTER_S = 30.0


class Watch:
    """A `Standstill` that is moved through time by hand, looking every five seconds."""

    def __init__(self, world: World) -> None:
        self.now_s = 0.0
        self.standstill = Standstill(AFTER_S, lambda: self.now_s)
        self.lane = world.lanes.lanes[0]
        self.kafka = world.kafka

    def look(self, seconds: float) -> str | None:
        """Return the first sentence within so many seconds."""
        ends = {topic: len(records) for topic, records in self.kafka.inputs.items()}
        until = self.now_s + seconds
        while self.now_s < until:
            if sentence := self.standstill.look(self.lane, ends):
                return sentence
            self.now_s += 5
        return None


async def fold(world: World, topic: str, first: int) -> None:
    world.kafka.produce(topic, "k", 1, 500_000)
    world.lanes.submit(world.batch(topic, first, first + 1), lambda: None)
    await settle()


def test_trap_07_a_dead_partition_does_not_hide_behind_a_busy_one() -> None:
    """A partition that is no longer fetched is named after 30 s although its lane saves all the time."""

    async def scenario(world: World) -> None:
        await world.assign(0)
        watch = Watch(world)
        world.kafka.produce("b", "k", 1, 500_000)
        for number in range(6):
            await fold(world, "a", number)
            assert watch.look(5) is None
        await fold(world, "a", 6)
        sentence = watch.look(10)
        assert sentence is not None
        assert sentence.startswith("b[0] has 1 unread records")

    run(scenario)


def test_a_partition_that_moves_is_left_alone() -> None:
    """However far behind it is, a partition that is read on is not stuck."""

    async def scenario(world: World) -> None:
        await world.assign(0)
        watch = Watch(world)
        for number in range(10):
            await fold(world, "a", number)
            world.kafka.produce("a", "k", 1, 500_000)
            assert watch.look(20) is None
            world.lanes.submit(world.batch("a", number + 1, number + 2), lambda: None)
            await settle()
            world.kafka.inputs["a"].pop()

    run(scenario)


@pytest.mark.parametrize("excuse", ["stopped", "checkpoint", "waits", "paused", "fetched"])
def test_what_is_told_elsewhere_is_not_stuck(excuse: str) -> None:
    """A lane stopped, at its checkpoint or waiting, a partition paused or with its turn to come, end no worker."""

    async def scenario(world: World) -> None:
        await world.assign(0)
        watch = Watch(world)
        world.kafka.produce("b", "k", 1, 500_000)
        lane = watch.lane
        if excuse == "stopped":
            lane.stopped = "somebody has to look"
        elif excuse == "checkpoint":
            lane.at_checkpoint = True
        elif excuse == "waits":
            lane._missed = "Redis is away", lane.pipeline.counts.saves
        elif excuse == "paused":
            lane.pipeline.paused = lambda topic: "too many" if topic == "b" else None  # type: ignore[method-assign]
        else:
            world.consumer.fetched.add(TP("b", 0))
        assert watch.look(300) is None

    run(scenario)


def test_a_lane_that_does_nothing_with_its_batch_is_stuck() -> None:
    """A batch that waits in a lane is an excuse only for as long as the lane saves."""

    async def scenario(world: World) -> None:
        await world.assign(0)
        watch = Watch(world)
        world.kafka.produce("b", "k", 1, 500_000)
        watch.lane.waiting[TP("b", 0)] = 1
        assert watch.look(25) is None
        watch.lane.pipeline.counts.saves += 1
        assert watch.look(30) is None
        assert watch.look(30) is not None

    run(scenario)


def test_a_cluster_that_came_to_the_same_address_is_noticed() -> None:
    """Lanes stop and name both clusters though nothing is read, and no rebalance has them opened."""

    async def scenario(world: World) -> None:
        await world.assign(0)
        await fold(world, "a", 0)
        await notice_another_cluster(world.lanes, world.log)
        await settle()
        assert world.lanes.lanes[0].stopped is None
        world.kafka.cluster = "cluster-2"
        await notice_another_cluster(world.lanes, world.log)
        await settle()
        assert "'cluster-1', but this is cluster 'cluster-2'" in (world.lanes.lanes[0].stopped or "")

    run(scenario)
