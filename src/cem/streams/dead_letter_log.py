"""Reading the topic of dead letters, newest last within a partition."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from cem.ports import Log
from cem.streams.dead_letters import DeadLetter, read_dead_letter
from cem.streams.topics import DEAD_LETTERS

__all__ = ["find_dead_letter", "read_dead_letters"]

#: Records read in one go: a dead letter may have ten megabytes, but few have.
_PIECE: Final = 500


async def read_dead_letters(log: Log, partitions: int) -> AsyncIterator[DeadLetter]:
    """Yield what the topic holds at the time of the call, partition by partition. Raises Unavailable."""
    for partition in range(partitions):
        first, end = (await log.bounds(partition, [DEAD_LETTERS]))[DEAD_LETTERS]
        for start in range(first, end, _PIECE):
            for record in await log.read(DEAD_LETTERS, partition, start, min(start + _PIECE, end)):
                yield read_dead_letter(record)


async def find_dead_letter(log: Log, partition: int, offset: int) -> DeadLetter | None:
    """Return the dead letter at that place, None if there is none (any more). Raises Unavailable."""
    first, end = (await log.bounds(partition, [DEAD_LETTERS]))[DEAD_LETTERS]
    if not first <= offset < end:
        return None
    records = await log.read(DEAD_LETTERS, partition, offset, offset + 1)
    return read_dead_letter(records[0]) if records else None
