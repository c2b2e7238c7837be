"""Child processes that cannot outlive their parent, whatever ends it.

`python -m cem.embedded.lifeline PARENT_PID PROGRAM ARGUMENT...` asks the kernel to kill this process with its
parent (Linux; `PR_SET_PDEATHSIG` survives the exec) and becomes PROGRAM. Other systems
have nothing of the kind: there a killed parent leaves its children to the user.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

__all__ = ["bound_command", "die_with_parent"]

_PR_SET_PDEATHSIG: Final = 1


def bound_command(arguments: Sequence[str]) -> list[str]:
    """Return the command line that runs `arguments` (program first, with its path) bound to this process."""
    return [sys.executable, "-m", "cem.embedded.lifeline", str(os.getpid()), *arguments]


def die_with_parent(parent_pid: int) -> None:
    """Arrange that the kernel kills this process when the process `parent_pid` ends; at once if it has ended."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        # It ended between the fork and the call above: nobody would tell us any more.
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606
