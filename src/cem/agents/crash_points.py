"""Named places at which a worker can be told to die (`CEM_CRASH_AT=saved:3`), so that tests can kill it there."""

from __future__ import annotations

import os
from collections.abc import Callable

from cem.settings import SettingsError

__all__ = ["crash_points"]


def crash_points(spec: str) -> Callable[[str], None]:
    """Return what the pipeline calls at each of its points. `spec` is "NAME:N" or "". Raises SettingsError."""
    if not spec:
        return lambda name: None
    wanted, _, count = spec.partition(":")
    if not count.isdigit() or int(count) < 1:
        raise SettingsError(f"CEM_CRASH_AT: takes NAME:N with N >= 1 (got {spec!r})")
    left = int(count)

    def passed(name: str) -> None:
        nonlocal left
        if name == wanted:
            left -= 1
            if left == 0:
                os._exit(137)

    return passed
