"""The child processes of `cem up`: started in order, watched, restarted where that helps, stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from cem.cli.errors import EXIT_CODES, FAILED, UNREACHABLE, USAGE
from cem.embedded.child import Child

__all__ = ["STOP_S", "Family", "backoff_s", "ending"]

#: The service's processes have this long to stop; the servers that they use stop after them.
STOP_S: Final = 7.0
_LAST_LINES: Final = 5
#: A process that ran so long was well: its next failure is its first.
_WELL_AFTER_S: Final = 60.0
_MAX_BACKOFF_S: Final = 30.0
#: Failures in a row after which another start would only be noise.
_GIVE_UP_AFTER: Final = 8
#: Starting again does not mend a wrong setting or a wrong password.
_PERMANENT: Final = (USAGE, UNREACHABLE)


def backoff_s(failures: int) -> float:
    """Return the pause before the next start after so many failures in a row: 1, 2, 4, ... at most 30 s."""
    return min(_MAX_BACKOFF_S, 2.0 ** (failures - 1))


def ending(exit_code: int) -> str:
    """Return in words how a process ended."""
    if exit_code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-exit_code).name}"
        return f"was ended by signal {-exit_code}"
    meaning = EXIT_CODES.get(exit_code, "").partition(":")[0].partition(";")[0]
    return f"ended with code {exit_code}" + (f" ({meaning})" if meaning else "")


class Family:
    """The processes of one `cem up`. `say` prints a line for the user, `restarted` hears that `pids` have changed."""

    def __init__(
        self,
        say: Callable[[str], None],
        logs: Path,
        *,
        restarted: Callable[[], None] = lambda: None,
        sleep_s: Callable[[int], float] = backoff_s,
    ) -> None:
        self._say = say
        self._restarted = restarted
        self._logs = logs
        self._backoff_s = sleep_s
        self._children: dict[str, Child] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        #: Set when the service cannot go on; `failure` says why.
        self.failed = asyncio.Event()
        self.failure = ""
        self.exit_code = FAILED

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of those that run."""
        return {name: child.pid for name, child in self._children.items() if child.exit_code is None}

    def adopt(self, child: Child) -> None:
        """Watch a process that somebody else has started and will stop; its end is the end of all."""
        self._children[child.name] = child
        self._watchers[child.name] = asyncio.create_task(self._watch(child.name))

    async def start(
        self, name: str, arguments: Sequence[str], environ: Mapping[str, str], *, restart: bool = False
    ) -> Child:
        """Start a process of the service. With `restart` it is started again when it dies, else its end is the end.

        A process that ends with code 0 has done its work.
        """
        child = await self._spawn(name, arguments, environ, again=False)
        if restart:
            self._watchers[name] = asyncio.create_task(self._keep(name, arguments, environ))
        else:
            self._watchers[name] = asyncio.create_task(self._watch(name))
        return child

    async def stop(self, names: Sequence[str], timeout_s: float) -> None:
        """Stop these processes side by side; those that do not stop in time are forced, and said so."""
        self._stopping.set()
        await asyncio.gather(*(self._stop(name, timeout_s) for name in names if name in self._children))

    async def close(self) -> None:
        """Stop watching."""
        self._stopping.set()
        for watcher in self._watchers.values():
            watcher.cancel()
        await asyncio.gather(*self._watchers.values(), return_exceptions=True)

    async def _spawn(
        self, name: str, arguments: Sequence[str], environ: Mapping[str, str], *, again: bool
    ) -> Child:
        child = await Child.start(
            name, arguments, log=self._logs / f"{name}.log", environ=environ, append=again
        )
        self._children[name] = child
        return child

    async def _stop(self, name: str, timeout_s: float) -> None:
        child = self._children[name]
        if child.exit_code is None and await child.stop(timeout_s) == -signal.SIGKILL:
            self._say(f"{name} did not stop within {timeout_s:g} s and was forced")

    async def _watch(self, name: str) -> None:
        child = self._children[name]
        code = await child.wait()
        if self._stopping.is_set():
            return
        if code == 0:
            self._say(f"{name} has finished")
            return
        self._report(child)
        self._fail(child, code)

    async def _keep(self, name: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        failures = 0
        clock = asyncio.get_running_loop().time
        while True:
            child, started_s = self._children[name], clock()
            code = await child.wait()
            if self._stopping.is_set():
                return
            failures = 1 if clock() - started_s > _WELL_AFTER_S else failures + 1
            self._report(child)
            if code in _PERMANENT or failures >= _GIVE_UP_AFTER:
                self._fail(child, code)
                return
            pause_s = self._backoff_s(failures)
            self._say(f"{name} starts again in {pause_s:g} s")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()
                return
            await self._spawn(name, arguments, environ, again=True)
            if not self._stopping.is_set():
                try:
                    self._restarted()
                except OSError as error:
                    self._say(f"run.json still names the {name} of before: {error}")

    def _report(self, child: Child) -> None:
        assert child.exit_code is not None
        lines = [line for line in child.last_lines(_LAST_LINES) if line.strip()]
        if lines and lines[-1].startswith("cem: "):
            lines = lines[-1:]  # it has said in a sentence what there is to say
        self._say(f"{child.name} {ending(child.exit_code)}; the end of {child.log}:")
        for line in lines or ["(nothing)"]:
            self._say(f"  | {line}")

    def _fail(self, child: Child, code: int) -> None:
        if self.failed.is_set():
            return  # the first one is the cause
        self.failure = f"{child.name} {ending(code)}: see {child.log}"
        self.exit_code = code if code in _PERMANENT else FAILED
        self.failed.set()
