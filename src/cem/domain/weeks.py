"""The weeks of a customer: instants of his own, a week apart, at which he is looked at anew.

All customers at once would be a peak; a hash of the id spreads them evenly over the week.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

from cem.domain.localtime import DAY_MS

__all__ = ["WEEK_MS", "instant_of", "week_of"]

WEEK_MS: Final = 7 * DAY_MS


def week_of(customer_id: str, at_ms: int) -> int:
    """Return the number of the week that holds the instant."""
    return (at_ms - _phase_ms(customer_id)) // WEEK_MS


def instant_of(customer_id: str, week: int) -> int:
    """Return when the week begins (ms)."""
    return week * WEEK_MS + _phase_ms(customer_id)


def _phase_ms(customer_id: str) -> int:
    return crc32(customer_id.encode()) % (WEEK_MS // 1000) * 1000
