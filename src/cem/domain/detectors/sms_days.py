"""A line's messages by day: counted, and, when they are older than 13 days, what its usual use is learnt from.

Unit: messages. Window: days that begin with the cohort's quiet hour; what has left it is decayed by half in 28 days.
Equals: the counts of all messages by day (at most 255 a closed day). Order-free: a late message lands in its own day,
as long as that is kept, also before the line's first.
"""

from __future__ import annotations

from cem.domain.detectors.rhythm import DAY_S, NIGHT_S, contribute, exposure
from cem.domain.state.habits import DAYS, UNIT, Habits
from cem.domain.state.rhythm import Rhythm

__all__ = ["DECAY", "PRIOR_MESSAGES", "add_late", "exposure_of", "live_days", "open_day", "usual_a_day"]

#: What a line's usual rate keeps from day to day: half in 28 days.
DECAY = 0.5 ** (1 / 28)
#: Prior weight of a line's rate, in messages.
PRIOR_MESSAGES = 0.5
#: Decayed days, by days: after two years it is all the same.
_EXPOSURE = tuple((1 - DECAY**days) / (1 - DECAY) for days in range(731))


def live_days(habits: Habits, first_day: int) -> int:
    """Return how many days the line has been seen, the newest one included."""
    return max(1, habits.day - first_day + 1)


def open_day(habits: Habits, day: int, first_day: int, rhythm: Rhythm) -> None:
    """Close the newest day, and tell the rhythm of it; begin `day`, which must be after it."""
    contribute(
        rhythm, habits, usual_a_day(habits, first_day, rhythm.usual), live_days(habits, first_day), day
    )
    steps = day - habits.day
    days, nights = habits.days, habits.nights
    # What leaves: those of the 13 kept, and the newest itself, that are then more than 13 days old.
    count, night = min(habits.count, 255), min(habits.night, 255)
    kept = bytes((count,)) + days
    nights = bytes((night,)) + nights
    if first_day <= day - DAYS - 1:
        _teach(habits, kept, nights, day, steps, first_day, rhythm)
    if steps <= DAYS:
        gap = bytes(steps - 1)
        habits.days = (gap + kept)[:DAYS].rstrip(b"\0")
        habits.nights = (gap + nights)[:DAYS].rstrip(b"\0")
    else:
        habits.days = habits.nights = b""
    habits.day, habits.count, habits.night = day, 0, 0


def add_late(habits: Habits, day: int, is_night: bool) -> bool:
    """Count a message of a closed day; return whether that day is still kept."""
    back = habits.day - day - 1
    if back >= DAYS:
        return False
    habits.days = _plus_one(habits.days, back)
    if is_night:
        habits.nights = _plus_one(habits.nights, back)
    return True


def _plus_one(days: bytes, at: int) -> bytes:
    if at >= len(days):
        return days + bytes(at - len(days)) + b"\1"
    if days[at] == 255:
        return days
    return days[:at] + bytes((days[at] + 1,)) + days[at + 1 :]


def usual_a_day(habits: Habits, first_day: int, prior: float) -> float:
    """Return the line's messages a day, the last two weeks included: the mean of the gamma posterior."""
    sent = PRIOR_MESSAGES + habits.sent / UNIT + sum(habits.days)
    kept = min(DAYS, max(0, habits.day - first_day))
    return sent / (PRIOR_MESSAGES / max(0.05, prior) + exposure_of(first_day, habits.day) + kept)


def exposure_of(first_day: int, day: int) -> float:
    """Return how many days `Habits.sent` stands for on that day, decayed like it."""
    return float(_EXPOSURE[min(max(0, day - DAYS - first_day), len(_EXPOSURE) - 1)])


def _teach(
    habits: Habits, kept: bytes, nights: bytes, day: int, steps: int, first_day: int, rhythm: Rhythm
) -> None:
    """Add the days that are more than 13 days before `day` and were not before, the oldest first."""
    sent, at_night = float(habits.sent), float(habits.at_night)
    base = PRIOR_MESSAGES / max(0.05, rhythm.usual)
    newest, last = habits.day, day - DAYS - 1
    first = max(last - steps + 1, first_day)
    for each in range(first, min(newest, last) + 1):
        sent *= DECAY
        at_night *= DECAY
        back = newest - each
        n = kept[back] if back < len(kept) else 0
        if n:
            share = exposure(rhythm, each)
            usual = (PRIOR_MESSAGES + sent / UNIT) / (base + exposure_of(first_day, each + DAYS))
            # A wild day teaches no more than a lively one.
            taught = min(n / share, 4 * usual + 24) * UNIT
            sent += taught
            if back < len(nights):
                at_night += taught * nights[back] / n
    if last > newest:
        left = DECAY ** (last - newest)
        sent, at_night = sent * left, at_night * left
    habits.sent, habits.at_night = round(sent), round(at_night)


assert DAY_S == 4 * NIGHT_S
