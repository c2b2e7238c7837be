"""`cem simulate` in one piece: a world new or resumed, its history written, then lived on; to Kafka or to a file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Final
from zoneinfo import ZoneInfo

import msgspec

from cem.domain.events import ProfileChanged
from cem.ports import Unavailable
from cem.settings import Settings
from cem.simulator import history
from cem.simulator.draws import mix
from cem.simulator.facade import open_world
from cem.simulator.keeping import Keeper, Resumed
from cem.simulator.lines import json_lines
from cem.simulator.live import Live, LiveCounts
from cem.simulator.messenger import Messenger
from cem.simulator.pacing import FixedRate, FixedSpeed, Pace
from cem.simulator.parameters import DAY_MS, MINUTE_MS, Parameters
from cem.simulator.report import oracle_sentence
from cem.simulator.representatives import Representatives
from cem.simulator.sending import Sender
from cem.simulator.truth_file import TruthFile
from cem.simulator.world import Belief, Produced, World
from cem.stores import RedisStore, open_store
from cem.streams.clock import POLL_S, Anchor, read_anchors, wall_ms, write_anchor
from cem.streams.connection import client_options

__all__ = ["Job", "Stage", "minor_per_cent", "simulate", "utc_offset_min", "write_file"]

_KEEP_EVERY_S: Final = 5.0
_ANCHOR_EVERY_S: Final = 0.2
#: A clock that is ahead by no more needs no catching up.
_BEHIND_MS: Final = 30 * MINUTE_MS
#: Minor units of a currency in a hundredth of a euro, roughly: what makes prices look like prices.
_MINOR_PER_CENT: Final = {"VND": 280, "JPY": 2, "KRW": 15, "IDR": 180, "INR": 90, "THB": 38, "PHP": 62}


class Stage(msgspec.Struct, frozen=True):
    """How far a run is."""

    #: "history" or "live".
    part: str
    now_ms: int
    #: Share of the history that is written, 0 to 1.
    share: float
    events: int
    live: LiveCounts | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be simulated."""

    settings: Settings
    parameters: Parameters
    history_days: int
    live: bool
    #: Simulated seconds a second.
    speed: float = 1.0
    #: Events a second, instead of a speed.
    rate: float | None = None
    truth: Path | None = None
    #: After the history, workers that stand still for so long are not waited for.
    patience_s: float = 30.0
    beliefs: list[Belief] = []
    note: Callable[[str], None] = lambda message: None
    on_stage: Callable[[Stage], None] = lambda stage: None


def minor_per_cent(currency: str) -> int:
    """Return how many minor units of the currency a hundredth of a euro is, roughly."""
    return _MINOR_PER_CENT.get(currency, 1)


def utc_offset_min(timezone: str, at: datetime) -> int:
    """Return by how many minutes the zone's clocks are ahead of UTC at that time."""
    offset = ZoneInfo(timezone).utcoffset(at.replace(tzinfo=None)) or timedelta(0)
    return round(offset.total_seconds() / 60)


def write_file(job: Job, out: IO[bytes]) -> tuple[World, int]:
    """Write the history as JSON lines as fast as possible; return the world as it is then, and how many events."""
    world = open_world(job.parameters, beliefs=job.beliefs, live_from_day=job.history_days)
    world.asks_from_ms = 1 << 60
    until_ms = job.parameters.day_start_ms(job.history_days)
    truth = TruthFile(job.truth, world, append=False) if job.truth is not None else None
    events = 0
    try:
        for step in history.steps(world, until_ms):
            out.writelines(json_lines(step))
            events += len(step)
            if truth is not None:
                truth.take()
            job.on_stage(_stage(world, until_ms, events))
    finally:
        if truth is not None:
            truth.close()
    return world, events


async def simulate(job: Job, stop: asyncio.Event) -> World:
    """Write the history to Kafka and live on until `stop`; return the world as it is then.

    A world that was kept goes on where it stopped. Raises Unavailable when Kafka or Redis is not there at the start,
    SnapshotError when the kept world cannot be read, KeeperBusy when another process lives in it.
    """
    keeper = Keeper(job.settings.state_dir / "simulator")
    store = open_store(job.settings.redis_url, job.settings.partitions)
    sender = Sender(job.settings, store, note=job.note)
    try:
        keeper.lock()
        cluster_id = await sender.start()
        clock_ms = await _simulated_clock_ms(store) if job.settings.clock == "simulated" else 0
        resumed = await _world_of(job, keeper, store, cluster_id, clock_ms)
        run = _Run(job, resumed.world, keeper, store, sender, stop, clock_ms)
        await run.to_the_end(resumed.events, append=resumed.again)
        return resumed.world
    finally:
        keeper.close()
        await sender.stop()
        await store.close()


async def _simulated_clock_ms(store: RedisStore) -> int:
    """Return what the simulated clock shows; 0 before its first anchor."""
    anchors = await read_anchors(store)
    return anchors[-1].at_ms(wall_ms()) if anchors else 0


