"""The file of what nobody in the system is told: JSON lines, one fact a line, never on a stream.

Every line has `truth` (what kind of fact) and `at` (RFC 3339). Lines of abusive and odd spells also have `line`,
`start`, `end` (Unix seconds), `kind` and `label`: the file serves as the labels of `cem evaluate usage` as it is.
After a kill the facts since the last snapshot of the world stand in it twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import msgspec

from cem.simulator.lines import rfc3339
from cem.simulator.world import World

__all__ = ["TruthFile"]

_write = msgspec.json.Encoder().encode


class TruthFile:
    """Takes the world's truths and appends them to a file."""

    def __init__(self, path: Path, world: World, *, append: bool) -> None:
        """Open `path` for what `world` will have to tell from now on. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("ab" if append else "wb")
        self._world = world
        if world.truths is None:
            world.truths = []

    def take(self) -> None:
        """Append what the world has to tell since the last time."""
        rows = self._world.take_truths()
        if rows:
            self._file.writelines(map(_line, rows))
            # Somebody may be watching.
            self._file.flush()

    def close(self) -> None:
        """Take the rest and close the file."""
        self.take()
        self._file.close()


def _line(row: dict[str, Any]) -> bytes:
    told = {"truth": row["truth"], "at": rfc3339(row["at_ms"])}
    told |= {
        name: value for name, value in row.items() if name not in ("truth", "at_ms") and value is not None
    }
    return _write(told) + b"\n"
