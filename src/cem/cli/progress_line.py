"""One line of progress on standard error: rewritten in place on a terminal, every ten seconds in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final

import click

__all__ = ["ProgressLine"]

_TERMINAL_S: Final = 0.2
_LOG_S: Final = 10.0


class ProgressLine:
    """Shows how far something is, how fast it goes, and what went wrong so far."""

    def __init__(self, unit: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Count in `unit` ("rows")."""
        self._unit = unit
        self._clock = clock
        self._terminal = sys.stderr.isatty()
        self._began = self._shown = clock()
        self._first: int | None = None
        self._open = False

    def show(self, done: int, share: float | None, rest: str = "") -> None:
        """Show `done` units and the share of the whole (0 to 1), not more often than can be read."""
        now = self._clock()
        if self._first is None:
            # What an earlier run has done says nothing of how fast this one is.
            self._first, self._began = done, now
        if now - self._shown < (_TERMINAL_S if self._terminal else _LOG_S):
            return
        self._shown = now
        rate = (done - self._first) / max(now - self._began, 1e-3)
        percent = "" if share is None else f"{100 * share:5.1f} %  "
        line = f"{percent}{done:,} {self._unit}  {rate:,.0f} {self._unit}/s{rest}"
        if self._terminal:
            click.echo(f"\r\x1b[2K{line}", err=True, nl=False)
            self._open = True
        else:
            click.echo(line, err=True)

    def note(self, message: str) -> None:
        """Print a remark on a line of its own."""
        self.end()
        click.echo(message, err=True)

    def end(self) -> None:
        """Leave the line."""
        if self._open:
            click.echo("\r\x1b[2K", err=True, nl=False)
            self._open = False