async def _world_of(job: Job, keeper: Keeper, store: RedisStore, cluster_id: str, clock_ms: int) -> Resumed:
    """Return the world to go on with: the kept one if it belongs to this log or no history is wanted, else a new one."""
    kept = keeper.resume(cluster_id if job.history_days else None)
    if kept is not None:
        world = kept.world
        at = datetime.fromtimestamp(world.now_ms / 1000, tz=UTC)
        job.note(
            f"going on with {len(world.households):,} customers (seed {world.parameters.seed}) at {at:%Y-%m-%d %H:%M} UTC"
        )
        if clock_ms > world.now_ms + _BEHIND_MS:
            # The clock ran on after a kill. It cannot go back, so the world catches up, as fast as it can.
            job.note(f"the clock is {(clock_ms - world.now_ms) / DAY_MS:.1f} days ahead of it: catching up")
            world.asks_from_ms = max(world.asks_from_ms, clock_ms)
        return kept
    parameters = job.parameters
    if clock_ms > parameters.day_start_ms(job.history_days):
        # What the lost world said must not be taken for what this one says.
        after = datetime.fromtimestamp(clock_ms / 1000, tz=UTC).date() + timedelta(days=1)
        seed = mix(parameters.seed, after.toordinal()) % 1_000_000_007
        parameters = msgspec.structs.replace(
            parameters, start=after - timedelta(days=job.history_days), seed=seed
        )
        job.note(
            f"the world of the last run is not in {job.settings.state_dir}: another one begins (seed {seed})"
        )
    world = open_world(parameters, beliefs=job.beliefs, live_from_day=job.history_days)
    if job.settings.clock == "wall" and job.rate is None:
        world.asks_from_ms = wall_ms()
    keeper.begin(cluster_id)
    return Resumed(world, [], again=False)


class _Run:
    """One run against Kafka."""

    def __init__(
        self,
        job: Job,
        world: World,
        keeper: Keeper,
        store: RedisStore,
        sender: Sender,
        stop: asyncio.Event,
        clock_ms: int,
    ) -> None:
        self._job = job
        self._world = world
        self._keeper = keeper
        self._store = store
        self._sender = sender
        self._stop = stop
        self._simulated = job.settings.clock == "simulated"
        self._truth: TruthFile | None = None
        #: What the simulated clock showed at the start: it never goes back.
        self._clock_ms = clock_ms

    async def to_the_end(self, unsent: list[Produced], *, append: bool) -> None:
        """Send what the last process may not have sent, write the history, live on."""
        if self._job.truth is not None:
            self._truth = TruthFile(self._job.truth, self._world, append=append)
        try:
            await self._begin_time()
            await self._sender.send(unsent)
            self._keeper.keep(self._world)
            await self._write_history()
            if self._job.live and not self._stop.is_set():
                await self._live()
            self._keeper.keep(self._world)
        finally:
            if self._truth is not None:
                self._truth.close()

    async def _begin_time(self) -> None:
        """Begin the simulated clock, if it has never run, and let the workers see it before the first record.

        Else they would fold the first days of the history at the time 0, and tell people things in 1970.
        """
        if self._simulated and not self._clock_ms:
            await self._set_clock(self._world.now_ms, 0.0)
            await asyncio.sleep(2 * POLL_S)

    async def _write_history(self) -> None:
        world, keeper = self._world, self._keeper
        until_ms = world.asks_from_ms
        kept = anchored = time.monotonic()
        for events in history.steps(world, until_ms, before=keeper.advanced):
            await self._sender.send(events)
            if world.parameters.share_by_line and any(_names_lines(event) for event in events):
                # Days of a line's messages would else come before its customer is known, and only so many wait for him.
                await self._sender.all_known(self._job.patience_s)
            now = time.monotonic()
            if self._truth is not None:
                self._truth.take()
            if now - anchored >= _ANCHOR_EVERY_S:
                anchored = now
                await self._set_clock(world.now_ms, 0.0)
            if now - kept >= _KEEP_EVERY_S:
                keeper.keep(world)
                kept = time.monotonic()
            self._job.on_stage(_stage(world, until_ms, self._sender.sent))
            if self._stop.is_set():
                return
        await self._set_clock(world.now_ms, 0.0)
        if sentence := oracle_sentence(world):
            self._job.note(sentence)
        # Live calls find the customers' states as the history left them.
        if not await self._sender.drained(self._job.patience_s):
            self._job.note("the workers stand still; going on without waiting for them (cem lag)")

    async def _live(self) -> None:
        job, world, settings = self._job, self._world, self._job.settings
        pace: Pace
        if job.rate is not None:
            pace = FixedRate(world, job.rate)
        elif self._simulated:
            pace = FixedSpeed(max(world.now_ms, self._clock_ms), job.speed)
        else:
            pace = FixedSpeed(wall_ms(), 1.0)
        url = settings.api_url or f"http://{settings.api_host}:{settings.api_port}"
        async with Representatives(url, settings.api_key, note=job.note) as desk:
            live = Live(
                world,
                pace,
                self._sender,
                desk,
                self._keeper,
                Messenger(client_options(settings), settings.partitions, note=job.note),
                set_clock=self._set_clock,
                follows_speed=job.rate is not None and self._simulated,
                stamp_now=wall_ms if job.rate is not None and not self._simulated else None,
                on_tick=self._tick,
            )
            await live.run(self._stop)

    def _tick(self, world: World, counts: LiveCounts) -> None:
        if self._truth is not None:
            self._truth.take()
        self._job.on_stage(Stage("live", world.now_ms, 1.0, self._sender.sent, counts))

    async def _set_clock(self, sim_ms: int, speed: float) -> None:
        """Set the simulated clock; where the wall's is used there is none to set."""
        if not self._simulated:
            return
        try:
            await write_anchor(self._store, Anchor(wall_ms(), max(sim_ms, self._clock_ms), speed))
        except (Unavailable, OSError) as error:
            self._job.note(f"the simulated clock cannot be set ({error})")


def _names_lines(event: Produced) -> bool:
    return isinstance(event.event, ProfileChanged) and bool(event.event.lines)


def _stage(world: World, until_ms: int, events: int) -> Stage:
    start_ms = world.parameters.start_ms
    share = min(1.0, (world.now_ms + 1 - start_ms) / max(1, until_ms - start_ms))
    return Stage("history", world.now_ms, share, events)
