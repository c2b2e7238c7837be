"""Brings the errors that the service's processes log to the terminal of `cem up`, in calm doses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

__all__ = ["LogTail", "errors_in"]

#: An error of ours in either log format (CEM_LOG_FORMAT). What the libraries call errors is often a retry.
_ERROR: Final = re.compile(
    r'^\S+ \S+ (ERROR|CRITICAL)\s+cem\.|"level":\s?"(error|critical)".*"logger":\s?"cem\.'
)
#: Lines shown of one look at a log; the rest is counted.
_SHOWN: Final = 3
#: As much of a log is read at one look; a process that writes more than that has other troubles.
_LOOK_BYTES: Final = 256 * 1024
_LINE_CHARS: Final = 400


def errors_in(lines: Iterable[str]) -> list[str]:
    """Return the lines that report an error."""
    return [line for line in lines if _ERROR.search(line)]


class LogTail:
    """Reads what is new in some logs, from where they ended when it began."""

    def __init__(self, logs: Sequence[Path]) -> None:
        self._ends = dict.fromkeys(logs, 0)

    def fresh_errors(self) -> list[str]:
        """Return one line for each new error, few at a time, headed by the process that logged it."""
        told: list[str] = []
        for log in self._ends:
            errors = errors_in(self._fresh(log))
            told += [f"{log.stem}: {line[:_LINE_CHARS]}" for line in errors[:_SHOWN]]
            if len(errors) > _SHOWN:
                told.append(f"{log.stem}: ... and {len(errors) - _SHOWN} more errors in {log}")
        return told

    def _fresh(self, log: Path) -> list[str]:
        try:
            with log.open("rb") as file:
                size = file.seek(0, 2)
                if size < self._ends[log]:
                    self._ends[log] = 0  # begun anew
                file.seek(max(self._ends[log], size - _LOOK_BYTES))
                data = file.read()
        except FileNotFoundError:
            return []
        # An unfinished line is read again when it is whole.
        whole = data.rfind(b"\n") + 1
        self._ends[log] = size - len(data) + whole
        return data[:whole].decode(errors="replace").splitlines()
