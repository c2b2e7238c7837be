"""A worker's lanes: whose partitions they are, what time it is in them, and when they take more."""

from __future__ import annotations

import asyncio

import pytest
from faust.types import TP

from cem.ports import Fenced, LaneStopped
from cem.streams.lane import FencedOut
from cem.streams.lane_time import ANSWER_ALLOWANCE_MS
from cem.streams.lanes import SplitLane
from tests.builders.streams import TOPICS, World, run, settle


def test_time_is_the_brokers_last_word_when_all_is_read() -> None:
    """A lane with nothing unread is as late as the broker's last answer, less the allowance for its way."""

    async def scenario(world: World) -> None:
        await world.assign(0)
        assert world.lanes.lanes[0].time_ms() == world.clock.ms - ANSWER_ALLOWANCE_MS

    run(scenario)


def test_time_waits_for_unread_records() -> None:
    """An unread record holds the time back to the last one applied, and a topic never heard of holds it still."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        world.kafka.produce("a", "k", 2, 700_000)
        await world.assign(0)
        lane = world.lanes.lanes[0]
        assert lane.time_ms() == 0
        done: list[int] = []
        lane.put(world.batch("a", 0, 1), lambda: done.append(1))
        await settle()
        assert done == [1]
        assert lane.time_ms() == 500_000
        lane.put(world.batch("a", 1, 2), lambda: done.append(2))
        await settle()
        assert lane.time_ms() == world.clock.ms - ANSWER_ALLOWANCE_MS
        world.consumer.unknown.add("b")
        assert lane.time_ms() == 700_000

    run(scenario)


def test_what_was_fetched_before_a_lane_stopped_does_not_count_as_waiting() -> None:
    """Nobody takes it any more: the worker would never again pass for one that is not behind."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0, 1)
        lane = world.lanes.lanes[0]
        lane.stop(LaneStopped("a damaged state"))
        lane.put(world.batch("a", 0, 1), lambda: None)
        await settle()
        assert world.lanes.all_read()

    run(scenario)


def test_offsets_without_records_hold_no_time_back() -> None:
    """What ends a transaction has an offset and is no record: the lane has read it when the fetch has passed it."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        world.kafka.produce("a", "k", 2, 500_001)
        await world.assign(0)
        lane = world.lanes.lanes[0]
        lane.put(world.batch("a", 0, 1), lambda: None)
        await settle()
        assert (lane.time_ms(), lane.unread()) == (500_000, 1)
        world.consumer.passed[TP("a", 0)] = 2
        assert (lane.time_ms(), lane.unread()) == (world.clock.ms - ANSWER_ALLOWANCE_MS, 0)

    run(scenario)


def test_time_never_goes_back() -> None:
    """A clock that is set back does not take the lane's time with it."""

    async def scenario(world: World) -> None:
        lane = await world.lane_that_applied_one(stamped_ms=900_000)
        world.clock.ms = 10_000
        assert lane.time_ms() == lane.pipeline.header.lane_time_ms == 900_000

    run(scenario)


def test_a_lane_asks_for_its_time_only_when_something_could_be_due() -> None:
    """Its time is no later than the clock and what it saved last: before a due time no partition is asked about."""

    async def scenario(world: World) -> None:
        lane = await world.lane_that_applied_one(stamped_ms=900_000)
        asked: list[int | None] = []
        woken: list[int] = []

        def time_ms() -> int:
            asked.append(lane.pipeline.next_due_ms)
            return world.clock.ms - ANSWER_ALLOWANCE_MS

        async def tick(now_ms: int) -> bool:
            woken.append(now_ms)
            lane.pipeline._memory.next_due_ms = None
            return True

        lane.time_ms, lane.pipeline.tick = time_ms, tick  # type: ignore[method-assign, assignment]
        for due_ms in (None, world.clock.ms + 1, world.clock.ms, world.clock.ms - ANSWER_ALLOWANCE_MS):
            lane.pipeline._memory.next_due_ms = due_ms
            lane._wake.set()
            await settle()
        assert asked == [world.clock.ms, world.clock.ms - ANSWER_ALLOWANCE_MS]
        assert woken == [world.clock.ms - ANSWER_ALLOWANCE_MS]
        # What was saved last may be later than a clock that was set back.
        world.clock.ms, lane.pipeline._memory.next_due_ms = 10_000, 20_000
        lane._wake.set()
        await settle()
        assert asked[-1] == 20_000

    run(scenario)


def test_a_split_lane_is_refused() -> None:
    """An assignment that gives a lane's topics to two workers is an error that names the topic."""

    async def scenario(world: World) -> None:
        with pytest.raises(SplitLane, match="partition 0 of c"):
            await world.lanes.assigned({TP("a", 0), TP("b", 0)}, world.consumer)  # type: ignore[arg-type]

    run(scenario)


