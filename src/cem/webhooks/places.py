"""Where in the log a time is, and what a wish to have alerts again names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from cem.domain.events import ControlWebhookReplayed
from cem.domain.events.rfc3339 import to_ms
from cem.ports import Log
from cem.streams.topics import ALERTS

__all__ = ["offset_at", "ranges_again"]

#: Compaction leaves holes where nothing can be looked at; `cem.alerts` has none but for control records.
_STEPS_PAST_HOLE: Final = 8
#: Beyond every offset.
_NO_END: Final = 2**62


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


async def ranges_again(
    log: Log, event: ControlWebhookReplayed, partitions: Collection[int]
) -> dict[int, tuple[int, int]]:
    """Return for each of `partitions` that has any of it the offsets (first, stop) that are wanted again.

    Raises Unavailable, LaneStopped.
    """
    if event.place is None:
        return {p: await _range(log, p, event) for p in partitions}
    name, _, offset = event.place.partition("/")
    if not (name.isdigit() and offset.isdigit()) or int(name) not in partitions:
        return {}
    return {int(name): (int(offset), int(offset) + 1)}


async def _range(log: Log, partition: int, event: ControlWebhookReplayed) -> tuple[int, int]:
    first = 0 if event.since is None else await offset_at(log, partition, to_ms(event.since))
    stop = _NO_END if event.until is None else await offset_at(log, partition, to_ms(event.until))
    return first, stop
