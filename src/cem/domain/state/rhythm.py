"""What a lane keeps of all its lines together: when everybody writes, and how much on which day."""

from __future__ import annotations

import msgspec

__all__ = ["Rhythm"]


class Rhythm(msgspec.Struct, array_like=True, gc=False):
    """The rhythm that lines share; as new it is the neutral one. Lists by day have the newest day first."""

    #: The hour (UTC) at which the quietest six begin. It may leave 0..23, so that moving it renumbers no day by much.
    quiet_hour: int = 0
    #: The newest day whose second half a message has reached, the first one, and when the quiet hour is looked at next.
    day: int = 0
    first_day: int = 0
    review_day: int = 0
    #: Every eighth message by hour of the day (UTC).
    hours: list[int] = []
    #: Decayed messages by weekday (day % 7), all, and those in quiet hours.
    weekdays: list[float] = []
    messages: float = 0.0
    at_night: float = 0.0
    #: About the median of what lines that are active send a day.
    usual: float = 1.0
    #: By day: messages of known lines, each line's only up to thrice its usual, and what their usual rates expect.
    sent: list[float] = []
    expected: list[float] = []
    #: What the expected have to be multiplied by, slowly.
    calibration: float = 1.0
    #: By day on which they were told: days of known lines, and how many of these were lively.
    lines: list[float] = []
    rises: list[int] = []
    #: What lines tell, before it is folded in: at the next noon, and at the one after that.
    open: list[list[int]] = []
    #: Of the day after the newest and those before it: exposure in thousandths; and the same as it was a day before.
    exposures: list[int] = []
    exposures_before: list[int] = []
    #: As it is and as it was a day before: `usual` in thousandths, share of messages at night and rate of lively days
    #: a line-week in 1/100,000.
    levels: list[int] = []
    night_shares: list[int] = []
    rise_rates: list[int] = []
    #: From when on (Unix seconds) the quiet hour is another one; 0 = it stays.
    moves_s: int = 0
    moves_to: int = 0
