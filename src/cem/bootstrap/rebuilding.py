"""Lanes made again in processes beside the worker, so that an emptied store is filled by all cores, not by one.

Following a journal is nearly all Python, of which a process does one thing at a time. Each process takes lane after lane
(`cem.bootstrap.rebuild_lanes`) while the worker waits; then the worker opens the lane, finds its journal followed, and
goes on. A process that fails, or stands still, costs nothing but time: the worker follows what is left by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from cem.settings import Settings

__all__ = ["CHILD", "Rebuilders", "processes_for"]

_log = logging.getLogger(__name__)

#: What a process is started with.
CHILD: Final = (sys.executable, "-m", "cem.bootstrap.rebuild_lanes")
#: Saves left to follow that are worth a process of their own, which takes a second to start.
_WORTH_IT: Final = 200


def processes_for(settings: Settings) -> int:
    """Return in how many processes beside it a worker makes lanes again; below 2 it does so by itself."""
    return settings.rebuild_processes or len(os.sched_getaffinity(0))


class Rebuilders:
    """The processes of one worker: started when the first lane needs one, ended when no lane does."""

    def __init__(
        self,
        settings: Settings,
        left: Callable[[int], Awaitable[int]],
        *,
        command: Sequence[str] = CHILD,
    ) -> None:
        """Take how many saves a lane has left to follow (raises Unavailable), and how a process is started."""
        self._settings = settings
        self._left = left
        self._command = tuple(command)
        self._worth_it = 1 if settings.rebuild_processes else _WORTH_IT
        self._free = asyncio.Semaphore(processes_for(settings))
        self._idle: list[asyncio.subprocess.Process] = []
        self._wanted = 0

    async def rebuild(self, lane: int) -> None:
        """Return when the lane's journal is followed, or that did not come about. Raises Unavailable."""
        if await self._left(lane) < self._worth_it:
            return
        self._wanted += 1
        try:
            async with self._free:
                await self._rebuild(lane)
        finally:
            self._wanted -= 1
            if not self._wanted:
                await self.close()

    async def close(self) -> None:
        """End the processes that have nothing to do."""
        idle, self._idle = self._idle, []
        for child in idle:
            await _end(child)

    async def _rebuild(self, lane: int) -> None:
        child = self._idle.pop() if self._idle else None
        try:
            if child is None:
                child = await self._start()
            said = await self._ask(child, lane)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            _log.warning("lane %d is not made again beside the worker: %s", lane, error or "no answer")
            if child is not None:
                await _end(child)
        except BaseException:
            # The lane is another worker's by now, or everything ends.
            if child is not None:
                child.kill()
                await _end(child)
            raise
        else:
            self._idle.append(child)
            what, _, rest = said.partition(" ")
            if what == "done":
                saves, records = rest.split()
                _log.info("lane %d: followed %s saves (%s records) beside the worker", lane, saves, records)
            else:
                _log.warning("lane %d is not made again beside the worker: %s", lane, rest)

    async def _start(self) -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert child.stdin is not None
        # Not by the environment: options of the command line count as well.
        child.stdin.write(self._settings.model_dump_json().encode() + b"\n")
        return child

    async def _ask(self, child: asyncio.subprocess.Process, lane: int) -> str:
        """Return what the process says of the lane. Raises TimeoutError when it stands still."""
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"%d\n" % lane)
        await child.stdin.drain()
        while True:
            async with asyncio.timeout(self._settings.stuck_after_s):
                line = (await child.stdout.readuntil()).decode().strip()
            if line != "moved":
                return line


async def _end(child: asyncio.subprocess.Process) -> None:
    """End the process: nothing of what it does needs an orderly end."""
    with contextlib.suppress(ProcessLookupError):
        child.kill()
    await child.wait()