def test_a_lane_that_stays_keeps_its_place() -> None:
    """A rebalance that leaves a lane with us seeks to where the lane is, not to where it was fetched."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0)
        world.lanes.submit(world.batch("a", 0, 1), lambda: None)
        await settle()
        offsets = await world.assign(0)
        assert offsets == {TP("a", 0): 1, TP("b", 0): 0, TP("c", 0): 0}

    run(scenario)


def test_a_later_assignment_is_not_taken_back_by_an_earlier_one() -> None:
    """One that waits for a busy lane, and is overtaken, does not open again what has been given away meanwhile."""

    async def scenario(world: World) -> None:
        await world.assign(0, 1)
        stays, goes = world.lanes.lanes[0], world.lanes.lanes[1]
        stays._idle.clear()
        earlier = asyncio.create_task(world.assign(0, 1))
        await settle()
        later = asyncio.create_task(world.assign(0))
        await settle()
        stays._idle.set()
        assert await earlier == {}
        assert set(await later) == {TP(topic, 0) for topic in TOPICS}
        assert world.lanes.lanes == {0: stays}
        assert stays.wants(TP("a", 0))
        assert goes._task is not None
        assert goes._task.done()

    run(scenario)


def test_a_batch_of_an_earlier_fetch_is_dropped() -> None:
    """What was fetched before a seek is not applied: it comes again."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0)
        stale = world.batch("a", 0, 1)
        await world.consumer.seek_lanes({TP("a", 0): 0})
        done: list[int] = []
        world.lanes.submit(stale, lambda: done.append(1))
        await settle()
        assert not done
        assert world.lanes.lanes[0].pipeline.position("a").next_offset == 0

    run(scenario)


def test_a_batch_beyond_the_position_is_sought_back() -> None:
    """A fetch that began behind the lane's position would leave a hole: the lane seeks back instead."""

    async def scenario(world: World) -> None:
        for value in range(3):
            world.kafka.produce("a", "k", value, 500_000)
        await world.assign(0)
        world.lanes.submit(world.batch("a", 2, 3), lambda: None)
        await settle()
        assert world.consumer.sought[-1] == {TP("a", 0): 0}
        assert world.lanes.lanes[0].pipeline.position("a").next_offset == 0

    run(scenario)


def test_a_fetch_that_left_out_records_is_made_again() -> None:
    """A batch that says it begins at the position, but whose first records are missing, is not applied as it is."""

    async def scenario(world: World) -> None:
        for value in range(3):
            world.kafka.produce("a", "k", value, 500_000)
        await world.assign(0)
        batch = world.batch("a", 2, 3)
        batch.first = 0
        seeks = len(world.consumer.sought)
        world.lanes.submit(batch, lambda: None)
        await settle()
        assert world.consumer.sought[seeks:] == [{TP("a", 0): 0}]
        assert world.lanes.lanes[0].pipeline.position("a").next_offset == 0

    run(scenario)


def test_a_paused_partition_takes_nothing_that_was_on_its_way() -> None:
    """A batch fetched before its partition was paused waits in the log for whoever resumes the partition."""

    async def scenario(world: World) -> None:
        for value in range(2):
            world.kafka.produce("a", "k", value, 500_000)
        await world.assign(0)
        lane = world.lanes.lanes[0]
        pausing = {"a": "too many dead letters"}
        lane.pipeline.paused = pausing.get  # type: ignore[method-assign, assignment]
        lane.put(world.batch("a", 0, 2), lambda: None)
        await settle()
        assert world.consumer.sought[-1] == {TP("a", 0): 0}
        assert lane.pipeline.position("a").next_offset == 0
        pausing.clear()
        assert lane.wants(TP("a", 0))
        lane.put(world.batch("a", 0, 2), lambda: None)
        await settle()
        assert lane.pipeline.position("a").next_offset == 2

    run(scenario)


def test_a_busy_lane_wants_no_more() -> None:
    """One batch may wait besides the one in hand; then nothing is fetched for the partition."""

    async def scenario(world: World) -> None:
        for value in range(3):
            world.kafka.produce("a", "k", value, 500_000)
        await world.assign(0)
        tp = TP("a", 0)
        assert world.lanes.wants(tp)
        lane = world.lanes.lanes[0]
        for first in range(2):
            lane.put(world.batch("a", first, first + 1), lambda: None)
        assert not lane.wants(tp)
        await settle()
        assert lane.wants(tp)

    run(scenario)


@pytest.mark.parametrize("others", [True, False])
def test_fences_in_a_row_end_the_worker(others: bool) -> None:
    """A worker whose lane is saved by somebody else again and again gives up its place; not to a store that goes back."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0)
        lane = world.lanes.lanes[0]

        async def fenced(*_: object) -> None:
            raise Fenced("other")

        opening = lane.pipeline.open

        async def opened() -> None:
            await opening()
            lane.pipeline.found_others = others

        lane.pipeline.apply = fenced  # type: ignore[method-assign]
        lane.pipeline.open = opened  # type: ignore[method-assign]
        for _ in range(3):
            lane.put(world.batch("a", 0, 1), lambda: None)
            await settle()
        assert [type(each) for each in world.crashes] == ([FencedOut] if others else [])

    run(scenario)


def test_a_stopped_lane_says_why() -> None:
    """A lane that a person has to look at takes nothing more; when all are stopped, the worker ends with the reason."""

    async def scenario(world: World) -> None:
        world.log.stopped = "the log was cut"
        await world.assign(0)
        assert world.lanes.lanes[0].stopped == "the log was cut"
        assert not world.lanes.wants(TP("a", 0))
        assert isinstance(world.crashes[-1], LaneStopped)

    run(scenario)
