"""The rejects file: one JSON object a line, readable by its owner only, for the rows in it are customers' data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import msgspec

from cem.importing.translation import RejectedRow

__all__ = ["RejectsFile"]


class RejectsFile:
    """Appends rejected rows; made only when there is one."""

    def __init__(self, path: Path, *, keep: int = 0) -> None:
        """Write to `path` after its first `keep` bytes; what follows them is dropped, being written again."""
        self.path = path
        self._keep = keep
        self._file: IO[bytes] | None = None
        if keep:
            self._open()

    def write(self, row: RejectedRow) -> None:
        """Append the row."""
        if self._file is None:
            self._open()
        assert self._file is not None
        try:
            line = msgspec.json.encode(row)
        except UnicodeEncodeError:
            # Bytes that are no text of the file's encoding: shown as \\udcXX, so that they can be found again.
            raw = {_shown(name): _shown(text) for name, text in row.raw.items()}
            line = msgspec.json.encode(msgspec.structs.replace(row, raw=raw, detail=_shown(row.detail)))
        self._file.write(line + b"\n")

    def flush(self) -> int:
        """Hand everything to the system and return the file's length."""
        if self._file is None:
            return self._keep
        self._file.flush()
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "r+b")
        self._file.truncate(self._keep)
        self._file.seek(0, os.SEEK_END)


def _shown(text: str) -> str:
    return text.encode("ascii" if not text.isascii() else "utf-8", "backslashreplace").decode()
