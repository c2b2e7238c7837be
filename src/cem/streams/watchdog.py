"""What ends a worker that does not go on: Faust and aiokafka log such things at best.

Three deadlines: the event loop must come round, a lane with unread records must move while Kafka answers, and a
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
from collections.abc import Callable

from cem.ports import Log, Unavailable
from cem.streams.lane import Lane
from cem.streams.lanes import LaneSet

__all__ = ["EXIT_WATCHDOG", "LoopWatchdog", "leave", "leave_after", "watch_lanes"]

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


async def watch_lanes(lanes: LaneSet, log: Log, after_s: float) -> None:
    """Leave the process when a lane stands still for `after_s` although Kafka answers and has records for it.

    A lane that waits for an absent Kafka or Redis, that is at its checkpoint, that a person has to look at, or that
    was paused by its dead letters is not stuck: it says so elsewhere.
    """
    stuck_since: dict[int, tuple[int, float]] = {}
    while True:
        await asyncio.sleep(min(_PROBE_S, after_s / 4))
        for number, lane in list(lanes.lanes.items()):
            try:
                behind = await _behind(lane, log)
            except Unavailable:
                stuck_since.clear()
                break
            saves = lane.pipeline.saves
            excused = lane.waiting_for is not None or lane.stopped is not None or lane.at_checkpoint
            if not behind or excused:
                stuck_since.pop(number, None)
                continue
            before = stuck_since.get(number)
            now = time.monotonic()
            if before is None or before[0] != saves:
                stuck_since[number] = (saves, now)
            elif now - before[1] > after_s:
                leave(
                    f"lane {number} has {behind} unread records and has not moved for {now - before[1]:.0f} s"
                )


async def _behind(lane: Lane, log: Log) -> int:
    """Return how many records the lane could read and has not, by the broker's own word."""
    topics = [t for t in lane.partitions if lane.pipeline.paused(t) is None]
    bounds = await log.bounds(lane.number, topics)
    return sum(max(0, end - lane.read_to(t)) for t, (_, end) in bounds.items())
