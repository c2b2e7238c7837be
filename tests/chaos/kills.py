"""The log of kills: when, whom, whether it was alive, and how it ended."""

from __future__ import annotations

import signal
import subprocess
from datetime import UTC, datetime
from typing import Any

import msgspec

__all__ = ["Kill", "KillLog", "runs", "state_of"]


class Kill(msgspec.Struct, frozen=True):
    """One signal to one process."""

    at: str
    name: str
    pid: int
    signal: str
    #: Whether it ran at that moment, by the kernel's word: a process that had ended, or waits to be reaped, did not.
    alive: bool
    #: Its exit code; None while it has none (it was only frozen, or let go on).
    returncode: int | None


class KillLog:
    """Sends signals and writes down what they met. Prints one line a signal."""

    def __init__(self) -> None:
        self.entries: list[Kill] = []

    def kill(self, process: subprocess.Popen[bytes], name: str, within_s: float = 20.0) -> Kill:
        """End the process at once (SIGKILL) and return the entry, its return code included."""
        return self.send(process, name, signal.SIGKILL, wait_s=within_s)

    def send(
        self, process: subprocess.Popen[bytes], name: str, number: signal.Signals, wait_s: float | None = None
    ) -> Kill:
        """Send a signal; with `wait_s`, wait that long for the end of the process."""
        alive = runs(process.pid) and process.poll() is None
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        if alive:
            process.send_signal(number)
        returncode = process.wait(wait_s) if wait_s is not None else process.poll()
        return self.note(Kill(at, name, process.pid, number.name, alive, returncode))

    def note(self, kill: Kill) -> Kill:
        """Write down a kill that came about otherwise."""
        self.entries.append(kill)
        print(
            f"{kill.at} {kill.signal:<7} {kill.name} pid {kill.pid} "
            f"{'alive' if kill.alive else 'NOT ALIVE'} return code {kill.returncode}",
            flush=True,
        )
        return kill

    def ended_by_itself(self, process: subprocess.Popen[bytes], name: str, within_s: float = 60.0) -> int:
        """Wait for a process that ends itself (a crash point, a watchdog), write it down, return its exit code."""
        returncode = process.wait(within_s)
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.note(Kill(at, name, process.pid, "itself", True, returncode))
        return returncode

    @property
    def sigkills(self) -> int:
        """How many SIGKILLs met a running process and ended it."""
        return sum(
            1
            for kill in self.entries
            if kill.signal == "SIGKILL" and kill.alive and kill.returncode == -signal.SIGKILL
        )

    def as_json(self) -> list[dict[str, Any]]:
        """Return the entries for a report."""
        return [msgspec.to_builtins(kill) for kill in self.entries]


def state_of(pid: int) -> str:
    """Return the kernel's letter for the state of a process (T: frozen, Z: ended and not reaped); "" if there is none."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def runs(pid: int) -> bool:
    """Return whether a process of that id exists and has not ended."""
    return state_of(pid) not in {"", "Z", "X"}
