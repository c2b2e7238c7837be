"""When a worker's lanes move, so that what can wait (models, and the library behind them) may follow."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from cem.bootstrap.worker import lanes_moving
from cem.ports import LaneStopped
from tests.builders.streams import World, run, settle


def test_models_wait_for_the_first_save_of_each_lane() -> None:
    """A lane that is open, but has applied nothing of what waits for it, does not move yet."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0)
        waiting = asyncio.create_task(lanes_moving(world.lanes, every_s=0.001, within_s=60))
        await asyncio.sleep(0.02)
        assert world.lanes.lanes[0].pipeline.is_open
        assert not waiting.done()
        world.lanes.lanes[0].put(world.batch("a", 0, 1), lambda: None)
        await waiting

    run(scenario)


def test_a_lane_without_unread_records_moves() -> None:
    """Where nothing is to be read, models are read at once; nobody knows that before the broker has said so."""

    async def scenario(world: World) -> None:
        world.consumer.unknown.add("b")
        await world.assign(0)
        waiting = asyncio.create_task(lanes_moving(world.lanes, every_s=0.001, within_s=60))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        world.consumer.unknown.clear()
        await waiting

    run(scenario)


def test_neither_a_stopped_lane_nor_an_absent_server_is_waited_for() -> None:
    """A person may take days; and after a while the models come, whatever the lanes do."""

    async def scenario(world: World) -> None:
        world.kafka.produce("a", "k", 1, 500_000)
        await world.assign(0)
        await lanes_moving(world.lanes, every_s=0.001, within_s=0.01)
        world.lanes.lanes[0].stop(LaneStopped("look at this"))
        await settle()
        await lanes_moving(world.lanes, every_s=0.001, within_s=60)

    run(scenario)


def test_a_worker_starts_without_what_it_does_not_need() -> None:
    """Neither River, nor what CEL's command line drags in: importing them is seconds for whoever waits for the lanes."""
    heavy = ("river", "numpy", "typer", "rich", "prompt_toolkit", "fastapi")
    program = f"import cem.cli.worker, cem.bootstrap, sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
