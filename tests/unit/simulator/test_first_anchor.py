"""The simulated clock begins before the first record of the history is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cem.settings import Settings
from cem.simulator import Parameters, open_world
from cem.simulator.run import Job, _Run
from cem.streams.clock import CLOCK_KEY, Anchor, read_anchors


class Values:
    """The part of a store that holds the clock."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def get_raw(self, key: str) -> bytes | None:
        return self.kept.get(key)

    async def set_raw(self, key: str, value: bytes) -> None:
        self.kept[key] = value


class Sender:
    """Notes what the clock showed when the first events came."""

    sent = 0

    def __init__(self, store: Values) -> None:
        self._store = store
        self.anchors_at_first: list[Anchor] | None = None

    async def send(self, events: Sequence[Any]) -> None:
        if events and self.anchors_at_first is None:
            self.anchors_at_first = await read_anchors(self._store)

    async def drained(self, patience_s: float) -> bool:
        return True


class Keeper:
    """Keeps nothing."""

    def keep(self, world: object) -> None: ...

    def advanced(self, *args: object) -> None: ...


def run(clock_ms: int, store: Values, settings: Settings) -> tuple[Sender, int]:
    parameters = Parameters(customers=3)
    world = open_world(parameters, live_from_day=1)
    sender = Sender(store)
    job = Job(settings=settings, parameters=parameters, history_days=1, live=False)
    job_run = _Run(job, world, Keeper(), store, sender, asyncio.Event(), clock_ms)  # type: ignore[arg-type]
    asyncio.run(job_run.to_the_end([], append=False))
    return sender, parameters.start_ms


def test_time_begins_before_the_first_record(tmp_path: Path) -> None:
    """Else the first alerts would be told in 1970: a worker that knows no anchor shows 0."""
    sender, start_ms = run(0, Values(), Settings(clock="simulated", state_dir=tmp_path))
    assert sender.anchors_at_first is not None
    (anchor,) = sender.anchors_at_first
    assert start_ms - 1 <= anchor.sim_ms <= start_ms
    assert anchor.speed == 0.0


def test_a_clock_that_has_run_is_not_begun_again(tmp_path: Path) -> None:
    """It stands where the last run left it until the world has caught up."""
    sender, _ = run(1_800_000_000_000, Values(), Settings(clock="simulated", state_dir=tmp_path))
    assert sender.anchors_at_first == []


def test_the_wall_needs_no_anchor(tmp_path: Path) -> None:
    """There is nothing to begin."""
    store = Values()
    run(0, store, Settings(clock="wall", state_dir=tmp_path))
    assert CLOCK_KEY not in store.kept
