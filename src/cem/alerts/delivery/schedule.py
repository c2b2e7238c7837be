"""When a message that was refused is tried again, and when an end point that refuses everything is asked again."""

from __future__ import annotations

from typing import Final
from zlib import crc32

__all__ = ["PROBES_S", "RETRIES_S", "after_ms", "probe_ms"]

#: Pauses (s) after the first, second, ... attempt; the last one is repeated. Short at first: alerts perish.
RETRIES_S: Final = (5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200)
#: Pauses (s) between attempts at an end point that has refused several messages in a row.
PROBES_S: Final = (5, 10, 20, 40, 60)
#: Share of a pause that it may be shorter or longer, so that what failed together does not come back together.
_JITTER: Final = 0.2


def after_ms(attempts: int, key: str) -> int:
    """Return the pause after that many attempts (1, 2, ...), in ms; equal arguments give equal pauses."""
    return _spread(RETRIES_S[min(attempts, len(RETRIES_S)) - 1], f"{key}/{attempts}")


def probe_ms(failures: int, key: str) -> int:
    """Return the pause before an end point is asked again that has been for so many probes (0, 1, ...)."""
    return _spread(PROBES_S[min(failures, len(PROBES_S) - 1)], f"{key}?{failures}")


def _spread(pause_s: int, key: str) -> int:
    # Between -1 and 1, from what is at hand: chance has no place in a plan that tests run twice.
    part = crc32(key.encode()) / 2**31 - 1
    return round(pause_s * 1000 * (1 + _JITTER * part))
