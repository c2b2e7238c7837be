"""`run.json`: what a running `cem up` tells the other commands, in its state directory, readable by its owner only.

Its keys that are settings have the settings' names (`kafka_bootstrap` is `CEM_KAFKA_BOOTSTRAP`). Whether the
`cem up` that wrote it still runs is told by a lock beside it, which the system drops with the process.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any, Final

import msgspec

from cem.cli.errors import FAILED, Failure
from cem.whole_file import write_whole

__all__ = ["RUN_FILE", "StateDirLock", "is_running", "read_run_file", "remove_run_file", "write_run_file"]

RUN_FILE: Final = "run.json"
_LOCK_FILE: Final = "up.lock"


class StateDirLock:
    """Holds a state directory for one `cem up`. Raises Failure when another one has it."""

    def __init__(self, state_dir: Path) -> None:
        self._descriptor = os.open(state_dir / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            pid = (read_run_file(state_dir) or {}).get("pid")
            who = f" (pid {pid})" if pid else ""
            raise Failure(
                f"a cem up is already running in {state_dir}{who}: stop it first, or give this one "
                "another --state-dir and --port",
                FAILED,
            ) from None

    def release(self) -> None:
        """Let the next `cem up` have the directory."""
        os.close(self._descriptor)


def is_running(state_dir: Path) -> bool:
    """Tell whether a `cem up` holds `state_dir` now."""
    try:
        descriptor = os.open(state_dir / _LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def write_run_file(state_dir: Path, content: dict[str, Any]) -> None:
    """Replace run.json in one step, mode 0600."""
    write_whole(state_dir / RUN_FILE, msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def read_run_file(state_dir: Path) -> dict[str, Any] | None:
    """Return run.json's content; None when there is none. Raises Failure when it cannot be read."""
    path = state_dir / RUN_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise Failure(f"{path} cannot be read ({error}); remove it, or start cem up again", FAILED) from None


def remove_run_file(state_dir: Path) -> None:
    """Remove run.json if it is there."""
    (state_dir / RUN_FILE).unlink(missing_ok=True)
