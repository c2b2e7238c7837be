"""What `cem up` shows: lines that stay, and one status line that is rewritten on a terminal."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Final, TextIO

__all__ = ["Screen"]

#: In a file or a pipe every status is a line of its own, so there are fewer of them.
_STATUS_EVERY_S: Final = 10.0
_CLEAR: Final = "\r\x1b[2K"


class Screen:
    """Writes to a terminal, or to a file that somebody reads later."""

    def __init__(self, stream: TextIO, now_s: Callable[[], float]) -> None:
        """Take the stream to write to and a monotonic clock in seconds."""
        self._stream = stream
        self._now_s = now_s
        self._live = stream.isatty()
        self._status = ""
        self._written_at_s: float | None = None

    def line(self, text: str = "") -> None:
        """Print a line that stays."""
        if self._live and self._status:
            self._stream.write(f"{_CLEAR}{text}\n{self._fitted()}")
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def status(self, text: str) -> None:
        """Show where things stand: in place on a terminal, else now and then as a line."""
        if self._live:
            self._status = text
            self._stream.write(_CLEAR + self._fitted())
        else:
            now_s = self._now_s()
            if self._written_at_s is not None and now_s - self._written_at_s < _STATUS_EVERY_S:
                return
            self._written_at_s = now_s
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def clear_status(self) -> None:
        """Take the status line away for good."""
        if self._live and self._status:
            self._stream.write(_CLEAR)
            self._stream.flush()
        self._status = ""

    def _fitted(self) -> str:
        # A status that wrapped could not be taken away again.
        return self._status[: max(1, shutil.get_terminal_size().columns - 1)]
