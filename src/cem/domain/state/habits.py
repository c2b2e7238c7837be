"""What is kept of a line's use of messages, so that a lasting change of it is seen: counts, usual rate, money."""

from __future__ import annotations

import msgspec

__all__ = ["BUCKETS", "MONEY_DAYS", "Habits", "Spending"]

#: Quarters of a day that `Habits.counts` covers: 14 days.
BUCKETS = 56

#: Days that `Spending` covers.
MONEY_DAYS = 7


class Spending(msgspec.Struct, array_like=True, gc=False):
    """Charges to destinations beyond the tariff, by day."""

    #: The newest day (since the epoch, UTC) with such a charge.
    day: int = 0
    #: Messages and minor units of that day, the day before it, ...: trailing zeros left out.
    messages: list[int] = []
    charged_minor: list[int] = []
    #: What has left the seven days, decayed by day, in minor units.
    older_minor: float = 0.0


class Habits(msgspec.Struct, array_like=True, gc=False):
    """A line's messages by quarter of a day, at most 200 bytes packed with its recipients; buckets are numbered from the epoch plus the cohort's quiet hour."""

    #: The bucket of the first message, and the newest one with a message.
    first: int = 0
    newest: int = 0
    #: Messages by bucket, at most 255, the newest last; leading zeros left out.
    counts: bytes = b""
    #: Of the buckets that have left `counts`, decayed: messages, and the days' share that they stand for.
    sent: float = 0.0
    exposure: float = 0.0
    #: The same messages, inside and outside the cohort's quiet hours.
    night: float = 0.0
    day: float = 0.0
    #: Per tier: when the newest episode was told, and when its condition last held (s since the epoch; 0 never).
    noticed_s: int = 0
    notice_held_s: int = 0
    alerted_s: int = 0
    alert_held_s: int = 0
    money_told_s: int = 0
    money_held_s: int = 0
    #: When the line was last counted as one that may be rising.
    candidate_s: int = 0
    spending: Spending | None = None
