"""A process that makes lanes again beside its worker: reads their numbers, follows their journals, says how it went.

    python -m cem.bootstrap.rebuild_lanes

On standard input: the settings as JSON, then a lane's number a line. On standard output, for each lane: `moved` at most
once a second while it goes on, then `done SAVES RECORDS` or `failed WHY`. It is an owner of the lane like any other: what
it saves counts if nobody else has saved the lane, and whoever opens the lane after it finds the journal followed. It
ends when its standard input does, in the midst of a lane too: its worker is gone, or the lane has another owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

from cem.bootstrap.checkpoints import CheckpointFiles
from cem.bootstrap.parts import Parts, open_parts
from cem.bootstrap.rules import read_rules
from cem.bootstrap.rules_archive import RulesArchive
from cem.bootstrap.worker import lane_pipeline, make_stepper, owner_name
from cem.pipeline import LanePipeline
from cem.ports import Fenced, LaneStopped, Unavailable
from cem.settings import Settings
from cem.step import CemStepper

__all__ = ["main"]

#: A server that is away for longer is the worker's business, which waits for it.
_TRIES = 5


async def main() -> None:
    """Make the lanes again that standard input names, until it ends."""
    lines = await _standard_input()
    settings = Settings.model_validate_json(await lines.readline())
    rules = read_rules(settings)
    async with open_parts(settings) as parts:
        archive = RulesArchive(settings.checkpoints.parent / "rules", parts.store)
        stepper = make_stepper(rules, settings.partitions, archive)
        async for lane in _lanes(lines):
            try:
                await archive.keep(rules)
                _say(await _make_again(lane, parts, stepper))
            except (Fenced, LaneStopped, Unavailable) as error:
                # Whoever opens the lane meets the same, and says it where people look.
                _say(f"failed {' '.join(str(error).split())}")


async def _make_again(lane: int, parts: Parts, stepper: CemStepper) -> str:
    """Return what is to be said of the lane, brought to the end of its journal."""
    settings = parts.settings
    beating = asyncio.create_task(_beat(None))
    try:
        await CheckpointFiles(parts.store, settings).restore(lane)
    finally:
        beating.cancel()
    pipeline = lane_pipeline(
        lane,
        settings,
        stepper,
        store=parts.store,
        publisher=parts.publisher,
        log=parts.log,
        owner=owner_name(settings),
        pause=_pause,
    )
    beating = asyncio.create_task(_beat(pipeline))
    try:
        await pipeline.open()
    finally:
        beating.cancel()
    pipeline.close()
    return f"done {pipeline.counts.followed} {pipeline.counts.records}"


async def _beat(pipeline: LanePipeline[Any, Any] | None) -> None:
    """Say that it goes on: of a pipeline, when it has followed any further."""
    before = -1
    while True:
        after = before + 1 if pipeline is None else pipeline.counts.followed
        if after != before:
            _say("moved")
        before = after
        await asyncio.sleep(1.0)


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader


async def _lanes(lines: asyncio.StreamReader) -> AsyncIterator[int]:
    """Yield the lanes asked for; the process ends with the input, whatever is being done."""
    asked: asyncio.Queue[int] = asyncio.Queue()

    async def listen() -> None:
        while line := await lines.readline():
            asked.put_nowait(int(line))
        os._exit(0)

    listening = asyncio.create_task(listen())
    try:
        while True:
            yield await asked.get()
    finally:
        listening.cancel()


def _say(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(line, flush=True)


async def _pause(attempt: int, reason: Unavailable) -> None:
    if attempt >= _TRIES:
        raise reason
    await asyncio.sleep(0.1 * 2**attempt)


if __name__ == "__main__":
    asyncio.run(main())
