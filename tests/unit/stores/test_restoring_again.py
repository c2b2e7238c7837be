"""A worker takes up a restoration that another one, or it before its end, has left half-way."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cem.bootstrap import CheckpointFiles
from cem.ports import LaneHeader, Position, Save
from cem.settings import Settings
from cem.stores import MemoryStore
from cem.stores.checkpoint import write_checkpoint
from cem.stores.codec import RESTORING


def test_a_restoration_left_half_way_is_begun_anew(tmp_path: Path) -> None:
    """The lane that says "restoring" counts as empty: the checkpoint comes in whole."""

    async def main() -> None:
        header = LaneHeader("t1", "", "me", 5, 0, "cluster", {"a": Position(3)})
        first = MemoryStore(1)
        await first.save(0, Save("", header, {"c:k": b"state"}, {}, ()))
        await write_checkpoint(first, tmp_path, 0, 1, written_ms=1)
        half = MemoryStore(1)
        begun = LaneHeader(f"{RESTORING}dead:1", "", "restore", 0, 0, "cluster", {})
        await half.apply_unchecked(0, Save("", begun, {"c:other": b"half"}, {}, ()))
        files = CheckpointFiles(half, Settings(partitions=1, checkpoint_dir=tmp_path))
        assert await files.restore(0) == []
        token, values = await half.load(0, ["c:k", "c:other"])
        assert (token, values) == ("t1", [b"state", None])
        assert await files.restore(0) is None

    asyncio.run(main())
