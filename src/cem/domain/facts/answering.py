"""Whether the customer answered what was said to him, and what that teaches of the channel and the part of the day.

A campaign, a message or a call of ours is answered when he does anything with it but shut it out (opting out and
complaining say "not here"). What could not be delivered counts as not answered: nobody is reached there. Silence counts
once the window of three days after it has closed, seen from the reader's instant; an answer that comes later takes that
back. Replies to what he wrote himself ask for no answer and teach nothing.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Final

from cem.domain.localtime import DAY_MS
from cem.domain.state.outreach import Touch
from cem.domain.state.reach import PARTS, PERIOD_MS, Cell

__all__ = ["ANSWER_WINDOW_MS", "cells_of", "part_at", "verdict"]

#: Silence for so long is no answer.
ANSWER_WINDOW_MS: Final = 3 * DAY_MS

_ASKING: Final = ("campaign", "message", "call")
_SHUT_OUT: Final = ("ignored", "opted_out", "complained")
_SATURDAY: Final = 5


def verdict(touch: Touch, now_ms: int) -> bool | None:
    """Return whether he answered, or None: it asks for no answer, or its window is open still."""
    if touch.kind not in _ASKING or not touch.channel:
        return None
    if touch.response and touch.response_ms <= now_ms:
        return touch.response not in _SHUT_OUT
    if touch.failed:
        return False
    if touch.kind == "call":
        # Whether a call of ours was taken is said at its end, or not at all.
        return None
    return False if now_ms >= touch.at_ms + ANSWER_WINDOW_MS else None


def cells_of(touch: Touch, now_ms: int, tz: tzinfo | None) -> list[Cell]:
    """Return what the touch teaches: of its own channel, and of the one over which he answered, if that is another.

    Without a zone all of it is put into part 0: for who asks for channels only.
    """
    answered = verdict(touch, now_ms)
    if answered is None:
        return []
    part = part_at(touch.at_ms, tz) if tz else 0
    cells = [Cell(touch.at_ms // PERIOD_MS, touch.channel, part, answered)]
    if answered and touch.response_channel:
        at_ms = touch.response_ms
        part = part_at(at_ms, tz) if tz else 0
        cells.append(Cell(at_ms // PERIOD_MS, touch.response_channel, part, True))
    return cells


def part_at(at_ms: int, tz: tzinfo) -> int:
    """Return the part of the local day: index in PARTS, 4 more on Saturdays and Sundays.

    The small hours belong to the night of their own date.
    """
    local = datetime.fromtimestamp(at_ms / 1000, tz)
    part = len(PARTS) - 1
    for index, (_, hour) in enumerate(PARTS):
        if local.hour >= hour:
            part = index
    return part + len(PARTS) * (local.weekday() >= _SATURDAY)
