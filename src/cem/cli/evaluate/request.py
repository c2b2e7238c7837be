"""What the user asked of `cem evaluate`, for whichever model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from cem.cli.evaluate.rejected import Rejected
from cem.importing.arrangement import Order

__all__ = ["Answer", "Request"]

#: What is printed with --json.
Answer = dict[str, Any]


class Request(msgspec.Struct, frozen=True):
    """The options, parsed. An option that a model has no use for is refused before."""

    model: str
    file: Path
    map_file: Path
    order: Order
    limit: int | None
    holdout: float | None
    #: Files, or snapshots, with their maps (None for a snapshot).
    warm: tuple[tuple[Path, Path | None], ...]
    recipe: str | None
    labels: Path | None
    assignments: Path | None
    foreign: Path | None
    #: Told what is being done, rows done, and of how many (None: not known).
    on_rows: Callable[[str, int, int | None], None]
    #: Told which rows of the file could not be used.
    on_rejected: Callable[[Rejected], None]
    #: Nanoseconds of this thread's CPU.
    clock_ns: Callable[[], int]
