"""A cancellation that nobody wished ends nothing without a word: libraries let some out of what they cancelled themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from cem.agents import worker as worker_module
from cem.agents.worker import WorkerFailed, run_worker
from cem.ports import Save, SaveAnswer
from cem.settings import Settings
from tests.builders.streams import World, run, settle


def test_a_lane_does_not_end_by_it() -> None:
    """The worker hears of it, and ends: the next one has the lane again."""

    async def scenario(world: World) -> None:
        await world.assign(0)

        async def save(lane: int, change: Save) -> SaveAnswer:
            raise asyncio.CancelledError

        world.store.save = save  # type: ignore[method-assign]
        world.kafka.produce("a", "k", 1, 500_000)
        world.lanes.submit(world.batch("a", 0, 1), lambda: None)
        await settle()
        assert [type(crash) for crash in world.crashes] == [asyncio.CancelledError]

    run(scenario)


def test_a_lane_that_is_closed_is_no_crash() -> None:
    """Taken away in the midst of a save, it ends as it should."""

    async def scenario(world: World) -> None:
        await world.assign(0)
        saving = asyncio.Event()

        async def save(lane: int, change: Save) -> SaveAnswer:
            saving.set()
            return await asyncio.Future()

        world.store.save = save  # type: ignore[method-assign]
        world.kafka.produce("a", "k", 1, 500_000)
        world.lanes.submit(world.batch("a", 0, 1), lambda: None)
        await saving.wait()
        await world.lanes.close(0.01)
        assert world.crashes == []

    run(scenario)


class _App:
    """A stream that goes on until it is stopped."""

    crash_reason = None

    async def start(self) -> None:
        """Nothing to connect to."""

    async def wait_until_stopped(self) -> None:
        await asyncio.Future()

    async def stop(self) -> None:
        """Nothing to take down."""


def test_what_runs_beside_a_worker_does_not_end_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its watchdog, say, a worker must not go on as if it had one."""
    monkeypatch.setattr(worker_module, "leave_after", lambda *_: None)

    async def cancelled() -> None:
        raise asyncio.CancelledError

    async def main() -> None:
        world = World()
        app: Any = _App()
        background: list[Awaitable[None]] = [cancelled()]
        await run_worker(app, world.lanes, world.log, Settings(), closers=[], background=background)  # type: ignore[arg-type]

    async def bounded() -> None:
        async with asyncio.timeout(5):
            await main()

    with pytest.raises(WorkerFailed, match="ended by itself"):
        asyncio.run(bounded())
