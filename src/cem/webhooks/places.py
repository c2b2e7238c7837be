"""Where in the log a time is."""

from __future__ import annotations

from typing import Final

from cem.ports import Log
from cem.streams.topics import ALERTS

__all__ = ["offset_at"]

#: Compaction leaves holes where nothing can be looked at; `cem.alerts` has none but for control records.
_STEPS_PAST_HOLE: Final = 8


async def offset_at(log: Log, partition: int, at_ms: int) -> int:
    """Return the first offset of the partition of `cem.alerts` that the log took in at `at_ms` (wall) or later.

    By halving, as not every broker finds offsets by time. Raises Unavailable, LaneStopped.
    """
    first, end = (await log.bounds(partition, [ALERTS]))[ALERTS]
    low, high = first, end
    look = end - 1  # most often the question is about the end
    while low < high:
        stamp = None
        for offset in range(look, min(look + _STEPS_PAST_HOLE, high)):
            found = await log.peek(partition, {ALERTS: offset})
            if ALERTS in found:
                stamp = found[ALERTS].timestamp
                break
        if stamp is not None and stamp < at_ms:
            low = offset + 1
        else:
            high = look
        look = (low + high) // 2
    return low
