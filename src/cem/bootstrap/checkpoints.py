"""The lanes of a store and the checkpoint files of the settings."""

from __future__ import annotations

from pathlib import Path

from cem.ports import NO_TOKEN
from cem.settings import Settings
from cem.stores import MemoryStore, RedisStore
from cem.stores.checkpoint import find_checkpoint, restore_checkpoint, write_checkpoint
from cem.stores.codec import RESTORING
from cem.streams import clock as clocks

__all__ = ["CheckpointFiles"]


class CheckpointFiles:
    """The lanes of a store and the checkpoint files of the settings."""

    def __init__(self, store: RedisStore | MemoryStore, settings: Settings) -> None:
        self._store = store
        self._folder = settings.checkpoints
        self._partitions = settings.partitions

    async def write(self, lane: int) -> Path | None:
        return await write_checkpoint(
            self._store, self._folder, lane, self._partitions, written_ms=clocks.wall_ms()
        )

    async def restore(self, lane: int) -> list[str] | None:
        token = await self._store.token_of(lane)
        if token != NO_TOKEN and not token.startswith(RESTORING):
            return None
        reader, passed = find_checkpoint(self._folder, lane, self._partitions)
        if reader is None:
            return None
        await restore_checkpoint(self._store, reader)
        return passed
