"""Child processes that do not outlive their parent, and that a test can stop, freeze and kill."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Child", "ServerFailed", "Started", "die_with_parent", "free_port", "wait_until"]

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_drawn: set[int] = set()


class ServerFailed(RuntimeError):
    """A server did not come up, or ended on its own; the message ends with the tail of its log."""


class Started(ABC):
    """What is started by entering it and closed by leaving it, or when it does not come up."""

    @abstractmethod
    def start(self) -> Self:
        """Return once it answers. Raises ServerFailed."""

    @abstractmethod
    def close(self) -> None:
        """End it, whatever state it is in."""

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent's starting thread ends. For `preexec_fn`."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """Return a loopback port that nobody listens on.

    It lies below the range that the kernel hands to outgoing connections, so a server that is down for a
    moment finds its port still free when it comes back.
    """
    for _ in range(1000):
        port = random.SystemRandom().randrange(24_000, 32_000)
        if port in _drawn:
            continue
        with socket.socket() as probe:
            # As servers do, so that a port whose last connections are still in TIME_WAIT counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _drawn.add(port)
        return port
    raise ServerFailed("no free port between 24000 and 32000")


def wait_until(condition: Callable[[], bool], *, timeout_s: float, what: str, every_s: float = 0.05) -> None:
    """Return once `condition()` is true; raise ServerFailed naming `what` if it is not so within the time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise ServerFailed(f"{what}: not within {timeout_s:g} s")
        time.sleep(every_s)


class Child:
    """One child process with its output in a file."""

    def __init__(self, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> None:
        """Start `command`; its standard output and error are appended to `log`."""
        self.command = list(command)
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                preexec_fn=die_with_parent,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet (a frozen process is alive)."""
        return self.process.poll() is None

    def wait_ready(self, ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Return once `ready()`; raise ServerFailed with the end of the log when it ends before, or takes too long."""

        def condition() -> bool:
            if not self.alive:
                raise ServerFailed(f"{self.command[0]} ended with {self.process.returncode}:\n{self.tail()}")
            return ready()

        try:
            wait_until(condition, timeout_s=timeout_s, what=f"{self.command[0]} ready")
        except ServerFailed as failure:
            if not self.alive:
                raise
            raise ServerFailed(f"{failure}\n{self.tail()}") from None

    def stop(self, *, timeout_s: float = 20.0) -> int:
        """Ask it to end (SIGTERM) and return its exit code; kill it if it takes longer."""
        if self.alive:
            self.resume()
            self.process.terminate()
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def kill(self) -> None:
        """End it at once (SIGKILL) and wait until it is gone."""
        if self.alive:
            self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): its sockets stay open and say nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        os.kill(self.pid, signal.SIGCONT)

    def tail(self, lines: int = 30) -> str:
        """Return the last lines of its output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
