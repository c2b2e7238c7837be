"""What ends a worker that does not go on: Faust and aiokafka log such things at best.

Three deadlines: the event loop must come round, a partition with unread records must move while Kafka answers, and a
stop must come to an end. Past one, every thread's stack is written to standard error and the process leaves with
exit code 70; the next worker starts from what is saved.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping

from faust.types import TP

from cem.ports import LaneStopped, Log, Unavailable
from cem.streams.lane import Lane
from cem.streams.lanes import LaneSet

__all__ = [
    "EXIT_WATCHDOG",
    "LoopWatchdog",
    "Standstill",
    "leave",
    "leave_after",
    "notice_another_cluster",
    "watch_lanes",
]

logger = logging.getLogger(__name__)

EXIT_WATCHDOG = 70
_PROBE_S = 5.0


def leave(why: str, code: int = EXIT_WATCHDOG) -> None:
    """Write why and all stacks to standard error and end the process at once, without clean-up."""
    print(f"cem: {why}; leaving with code {code}", file=sys.stderr, flush=True)
    faulthandler.dump_traceback(all_threads=True)
    os._exit(code)


def leave_after(seconds: float, why: str, code: int = EXIT_WATCHDOG) -> Callable[[], None]:
    """Leave unless the function returned is called within `seconds`."""
    timer = threading.Timer(seconds, leave, (why, code))
    timer.daemon = True
    timer.start()
    return timer.cancel


class LoopWatchdog:
    """A thread that leaves the process when the event loop has not come round for `after_s`."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._beat = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="cem-watchdog", daemon=True)

    async def run(self) -> None:
        """Beat until cancelled."""
        self._beat = time.monotonic()
        self._thread.start()
        try:
            while True:
                self._beat = time.monotonic()
                await asyncio.sleep(min(1.0, self._after_s / 4))
        finally:
            self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(min(1.0, self._after_s / 4)):
            silent_s = time.monotonic() - self._beat
            if silent_s > self._after_s:
                leave(f"the event loop has not come round for {silent_s:.0f} s")


class Standstill:
    """Since when each partition that has unread records has not moved.

    A lane that waits for an absent Kafka or Redis, that is at its checkpoint, that a person has to look at, or a
    partition that was paused by its dead letters is not stuck: it says so elsewhere. Each partition is judged for
    itself, or a dead one would hide behind a busy one of its lane; one that has a batch waiting in the lane, or whose
    lane is being opened, by whether the lane saves.
    """

    def __init__(self, after_s: float, now_s: Callable[[], float] = time.monotonic) -> None:
        self._after_s = after_s
        self._now_s = now_s
        self._since: dict[TP, tuple[tuple[str, int], float]] = {}

    def look(self, lane: Lane, ends: Mapping[str, int]) -> str | None:
        """Return the sentence about a partition that has stood still for too long, or None. `ends`: by topic."""
        now_s = self._now_s()
        excused = lane.waiting_for is not None or lane.stopped is not None or lane.at_checkpoint
        for topic, tp in lane.partitions.items():
            behind = max(0, ends.get(topic, 0) - lane.read_to(topic))
            if excused or not behind or lane.pipeline.paused(topic) or lane.coming(tp, self._after_s):
                self._since.pop(tp, None)
                continue
            by_lane = lane.opening or lane.waiting.get(tp, 0) > 0
            made = lane.pipeline.counts
            mark = ("saves", made.saves + made.followed) if by_lane else ("offset", lane.read_to(topic))
            before, since = self._since.setdefault(tp, (mark, now_s))
            if before != mark:
                self._since[tp] = mark, now_s
            elif now_s - since > self._after_s:
                return f"{topic}[{lane.number}] has {behind} unread records and has not moved for {now_s - since:.0f} s"
        return None

    def forget(self) -> None:
        """Begin anew: Kafka did not answer."""
        self._since.clear()


async def notice_another_cluster(lanes: LaneSet, log: Log) -> None:
    """Have lanes opened again whose states belong to another cluster than the one that answers now. Raises Unavailable.

    A broker that was replaced under a running worker looks to its clients like one that was away. The opening stops
    the lanes and names both clusters.
    """
    cluster_id = await log.cluster_id()
    for lane in list(lanes.lanes.values()):
        if lane.pipeline.is_open and not lane.opening and lane.pipeline.header.cluster_id != cluster_id:
            lane.open_again()


async def watch_lanes(lanes: LaneSet, log: Log, after_s: float) -> None:
    """Leave the process when a partition stands still for `after_s` although Kafka answers and has records for it."""
    standstill = Standstill(after_s)
    while True:
        await asyncio.sleep(min(_PROBE_S, after_s / 4))
        try:
            await notice_another_cluster(lanes, log)
            for number, lane in list(lanes.lanes.items()):
                bounds = await log.bounds(number, list(lane.partitions))
                if sentence := standstill.look(lane, {topic: end for topic, (_, end) in bounds.items()}):
                    leave(sentence)
        except (Unavailable, LaneStopped):
            standstill.forget()
