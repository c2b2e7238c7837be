"""One child process: its log file, its last lines, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from cem.embedded.lifeline import bound_command

__all__ = ["Child"]


class Child:
    """A process bound to this one, writing to a log file of its own."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def start(
        cls,
        name: str,
        arguments: Sequence[str],
        *,
        log: Path,
        environ: Mapping[str, str] | None = None,
        read_stdout: bool = False,
        append: bool = False,
    ) -> Child:
        """Start `arguments` (program first, with its path) in a session of its own, so that Ctrl-C reaches only us.

        Both outputs go to `log`, replacing the last run's (kept as `<log>.1`) unless `append`. With `read_stdout`
        standard output is read by `line` instead. Raises OSError when the program cannot be started.
        """
        descriptor = _open_log(log, append=append)
        try:
            process = await asyncio.create_subprocess_exec(
                *bound_command(arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if read_stdout else descriptor,
                stderr=descriptor,
                env=None if environ is None else dict(environ),
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code (negative: the signal that ended it), None while it runs."""
        return self._process.returncode

    async def line(self) -> str | None:
        """Return the next line of standard output, None at its end. Needs `read_stdout`."""
        assert self._process.stdout is not None
        raw = await self._process.stdout.readline()
        return raw.decode(errors="replace").rstrip("\n") if raw else None

    async def wait(self) -> int:
        """Return the exit code once the process has ended."""
        return await self._process.wait()

    async def stop(self, timeout_s: float) -> int:
        """Return the exit code after asking the process to end, and forcing it after `timeout_s`."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._process.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            return await self._process.wait()

    def last_lines(self, count: int) -> list[str]:
        """Return the log's last lines, at most `count`."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - 64 * 1024))
                return file.read().decode(errors="replace").splitlines()[-count:]
        except FileNotFoundError:
            return []

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)


def _open_log(log: Path, *, append: bool) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    if not append:
        with contextlib.suppress(FileNotFoundError):
            log.replace(log.with_name(f"{log.name}.1"))
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
