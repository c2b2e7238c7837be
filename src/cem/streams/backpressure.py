"""Keeps a producer from running further ahead of the workers than the log can hold.

The embedded broker keeps at most 5 MB or 100,000 records a partition and then forgets the oldest, read or not. So
whoever writes into it asks how far the lanes have read (the positions in their headers) before each batch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

__all__ = ["AHEAD_BYTES", "AHEAD_RECORDS", "NO_LIMIT", "Admission", "Positions", "ReaderPace"]

#: How far a partition may be ahead of its reader: well within what the embedded broker keeps.
AHEAD_RECORDS = 20_000
AHEAD_BYTES = 2_000_000
#: For a log that holds everything: only `drained` is of interest.
NO_LIMIT = 1 << 62

#: Answers with the next offset to be read by (topic, partition); a partition that nobody has read is left out.
Positions = Callable[[], Awaitable[Mapping[tuple[str, int], int]]]


class Admission(Protocol):
    """Says when a batch may go out: how a producer is kept from running ahead of the reader."""

    async def admit(self, topic: str, partition: int, records: int, size: int) -> None:
        """Return as soon as `records` more records of `size` bytes may be written to the partition."""

    def acknowledged(self, topic: str, partition: int, next_offset: int, records: int, size: int) -> None:
        """Note that an admitted batch ends before `next_offset` (-1: the broker did not say)."""


class _Partition:
    __slots__ = ("in_flight_bytes", "in_flight_records", "next_offset", "unread")

    def __init__(self) -> None:
        self.in_flight_records = 0
        self.in_flight_bytes = 0
        #: Next offset after our last acknowledged batch.
        self.next_offset = 0
        #: (next offset after it, bytes) of acknowledged batches that may be unread, oldest first.
        self.unread: deque[tuple[int, int]] = deque()


class ReaderPace:
    """An `Admission` that holds a batch back while more than the given records or bytes of its partition are unread.

    A partition with nothing unread takes a batch of any size, so that a batch above the limits cannot wait for ever.
    """

    def __init__(
        self,
        positions: Positions,
        *,
        ahead_records: int = AHEAD_RECORDS,
        ahead_bytes: int = AHEAD_BYTES,
        poll_s: float = 0.05,
        on_wait: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """Ask `positions` every `poll_s` while holding; `on_wait` hears for how many seconds it has held so far."""
        self._positions = positions
        self._ahead_records = ahead_records
        self._ahead_bytes = ahead_bytes
        self._poll_s = poll_s
        self._on_wait = on_wait
        self._partitions: dict[tuple[str, int], _Partition] = {}
        self._read: Mapping[tuple[str, int], int] = {}
        self._asking = asyncio.Lock()
        self._answers = 0

    async def admit(self, topic: str, partition: int, records: int, size: int) -> None:
        """Return once the batch fits into what may be unread; it then counts as in flight."""
        at = (topic, partition)
        state = self._partitions.setdefault(at, _Partition())
        asked = 0
        while not self._fits(at, state, records, size):
            if asked:
                self._on_wait(asked * self._poll_s)
                await asyncio.sleep(self._poll_s)
            asked += 1
            await self._ask()
        state.in_flight_records += records
        state.in_flight_bytes += size

    def acknowledged(self, topic: str, partition: int, next_offset: int, records: int, size: int) -> None:
        """Move an admitted batch from in flight to unread."""
        state = self._partitions[(topic, partition)]
        state.in_flight_records -= records
        state.in_flight_bytes -= size
        # The broker does not name the offset of a batch that it had already: it ends after the last, at the least.
        state.next_offset = max(
            state.next_offset, next_offset if next_offset >= 0 else state.next_offset + records
        )
        state.unread.append((state.next_offset, size))

    async def drained(self, patience_s: float) -> bool:
        """Return True when the workers have read everything that was acknowledged.

        Returns False when they have read nothing more for `patience_s`.
        """
        still_s = waited_s = 0.0
        left = -1
        while True:
            await self._ask()
            before, left = left, self.unread()
            if left == 0:
                return True
            still_s = still_s + self._poll_s if left == before else 0.0
            if still_s > patience_s:
                return False
            waited_s += self._poll_s
            self._on_wait(waited_s)
            await asyncio.sleep(self._poll_s)

    def unread(self) -> int:
        """Return how many records the workers had not read when last asked."""
        return sum(
            max(0, state.next_offset - self._read.get(at, 0)) for at, state in self._partitions.items()
        )

    def _fits(self, at: tuple[str, int], state: _Partition, records: int, size: int) -> bool:
        read = self._read.get(at, 0)
        while state.unread and state.unread[0][0] <= read:
            state.unread.popleft()
        unread = max(0, state.next_offset - read) if state.unread else 0
        ahead = unread + state.in_flight_records
        if ahead == 0:
            return True
        ahead_bytes = sum(each for _, each in state.unread) + state.in_flight_bytes
        return ahead + records <= self._ahead_records and ahead_bytes + size <= self._ahead_bytes

    async def _ask(self) -> None:
        """Bring the positions up to date; those who ask at the same time share one answer."""
        seen = self._answers
        async with self._asking:
            if self._answers == seen:
                self._read = await self._positions()
                self._answers += 1
