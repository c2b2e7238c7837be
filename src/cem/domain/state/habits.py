"""What is kept of a line's use of messages, so that a change of it is seen: messages by day and night, usual rate, money."""

from __future__ import annotations

import msgspec

__all__ = ["DAYS", "MONEY_DAYS", "NEVER", "UNIT", "Habits", "Spending"]

#: Closed days that `Habits.days` and `Habits.nights` cover.
DAYS = 13

#: Days that `Spending` covers.
MONEY_DAYS = 7

#: Decayed sums are whole numbers of this part of a message, a day, a minor unit: small when packed, exact when replayed.
UNIT = 32

#: More messages than a day has.
NEVER = 65_535


class Spending(msgspec.Struct, array_like=True, gc=False):
    """Charges to destinations beyond the tariff, by day."""

    #: The newest day (since the epoch, UTC) with such a charge.
    day: int = 0
    #: Messages and minor units of that day, the day before it, ...: trailing zeros left out.
    messages: list[int] = []
    charged_minor: list[int] = []
    #: What has left the seven days, decayed by day, in 1/UNIT minor units.
    older: int = 0
    #: The newest day on which they were out of proportion; 0 = never.
    held_day: int = 0


class Habits(msgspec.Struct, array_like=True, gc=False):
    """A line's messages by day. A day begins with the cohort's quiet hours; days are numbered from the epoch."""

    #: The newest day with a message, its messages, and those of them in quiet hours.
    day: int = 0
    count: int = 0
    night: int = 0
    #: Of the days before, the newest first, at most 255 a day; trailing zeros left out.
    days: bytes = b""
    nights: bytes = b""
    #: Of the days that have left `days`, decayed, in 1/UNIT: messages, as of usual days, and those of them at night.
    sent: int = 0
    at_night: int = 0
    #: Messages of the newest day from which a rise has to be looked for: it cannot be there with fewer; 0 = at all.
    judge_at: int = 0
    #: The newest day (since the epoch, UTC) on which something abnormal was found; 0 = never.
    held_day: int = 0
    spending: Spending | None = None
    #: The quiet hours of the newest day and the 4 before it in which the line wrote: six bits a day, the newest lowest.
    hours: int = 0
    #: Messages of the newest day in its first half.
    early: int = 0
