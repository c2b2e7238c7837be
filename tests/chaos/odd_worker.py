"""A worker with one thing wrong, for faults that no signal can place: `python -m tests.chaos.odd_worker WHAT worker ...`.

freeze:NAME:N    stops itself (SIGSTOP) at the N-th passage of a point of the pipeline, until somebody lets it go on
block:N:SECONDS  keeps its event loop busy for so long, inside its N-th step
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from cem.agents import crash_points
from cem.cli import main
from cem.step import CemStepper

__all__ = ["block", "freeze"]


def freeze(name: str, count: int) -> None:
    """Let the pipelines of this process stop it at the point."""
    left = count

    def at_points(spec: str) -> Callable[[str], None]:
        def passed(point: str) -> None:
            nonlocal left
            if point == name:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGSTOP)

        return passed

    crash_points.crash_points = at_points


def block(count: int, seconds: float) -> None:
    """Let the steps of this process block its event loop."""
    left = count
    step = CemStepper.step

    def blocking(self: CemStepper, *arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            print("blocked", file=sys.stderr, flush=True)
            time.sleep(seconds)
        return step(self, *arguments)

    CemStepper.step = blocking  # type: ignore[method-assign]


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    kind, first, second = what.split(":")
    if kind == "freeze":
        freeze(first, int(second))
    else:
        block(int(first), float(second))
    sys.argv = ["cem", *arguments]
    main()
