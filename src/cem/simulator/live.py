"""The live part: events as the clock reaches them, representatives who ask the API, outcomes that go back to it."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from cem.simulator.facade import answer, deliver
from cem.simulator.keeping import Keeper
from cem.simulator.messenger import Messenger
from cem.simulator.pacing import Pace
from cem.simulator.representatives import Answer, Representatives
from cem.simulator.sending import Sender
from cem.simulator.world import Ask, Produced, World

__all__ = ["Live", "LiveCounts"]

#: Wall seconds between two looks at the clock.
_TICK_S: Final = 0.05
_KEEP_EVERY_S: Final = 10.0
_ANCHOR_EVERY_S: Final = 0.25


class LiveCounts(msgspec.Struct):
    """What has happened since the live part began."""

    events: int = 0
    asked: int = 0
    answered: int = 0
    too_late: int = 0
    #: Messages of ours to customers that were handed over in time.
    delivered: int = 0


class Live:
    """One run of the live part."""

    def __init__(
        self,
        world: World,
        pace: Pace,
        sender: Sender,
        desk: Representatives,
        keeper: Keeper,
        messenger: Messenger,
        *,
        set_clock: Callable[[int, float], Awaitable[None]],
        follows_speed: bool,
        stamp_now: Callable[[], int] | None = None,
        on_tick: Callable[[World, LiveCounts], None] = lambda world, counts: None,
    ) -> None:
        """Take the parts.

        set_clock: sets the simulated clock to a time and a speed. follows_speed: the pace has no fixed speed, so the
        clock is set again and again. stamp_now: gives the wall's time when events are to bear it (no simulated clock).
        """
        self._world = world
        self._pace = pace
        self._sender = sender
        self._desk = desk
        self._keeper = keeper
        self._messenger = messenger
        self._set_clock = set_clock
        self._follows_speed = follows_speed
        self._stamp_now = stamp_now
        self._on_tick = on_tick
        self._tasks: set[asyncio.Task[Any]] = set()
        self._answers: list[Answer] = []
        #: Asks whose call is not in the stream yet.
        self._asks: list[tuple[int, int, Ask]] = []
        self._numbered = 0
        self.counts = LiveCounts()

    async def run(self, stop: asyncio.Event) -> None:
        """Live until `stop` is set; then everything said is sent and the world is kept."""
        clock = asyncio.get_running_loop().time
        began = kept = anchored = clock()
        await self._set_clock(self._pace.sent_ms, self._pace.speed)
        self._spawn(self._messenger.run())
        while not stop.is_set():
            elapsed_s = clock() - began
            self._take_answers()
            self._deliver()
            self._advance(elapsed_s)
            await self._send(self._pace.due(elapsed_s))
            self._start_asking()
            if self._follows_speed and clock() - anchored >= _ANCHOR_EVERY_S:
                anchored = clock()
                await self._set_clock(self._pace.sent_ms, self._pace.speed)
            if clock() - kept >= _KEEP_EVERY_S:
                self._keeper.keep(self._world)
                kept = clock()
            self._on_tick(self._world, self.counts)
            try:
                async with asyncio.timeout(max(0.001, _TICK_S - (clock() - began - elapsed_s))):
                    await stop.wait()
            except TimeoutError:
                pass
        await self._set_clock(self._pace.sent_ms, 0.0)
        await self._end()

    def _advance(self, elapsed_s: float) -> None:
        """Bring the world to where the pace wants it."""
        while (to_ms := self._pace.target_ms(elapsed_s)) is not None and to_ms > self._world.now_ms:
            self._keeper.advanced(to_ms)
            self._pace.made(self._world.advance(to_ms))
            for ask in self._world.take_asks():
                self._numbered += 1
                heapq.heappush(self._asks, (ask.at_ms, self._numbered, ask))
            for outcome in self._world.take_outcomes():
                self._spawn(self._desk.report(outcome))

    async def _send(self, events: list[Produced]) -> None:
        if events:
            await self._sender.send(events, now_ms=None if self._stamp_now is None else self._stamp_now())
            self.counts.events += len(events)

    def _start_asking(self) -> None:
        """Let the representatives ask whose calls have reached the stream."""
        while self._asks and self._asks[0][0] <= self._pace.sent_ms:
            ask = heapq.heappop(self._asks)[2]
            self.counts.asked += 1
            self._spawn(self._ask(ask))

    async def _ask(self, ask: Ask) -> None:
        self._answers.append(await self._desk.ask(ask))

    def _take_answers(self) -> None:
        """Give the representatives what has come."""
        answers, self._answers = self._answers, []
        for given in answers:
            self._keeper.answered(given.ask, given.decision_id, given.actions)
            in_time = answer(self._world, given.ask, given.decision_id, given.actions)
            if given.decision_id:
                self.counts.answered += in_time
                self.counts.too_late += not in_time

    def _deliver(self) -> None:
        """Hand the messages over that may still be read."""
        now_ms = self._world.now_ms if self._stamp_now is None else self._stamp_now()
        for errand in self._messenger.take():
            if errand.expires_ms > now_ms and errand.contact_id not in self._world.reached:
                if self._stamp_now is not None:
                    # The world's own time is another than the one that the events bear.
                    errand = msgspec.structs.replace(errand, send_after_ms=0)
                self._keeper.delivering(errand)
                self.counts.delivered += deliver(self._world, errand)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # A bug of ours must be seen.
            task.result()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._keeper.keep(self._world)
