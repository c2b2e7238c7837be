"""The lanes of one worker: which it owns, and who may be given more.

Partitions come and go with Faust's assignments; a `Lane` exists for as long as all its partitions are ours.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from faust.types import TP

from cem.ports import LaneStopped, Unavailable
from cem.streams.lane import Lane
from cem.streams.transport import Batch, Consumer

__all__ = ["LaneSet", "SplitLane"]

logger = logging.getLogger(__name__)


class SplitLane(Exception):
    """The partitions of one lane were given to different workers: states would be torn. Never goes on."""


class LaneSet:
    """All lanes of this worker; what the transport and the agents talk to."""

    def __init__(
        self,
        make_lane: Callable[[int, LaneSet], Lane],
        *,
        topics: Sequence[str],
        on_crash: Callable[[BaseException], None],
    ) -> None:
        self._make_lane = make_lane
        self._topics = tuple(topics)
        self.on_crash = on_crash
        self.lanes: dict[int, Lane] = {}
        #: How many assignments have been begun with.
        self._assignments = 0

    async def assigned(self, partitions: set[TP], consumer: Consumer) -> Mapping[TP, int]:
        """Take over an assignment: keep the lanes that stay, close those that left, open the new ones.

        Returns where to read the partitions. Those of lanes that are not open yet are sought again when they open.
        Raises SplitLane if the partitions of a lane are not all here. Whoever is overtaken by a later assignment while
        lanes come to rest leaves everything to that one, and gets nothing to read: Faust asks in the midst of a
        rebalance, too, and then says what was ours before it.
        """
        numbers = sorted({tp.partition for tp in partitions})
        for number in numbers:
            missing = [t for t in self._topics if TP(t, number) not in partitions]
            if missing:
                msg = (
                    f"partition {number} of {', '.join(missing)} belongs to another worker: the partitions of a lane "
                    "must stay together. Check that all topics have the same number of partitions (cem topics check)."
                )
                raise SplitLane(msg)
        self._assignments += 1
        mine = self._assignments
        gone = [self.lanes.pop(n) for n in list(self.lanes) if n not in numbers]
        await asyncio.gather(*(lane.close() for lane in gone), *(lane.hold() for lane in self.lanes.values()))
        if mine != self._assignments:
            return {}
        offsets: dict[TP, int] = {}
        for lane in self.lanes.values():
            offsets.update(lane.offsets())
        for number in numbers:
            if number not in self.lanes:
                lane = self.lanes[number] = self._make_lane(number, self)
                # Somewhere to stand until the lane is open; nothing is fetched for it before.
                offsets.update(dict.fromkeys(lane.partitions.values(), 0))
        for lane in self.lanes.values():
            lane.release(consumer)
            lane.start(consumer)
        logger.info("lanes: %s", ", ".join(map(str, numbers)) or "none")
        return offsets

    def opened(self, lane: Lane) -> None:
        """Note that a lane opened or stopped; if all are stopped, so is the worker."""
        if lane.stopped is not None and all(other.stopped is not None for other in self.lanes.values()):
            self.on_crash(lane.stopped_by or LaneStopped(lane.stopped))

    def unreadable(self, tp: TP, reason: LaneStopped) -> None:
        """Stop the partition's lane: Kafka has records there that cannot be had."""
        if (lane := self.lanes.get(tp.partition)) is not None:
            lane.stop(reason)

    def misplaced(self, tp: TP) -> None:
        """Open the partition's lane again, which seeks it: it reads from where Kafka has nothing, or from nowhere.

        If records are lost, the opening says which.
        """
        if (lane := self.lanes.get(tp.partition)) is not None:
            lane.open_again()

    def wants(self, tp: TP) -> bool:
        """Tell whether another batch of the partition may be fetched: its lane is ours, and has room."""
        lane = self.lanes.get(tp.partition)
        return lane is not None and lane.wants(tp)

    def all_read(self) -> bool:
        """Tell whether no batch waits for a lane of ours."""
        return not any(lane.waiting and any(lane.waiting.values()) for lane in self.lanes.values())

    def submit(self, batch: Batch, done: Callable[[], None]) -> None:
        """Give a batch to its lane; `done` is called once it is applied."""
        lane = self.lanes.get(batch.partition)
        if lane is not None:
            lane.put(batch, done)

    async def tick(self, every_ms: int) -> None:
        """Look at all lanes' due times, for ever."""
        while True:
            await asyncio.sleep(every_ms / 1000)
            for lane in list(self.lanes.values()):
                lane.due()

    async def resume_paused(
        self, resumed: Callable[[str, int, int], Awaitable[bool]], every_s: float = 1.0
    ) -> None:
        """Read on in topics that their dead letters paused once a person says so, for ever.

        `resumed` answers for a topic, a lane, and the offset at which it stands. Raises nothing: an answer that cannot be
        had is a no.
        """
        while True:
            await asyncio.sleep(every_s)
            for number, lane in list(self.lanes.items()):
                for topic in lane.partitions:
                    if lane.pipeline.is_open and lane.pipeline.paused(topic) is not None:
                        try:
                            at = lane.pipeline.position(topic).next_offset
                            allowed = await resumed(topic, number, at)
                        except (Unavailable, LaneStopped):
                            continue
                        if allowed:
                            lane.pipeline.forgive(topic)
                            logger.warning("lane %d: %s is read on, as somebody asked", number, topic)

    async def close(self, within_s: float) -> None:
        """Close all lanes."""
        lanes, self.lanes = list(self.lanes.values()), {}
        await asyncio.gather(*(lane.close(within_s) for lane in lanes))
