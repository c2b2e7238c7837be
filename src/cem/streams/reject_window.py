"""How many dead letters a partition may have before somebody has to look: the rule and its counter. Pure.

The rule: a partition is paused by a reject that is the `run`-th in a row, or that brings the rejects among its last
`WINDOW` records to `share` x `WINDOW`. "Last" is counted in blocks of a thousand records: the nine before and the
newest one, so between 9,001 and 10,000 records back, and less while the partition is younger.

The counter is three integers of at most 63 bits, so that it fits the lane's header (`LaneHeader.rejects`):

0. rejects in a row, up to now;
1. bits 0-49: rejects of the newest five blocks, ten bits each, the newest lowest; bits 50-59: how many records
   the newest has (0-1,000);
2. bits 0-49: rejects of the five blocks before.

(0, 0, 0) is a partition without a past; it is also what an operator's resumption starts from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

__all__ = ["BLOCK", "NONE_YET", "WINDOW", "Limits", "RejectWindow"]

WINDOW: Final = 10_000
BLOCK: Final = 1_000
_BLOCKS: Final = WINDOW // BLOCK
_BITS: Final = 10
_COUNT: Final = (1 << _BITS) - 1
_HALF_BITS: Final = _BITS * _BLOCKS // 2
_HALF: Final = (1 << _HALF_BITS) - 1
_ALL: Final = (1 << _BITS * _BLOCKS) - 1

NONE_YET: Final = (0, 0, 0)


class Limits(msgspec.Struct, frozen=True):
    """What a partition may have: `share` of the window (0 < share <= 1), `run` in a row (>= 1)."""

    share: float = 0.01
    run: int = 100

    @property
    def in_window(self) -> int:
        """The number of rejects in the window that pauses; at least one."""
        return max(1, round(self.share * WINDOW))


class RejectWindow:
    """The counter of one partition. Built from the three integers of the header and turned back into them."""

    __slots__ = ("_blocks", "_filled", "run")

    def __init__(self, counts: tuple[int, int, int] = NONE_YET) -> None:
        self.run, low, high = counts
        self._filled = low >> _HALF_BITS
        self._blocks = (high << _HALF_BITS) | (low & _HALF)

    @property
    def counts(self) -> tuple[int, int, int]:
        """The three integers."""
        low = self._filled << _HALF_BITS | self._blocks & _HALF
        return self.run, low, self._blocks >> _HALF_BITS

    @property
    def rejects(self) -> int:
        """The rejects among the last 9,001 to 10,000 records."""
        return sum(self._blocks >> shift & _COUNT for shift in range(0, _BITS * _BLOCKS, _BITS))

    def batch(self, records: int, rejected: Sequence[int], limits: Limits) -> int | None:
        """Count a batch of `records`, of which those at the ascending indexes `rejected` were rejected.

        Returns the index of the first that trips the limits, None if none does. The whole batch is counted anyhow.
        """
        tripped: int | None = None
        at = 0
        for index in rejected:
            self.good(index - at)
            self.bad()
            at = index + 1
            if tripped is None and self.exceeds(limits):
                tripped = index
        self.good(records - at)
        return tripped

    def good(self, records: int) -> None:
        """Count records that could be used."""
        if records > 0:
            self.run = 0
            self._extend(records)

    def bad(self) -> None:
        """Count one reject."""
        self.run += 1
        self._extend(1)
        self._blocks += 1

    def exceeds(self, limits: Limits) -> bool:
        """Tell whether the rule pauses the partition, the last record having been rejected."""
        return self.run >= limits.run or self.rejects >= limits.in_window

    def _extend(self, records: int) -> None:
        """Make room for records: a block is begun when the newest is full."""
        self._filled += records
        if self._filled > BLOCK:
            begun = (self._filled - 1) // BLOCK
            self._filled -= begun * BLOCK
            self._blocks = (self._blocks << _BITS * min(begun, _BLOCKS)) & _ALL
