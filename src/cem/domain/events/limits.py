"""What a record may be at most: bytes, depth, times. Fixed numbers, because a replay must refuse what was refused."""

from __future__ import annotations

import re
from datetime import date

__all__ = [
    "EARLIEST_DAY",
    "EARLIEST_MS",
    "FARTHEST_DAYS",
    "LATEST_RECORDED_MS",
    "MAX_ATTRIBUTE_CHARS",
    "MAX_DEPTH",
    "MAX_VALUE_BYTES",
    "too_deep",
]

#: Larger values are refused unread; the largest of our own events (a proposed policy) stays below.
MAX_VALUE_BYTES = 262_144
#: Our own events need six levels. How deep the parser itself can go depends on the stack above it.
MAX_DEPTH = 32
#: Characters of a CloudEvents id or source.
MAX_ATTRIBUTE_CHARS = 256
#: 1990-01-01: real files reach back so far. 1970 is a broken clock.
EARLIEST_MS = 631_152_000_000
#: 2100-01-01: a simulated clock may run ahead of the wall, but not out of the century.
LATEST_RECORDED_MS = 4_102_444_800_000
#: Days named in the data (a due date, the end of a contract) lie between these two.
EARLIEST_DAY = date(1980, 1, 1)
#: Counted from the event.
FARTHEST_DAYS = 20 * 366

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def too_deep(data: bytes) -> bool:
    """Return whether objects and lists in `data` are nested more than MAX_DEPTH levels deep."""
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return False
    depth = 0
    for byte in _STRINGS.sub(b"", data):
        if byte in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif byte in b"}]":
            depth -= 1
    return False
