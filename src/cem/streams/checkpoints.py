"""When lanes are written to checkpoint files, and when one is taken back: what bounds a rebuild of the states."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cem.ports import Unavailable

__all__ = ["CheckpointFiles", "CheckpointKeeper"]

logger = logging.getLogger(__name__)


class CheckpointFiles(Protocol):
    """Writing and reading the files: `cem.stores.checkpoint` with a store and a folder given."""

    async def write(self, lane: int) -> Path | None:
        """Write the lane's checkpoint; None if there is nothing to keep."""

    async def restore(self, lane: int) -> list[str] | None:
        """Restore the lane from its newest whole checkpoint; None if there is none, else what was passed over."""


class CheckpointKeeper:
    """Decides for the lanes of one worker. One lane is written at a time: a checkpoint reads all its states."""

    def __init__(
        self, files: CheckpointFiles, *, every_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """every_s: seconds between a lane's checkpoints; 0 writes none."""
        self._files = files
        self._every_s = every_s
        self._now_s = now_s
        self._next_s: dict[int, float] = {}
        self._turn = asyncio.Lock()

    def due(self, lane: int) -> bool:
        """Tell whether the lane should be written now. A lane's first one comes an interval after it was taken over."""
        if self._every_s == 0 or self._turn.locked():
            # A lane that waits for its turn would stand still meanwhile.
            return False
        return self._now_s() >= self._next_s.setdefault(lane, self._now_s() + self._every_s)

    async def write(self, lane: int) -> None:
        """Write the lane's checkpoint. A disk or a store that refuses is logged, and asked again after the next interval."""
        self._next_s[lane] = self._now_s() + self._every_s
        async with self._turn:
            began = self._now_s()
            try:
                path = await self._files.write(lane)
            except (OSError, Unavailable) as error:
                logger.error("lane %d: no checkpoint written: %s", lane, error)
                return
        if path is not None:
            logger.info("lane %d: checkpoint %s in %.1f s", lane, path.name, self._now_s() - began)

    async def restore(self, lane: int) -> bool:
        """Restore an empty lane from its newest checkpoint; return False if there is none."""
        passed = await self._files.restore(lane)
        if passed is None:
            return False
        for sentence in passed:
            logger.warning("lane %d: passed over a checkpoint: %s", lane, sentence)
        logger.info("lane %d: restored from its checkpoint; the journal brings the rest", lane)
        return True
