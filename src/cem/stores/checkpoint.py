"""Checkpoints: a file per lane, and the one before it. The newest whole one bounds how much a rebuild replays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from cem.ports import Emission, LaneHeader, LaneImage
from cem.stores.checkpoint_file import CheckpointDamaged, CheckpointReader, CheckpointWriter, checkpoint_path
from cem.stores.restoring import Values

__all__ = ["LaneSource", "LaneTarget", "find_checkpoint", "restore_checkpoint", "write_checkpoint"]

_PAGE: Final = 1000
_SCORES: Final = 20_000


class LaneSource(Protocol):
    """A store, as far as writing a checkpoint needs it."""

    async def open_lane(self, lane: int) -> LaneImage: ...
    def scan_values(self, lane: int, prefix: str = "") -> AsyncIterator[tuple[str, bytes]]: ...
    async def sorted_sets(self, lane: int) -> list[str]: ...
    async def sorted_set(self, lane: int, name: str) -> dict[str, int]: ...


class LaneTarget(Protocol):
    """A store, as far as restoring from a checkpoint needs it."""

    async def restore_lane(
        self,
        lane: int,
        header: LaneHeader,
        values: Values,
        sorted_sets: Mapping[str, Mapping[str, int]],
        outbox: Sequence[Emission] = (),
    ) -> None: ...


def find_checkpoint(folder: Path, lane: int, partitions: int) -> tuple[CheckpointReader | None, list[str]]:
    """Return the lane's newest whole checkpoint, if any, and a sentence for each one that had to be passed over."""
    passed: list[str] = []
    for previous in (False, True):
        path = checkpoint_path(folder, lane, previous=previous)
        if not path.exists():
            continue
        try:
            reader = CheckpointReader(path)
        except (CheckpointDamaged, OSError) as error:
            passed.append(str(error))
            continue
        if (reader.lane, reader.partitions) != (lane, partitions):
            passed.append(
                f"{path}: is of lane {reader.lane} of {reader.partitions}, not of {lane} of {partitions}"
            )
            continue
        return reader, passed
    return None, passed


async def write_checkpoint(
    store: LaneSource, folder: Path, lane: int, partitions: int, *, written_ms: int
) -> Path | None:
    """Write the lane's checkpoint and return where; None if there is nothing to keep or the lane was saved meanwhile.

    The caller holds the lane still (no saves) for a checkpoint to come about. Files are written in a thread.
    """
    image = await store.open_lane(lane)
    if image.header is None:
        return None
    writer = await asyncio.to_thread(CheckpointWriter, folder, lane, partitions, image, written_ms=written_ms)
    with writer:
        page: list[tuple[str, bytes]] = []
        async for item in store.scan_values(lane):
            page.append(item)
            if len(page) >= _PAGE:
                await asyncio.to_thread(writer.values, page)
                page = []
        if page:
            await asyncio.to_thread(writer.values, page)
        for name in await store.sorted_sets(lane):
            members = iter((await store.sorted_set(lane, name)).items())
            while some := dict(islice(members, _SCORES)):
                await asyncio.to_thread(writer.scores, name, some)
        if await store.open_lane(lane) != image:
            return None
        return await asyncio.to_thread(writer.commit)


async def restore_checkpoint(store: LaneTarget, reader: CheckpointReader) -> None:
    """Make the empty lane what the checkpoint says. Raises Fenced if the lane is not empty."""
    await store.restore_lane(reader.lane, reader.header, reader.values(), reader.sorted_sets(), reader.outbox)
