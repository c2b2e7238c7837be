"""Lanes that begin together with what one fetch brought them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from cem.streams.records import LogRecord
from cem.streams.together import Together
from cem.streams.transport import Batch, Consumer
from tests.builders.streams import World, run, settle


def test_lanes_of_one_fetch_begin_when_all_their_batches_have_come() -> None:
    """A lane whose batch comes first waits for the others', then all are applied."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        world.kafka.produce("b", "k", 2, 500_000)
        await world.assign(0)
        together = Together(2)
        batches = [world.batch(topic, 0, 1) for topic in "ab"]
        done: list[str] = []
        for batch in batches:
            batch.together = together
            await settle()
            assert not done
            world.lanes.submit(batch, lambda topic=batch.topic: done.append(topic))  # type: ignore[misc]
        await settle()
        assert done == ["a", "b"]

    run(scenario)


def test_a_batch_of_a_lane_that_has_left_holds_nobody_up() -> None:
    """What came for a lane that is another worker's by now counts as come."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0)
        together = Together(2)
        batch, left = world.batch("a", 0, 1), world.batch("a", 0, 1)
        batch.together = left.together = together
        left.partition = 7
        done: list[int] = []
        world.lanes.submit(batch, lambda: done.append(1))
        world.lanes.submit(left, lambda: done.append(7))
        await settle()
        assert done == [1]

    run(scenario)


def test_a_batch_that_never_comes_holds_the_others_up_until_the_next_look() -> None:
    """Faust may drop a batch: the lanes that wait for it begin when their due times are looked at."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0)
        batch = world.batch("a", 0, 1)
        batch.together = Together(2)
        done: list[int] = []
        world.lanes.submit(batch, lambda: done.append(1))
        await settle()
        assert not done
        looking = asyncio.create_task(world.lanes.tick(1))
        for _ in range(100):
            await asyncio.sleep(0.001)
            if done:
                break
        looking.cancel()
        assert done == [1]

    run(scenario)


@pytest.mark.parametrize("all_read", [True, False])
def test_only_lanes_that_are_not_behind_wait_for_each_other(
    monkeypatch: pytest.MonkeyPatch, *, all_read: bool
) -> None:
    """Batches of one fetch know each other unless a lane has some waiting; one alone has nobody to wait for."""
    tps = [TP("a", number) for number in range(3)]

    async def getmany(self: Any, active_partitions: set[TP], timeout: float) -> dict[TP, Any]:  # noqa: ASYNC109
        return {tp: (0, [LogRecord("a", tp.partition, 0, 0, 0, None, b"", ())]) for tp in active_partitions}

    async def main() -> None:
        consumer = Consumer.__new__(Consumer)
        consumer.lanes = SimpleNamespace(wants=lambda tp: True, all_read=lambda: all_read)  # type: ignore[misc]
        consumer.linger_s = 0.0  # type: ignore[misc]
        consumer._epochs, consumer._passed, consumer._fetched_at = {}, {}, 0.0
        consumer._next, consumer._seeking, consumer._thread = dict.fromkeys(tps, 0), set(), None
        batches: list[Batch] = [found for (found,) in (await consumer._getmany(set(tps), 0.0)).values()]
        shared = {batch.together for batch in batches}
        assert len(shared) == 1
        together = shared.pop()
        assert (together is not None) is all_read
        if together is not None:
            assert together.awaited == len(tps)

    monkeypatch.setattr(driver.Consumer, "_getmany", getmany)
    asyncio.run(main())
