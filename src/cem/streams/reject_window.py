"""How many dead letters a partition may have before somebody has to look: the rule and its counter. Pure.

The rule: a partition is paused by a reject that is the `run`-th in a row, or that brings the rejects among its last
`WINDOW` records to `share` x `WINDOW`. "Last" is counted in blocks of a thousand records: the nine before and the
newest one, so between 9,001 and 10,000 records back, and less while the partition is younger.

The counter is three integers of at most 63 bits, so that it fits the lane's header (`LaneHeader.rejects`):

0. rejects in a row, up to now;
1. bits 0-49: rejects of the newest five blocks, ten bits each, the newest lowest; bits 50-59: how many records
   the newest has (0-1,000); bits 60 and 61: the run, or the share, has been reached;
2. bits 0-49: rejects of the five blocks before.

A limit that was reached stays reached, however many good records the same batch has after it, until somebody
resumes the partition: then it starts from (0, 0, 0), which is a partition without a past.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["BLOCK", "NONE_YET", "WINDOW", "DeadLetterLimits", "RejectWindow"]

WINDOW: Final = 10_000
BLOCK: Final = 1_000
_BLOCKS: Final = WINDOW // BLOCK
_BITS: Final = 10
_COUNT: Final = (1 << _BITS) - 1
_HALF_BITS: Final = _BITS * _BLOCKS // 2
_HALF: Final = (1 << _HALF_BITS) - 1
_ALL: Final = (1 << _BITS * _BLOCKS) - 1
_FILLED_BITS: Final = 10
_RUN_REACHED: Final = 1
_SHARE_REACHED: Final = 2

NONE_YET: Final = (0, 0, 0)


class DeadLetterLimits:
    """The rule with its two numbers; `cem.pipeline.RejectLimits` for the product."""

    def __init__(self, share: float = 0.01, run: int = 100) -> None:
        """Pause at `share` of the window (0 < share <= 1, at least one reject), or at `run` in a row (>= 1)."""
        self.share = share
        self.run = run
        #: Rejects in the window that pause.
        self.in_window = max(1, round(share * WINDOW))

    def count(
        self, before: tuple[int, int, int], items: int, rejected: Sequence[int]
    ) -> tuple[int, int, int]:
        """Return the counter after `items` further records, of which those at the ascending `rejected` were."""
        window = RejectWindow(before)
        at = 0
        for index in rejected:
            window.good(index - at)
            window.bad()
            at = index + 1
            if window.run >= self.run:
                window.reached |= _RUN_REACHED
            if window.rejects >= self.in_window:
                window.reached |= _SHARE_REACHED
        window.good(items - at)
        return window.counts

    def tripped(self, counts: tuple[int, int, int]) -> str | None:
        """Return the sentence that says which limit was reached, None if none was."""
        window = RejectWindow(counts)
        if window.reached & _RUN_REACHED:
            return f"{self.run} records in a row could not be used (CEM_DEAD_LETTER_RUN)"
        if window.reached & _SHARE_REACHED:
            return (
                f"{self.in_window:,} of the last {WINDOW:,} records could not be used (CEM_DEAD_LETTER_SHARE)"
            )
        return None


class RejectWindow:
    """The counter of one partition. Built from the three integers of the header and turned back into them."""

    __slots__ = ("_blocks", "_filled", "reached", "run")

    def __init__(self, counts: tuple[int, int, int] = NONE_YET) -> None:
        self.run, low, high = counts
        self._filled = (low >> _HALF_BITS) & ((1 << _FILLED_BITS) - 1)
        #: Which limits have been reached.
        self.reached = low >> _HALF_BITS + _FILLED_BITS
        self._blocks = (high << _HALF_BITS) | (low & _HALF)

    @property
    def counts(self) -> tuple[int, int, int]:
        """The three integers."""
        upper = self.reached << _FILLED_BITS | self._filled
        return self.run, upper << _HALF_BITS | self._blocks & _HALF, self._blocks >> _HALF_BITS

    @property
    def rejects(self) -> int:
        """The rejects among the last 9,001 to 10,000 records."""
        return sum(self._blocks >> shift & _COUNT for shift in range(0, _BITS * _BLOCKS, _BITS))

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

    def _extend(self, records: int) -> None:
        """Make room for records: a block is begun when the newest is full."""
        self._filled += records
        if self._filled > BLOCK:
            begun = (self._filled - 1) // BLOCK
            self._filled -= begun * BLOCK
            self._blocks = (self._blocks << _BITS * min(begun, _BLOCKS)) & _ALL
