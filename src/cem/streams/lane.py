"""One lane of this worker: its task, and what it may be given.

A lane has one task, so batches of different topics that touch the same customers run one after another, while lanes
run side by side. Opening a lane (and following its journal) happens in that task too: until it is through, nothing
is fetched for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from faust.types import TP

from cem.pipeline import LanePipeline
from cem.ports import Clock, Fenced, LaneStopped, Observer, Unavailable
from cem.streams.checkpoints import CheckpointKeeper
from cem.streams.lane_time import lane_time_ms
from cem.streams.transport import Batch, Consumer

__all__ = ["FencedOut", "Lane"]

logger = logging.getLogger(__name__)

#: Batches that a partition may have waiting besides the one being applied.
WAITING_BATCHES = 1
#: Fences in a row by the same other owner after which a worker gives up its place.
FENCES_IN_A_ROW = 3
#: Pause before an absent Kafka or Redis is asked again: the first, doubled up to the longest (s).
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0


class FencedOut(Exception):
    """Another worker keeps saving a lane that Kafka says is ours: leave the group and let it be sorted out."""


class Lane:
    """One lane of this worker."""

    def __init__(
        self,
        number: int,
        *,
        make_pipeline: Callable[[Lane], LanePipeline[Any, Any]],
        topics: Sequence[str],
        clock: Clock,
        on_crash: Callable[[BaseException], None],
        on_opened: Callable[[Lane], None],
        checkpoints: CheckpointKeeper | None = None,
        rebuild: bool = False,
        rebuild_beside: Callable[[int], Awaitable[None]] | None = None,
        observer: Observer | None = None,
        refresh_rules: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """Take what the lane is made of.

        `rebuild_beside` may make the lane again, as far as its journal goes, before it is opened; raises Unavailable.
        `refresh_rules` returns whether rules that other workers have taken up meanwhile are known now that were not.
        """
        self.number = number
        self.partitions = {topic: TP(topic, number) for topic in topics}
        #: Why the lane does not go on: a person has to decide. None while it does.
        self.stopped: str | None = None
        self.stopped_by: LaneStopped | None = None
        #: Monotonic seconds of the last save, tick or opening.
        self.progressed_at = time.monotonic()
        #: True while a checkpoint of the lane is written or taken back: no saves are made meanwhile.
        self.at_checkpoint = False
        self.waiting: dict[TP, int] = {}
        self._clock = clock
        self._on_crash = on_crash
        self._on_opened = on_opened
        self._observer = observer
        self._refresh_rules = refresh_rules
        self._checkpoints = checkpoints
        self._rebuild = rebuild
        self._rebuild_beside = rebuild_beside
        self._consumer: Consumer | None = None
        self._queue: deque[tuple[Batch, Callable[[], None]]] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._held = False
        self._needs_opening = True
        self._fences = 0
        self._closing = False
        #: What Kafka or Redis did not do when last asked, and how many saves the lane had made by then.
        self._missed: tuple[str, int] | None = None
        self._task: asyncio.Task[None] | None = None
        self.pipeline = make_pipeline(self)

    # -- what the outside asks ---------------------------------------------------------------------------------

    @property
    def waiting_for(self) -> str | None:
        """What is waited for (Kafka or Redis being away), between the tries and during them; None if nothing."""
        missed = self._missed
        return missed[0] if missed is not None and missed[1] == self.pipeline.counts.saves else None

    def wants(self, tp: TP) -> bool:
        """Tell whether another batch of the partition may be fetched."""
        return (
            self.pipeline.is_open
            and self.stopped is None
            and not self._needs_opening
            and not self._held
            and self.waiting.get(tp, 0) <= WAITING_BATCHES
            and self.pipeline.paused(tp.topic) is None
        )

    @property
    def opening(self) -> bool:
        """True until the lane is opened, which includes following its journal."""
        return self._needs_opening

    def coming(self, tp: TP, within_s: float) -> bool:
        """Tell whether records of the partition are fetched and have their turn, others having had theirs lately."""
        return self._consumer is not None and self._consumer.coming(tp, within_s)

    def put(self, batch: Batch, done: Callable[[], None]) -> None:
        """Queue a batch; `done` is called when it is saved and published (never, if it is stale or the lane has stopped)."""
        if self.stopped is not None:
            return  # fetched before it stopped: nobody will take it, and all others would count as behind
        tp = self.partitions[batch.topic]
        self.waiting[tp] = self.waiting.get(tp, 0) + 1
        self._queue.append((batch, done))
        self._wake.set()

    def start(self, consumer: Consumer) -> None:
        """Open the lane and go on until `close`."""
        self._consumer = consumer
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"lane-{self.number}")
        self._wake.set()

    async def hold(self, within_s: float = 5.0) -> None:
        """Return when no batch is being applied; drop what waits. `release` and `start` let the lane go on.

        A batch that takes longer, as it does while Redis is away, is given up in the midst of it: Faust waits for a
        rebalance to be through, and resumes without us if it is not.
        """
        self._held = True
        self._drop_waiting()
        try:
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        except TimeoutError:
            await self._interrupt()
        self._drop_waiting()

    async def _interrupt(self) -> None:
        """End the task in the midst of what it does; `start` makes another, which opens the lane anew."""
        task, self._task = self._task, None
        self._needs_opening = True
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        self.pipeline.close()

    def release(self, consumer: Consumer) -> None:
        """Go on after `hold`."""
        self._consumer = consumer
        self._held = False
        self._wake.set()

    def stop(self, reason: LaneStopped) -> None:
        """Do not go on after the batch in hand: a person has to look. Says so once."""
        if self.stopped is not None:
            return
        self.stopped, self.stopped_by = str(reason), reason
        self._drop_waiting()
        logger.error("lane %d stopped: %s", self.number, reason)
        self._on_opened(self)

    def open_again(self) -> None:
        """Have the lane read anew after the batch in hand: what it stood on in the log is not there."""
        self._needs_opening = True
        self._drop_waiting()
        self._wake.set()

    async def close(self, within_s: float = 5.0) -> None:
        """End the lane's task: after the batch in hand if that is quick, in the midst of it otherwise (it is safe)."""
        self._closing = True
        self._drop_waiting()
        self._wake.set()
        if self._task is not None:
            done, _ = await asyncio.wait({self._task}, timeout=within_s)
            if not done:
                self._task.cancel()
                await asyncio.wait({self._task}, timeout=1.0)
        self.pipeline.close()

    def due(self) -> bool:
        """Wake the lane if a customer is due."""
        if self._checkpoints is not None and self.pipeline.is_open and self._checkpoints.due(self.number):
            self._wake.set()
        if self.pipeline.is_open and not self._queue and self._due_at() is not None:
            self._wake.set()
            return True
        return False

    def offsets(self) -> dict[TP, int]:
        """Return where each partition is to be read from."""
        return {tp: self.pipeline.position(topic).next_offset for topic, tp in self.partitions.items()}

    def read_to(self, topic: str) -> int:
        """Return the offset up to which nothing is left to apply."""
        position = self.pipeline.position(topic).next_offset
        return self._consumer.read_to(self.partitions[topic], position) if self._consumer else position

    def unread(self) -> int | None:
        """Return how many offsets lie between the lane and the log's known end; None if that is not known."""
        total = 0
        for topic, tp in self.partitions.items():
            end, _ = self._consumer.known_end(tp) if self._consumer else (None, 0)
            if end is None:
                return None
            total += max(0, end - self.read_to(topic))
        return total

    def time_ms(self, batch: Batch | None = None) -> int:
        """Return the lane's time, before the batch in hand if there is one: see `cem.streams.lane_time`."""
        assert self._consumer is not None
        return lane_time_ms(self.pipeline.header, self.partitions, self._consumer, self._clock, batch)

    # -- the task ----------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            while not self._closing:
                await self._wake.wait()
                self._wake.clear()
                self._idle.clear()
                try:
                    await self._work()
                finally:
                    self._idle.set()
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            # A cancellation that nobody wished came out of a library: the lane must not end by it without a word.
            logger.exception("lane %d: broken", self.number)
            self._on_crash(error)

    async def _work(self) -> None:
        while not self._closing and not self._held and self.stopped is None:
            try:
                if self._needs_opening:
                    await self._open()
                elif self._checkpoints is not None and self._checkpoints.due(self.number):
                    with self._standing_still():
                        await self._checkpoints.write(self.number)
                elif self._queue:
                    await self._apply(*self._queue.popleft())
                elif not await self._tick():
                    return
                self.progressed_at = time.monotonic()
                self._missed = None
            except Fenced:
                self._note_fence()
                self._needs_opening = True
                self._drop_waiting()
            except LaneStopped as reason:
                self.stop(reason)

    async def _open(self) -> None:
        if self._rebuild and (beside := self._rebuild_beside) is not None:
            with self._standing_still():
                await self.pipeline.patiently(lambda: beside(self.number))
        if self._rebuild and self._checkpoints is not None:
            with self._standing_still():
                await self._restore(self._checkpoints)
        try:
            await self.pipeline.open()
        except LaneStopped:
            # Its journal may name rules that the owner before took up while this worker ran.
            if self._refresh_rules is None or not await self.pipeline.patiently(self._refresh_rules):
                raise
            await self.pipeline.open()
        if self.pipeline.adopted and self._checkpoints is not None:
            # The new log's journal does not lead to these states: what does must not be lost.
            with self._standing_still():
                await self._checkpoints.write(self.number)
        counts = self.pipeline.counts
        if counts.followed:
            logger.info("lane %d: followed %d saves of the journal", self.number, counts.followed)
            counts.followed = 0
        if not self.pipeline.found_others:
            # A store that went back in time shows us saves of our own: nobody wants our place.
            self._fences = 0
        self._needs_opening = False
        consumer = self._consumer
        if consumer is not None and not self._held:
            await consumer.seek_lanes(self.offsets())
        self._on_opened(self)

    @contextlib.contextmanager
    def _standing_still(self) -> Iterator[None]:
        self.at_checkpoint = True
        try:
            yield
        finally:
            self.at_checkpoint = False

    async def _restore(self, checkpoints: CheckpointKeeper) -> None:
        """Take back the lane's checkpoint, as often as it takes: a restoration that broke off is begun anew."""
        await self.pipeline.patiently(lambda: checkpoints.restore(self.number))

    async def _apply(self, batch: Batch, done: Callable[[], None]) -> None:
        tp = self.partitions[batch.topic]
        consumer = self._consumer
        assert consumer is not None
        self.waiting[tp] = max(0, self.waiting.get(tp, 0) - 1)
        if batch.epoch != consumer.epoch(tp):
            return  # fetched before a seek: it comes again
        position = self.pipeline.position(batch.topic).next_offset
        if self.pipeline.paused(batch.topic) is not None:
            # It was on its way when the limit was reached; whoever resumes the partition reads it then.
            await consumer.seek_lanes({tp: position})
            return
        if batch.first > position:
            logger.warning("lane %d: %s was read past its position, seeking back", self.number, batch.topic)
            await consumer.seek_lanes({tp: position})
            return
        begins = batch.records[0].offset
        if begins > position and not await self.pipeline.is_hole(batch.topic, position, begins):
            # A log may have holes (compaction, markers of transactions); records between us and the batch are none.
            logger.error(
                "lane %d: a fetch of %s left out offsets %d to %d, seeking back",
                self.number, batch.topic, position, begins - 1,
            )  # fmt: skip
            await consumer.seek_lanes({tp: position})
            return
        await self.pipeline.apply(batch.topic, batch.records, self.time_ms(batch))
        self._fences = 0
        if why := self.pipeline.paused(batch.topic):
            logger.error("lane %d: %s is paused: %s", self.number, batch.topic, why)
            position = self.pipeline.position(batch.topic).next_offset
            if position <= batch.records[-1].offset:
                await consumer.seek_lanes({tp: position})
                return
        done()

    async def _tick(self) -> bool:
        now_ms = self._due_at()
        if now_ms is None or not await self.pipeline.tick(now_ms):
            return False
        self._fences = 0
        return True

    def _due_at(self) -> int | None:
        """Return the lane's time if a customer is due by then."""
        due_ms = self.pipeline.next_due_ms
        # Lane time is at most this; finding it means asking about every partition.
        if due_ms is None or due_ms > max(self._clock.now_ms(), self.pipeline.header.lane_time_ms):
            return None
        now_ms = self.time_ms()
        return now_ms if due_ms <= now_ms else None

    def _note_fence(self) -> None:
        self._fences += 1
        if self._observer is not None:
            self._observer.fenced()
        logger.warning(
            "lane %d: another owner saved it, or the store went back; reading it anew (%d in a row)",
            self.number,
            self._fences,
        )
        if self._fences >= FENCES_IN_A_ROW:
            raise FencedOut(f"lane {self.number} was saved by another worker {self._fences} times in a row")

    def _drop_waiting(self) -> None:
        self._queue.clear()
        self.waiting.clear()

    async def pause(self, attempt: int, reason: Unavailable) -> None:
        """Wait before asking an absent Kafka or Redis again: 50 ms, doubling to 2 s."""
        if self.waiting_for != str(reason):
            logger.warning("lane %d waits: %s", self.number, reason)
        self._missed = str(reason), self.pipeline.counts.saves
        if self._observer is not None:
            self._observer.waited(reason)
        # Doubling without an end would leave the range of numbers after half an hour.
        await asyncio.sleep(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(attempt, 10)))
