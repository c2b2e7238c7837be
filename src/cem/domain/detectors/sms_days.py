"""A line's messages by day: counted, and, when they are older than 13 days, what its usual use is learnt from.

Unit: messages. Window: days that begin with the cohort's quiet hour; what has left it is decayed by half in 28 days.
Equals: the counts of all messages by day (at most 255 a closed day). Order-free: a late message lands in its own day,
as long as that is kept, also before the line's first.
"""

from __future__ import annotations

from cem.domain.detectors.rhythm import DAY_S, NIGHT_S, contribute, exposure
from cem.domain.state.habits import DAYS, UNIT, Habits
from cem.domain.state.rhythm import Rhythm

__all__ = [
    "DECAY",
    "NIGHTS",
    "PRIOR_MESSAGES",
    "add_late",
    "exposure_of",
    "live_days",
    "note_night_hour",
    "open_day",
]

#: What a line's usual rate keeps from day to day: half in 28 days.
DECAY = 0.5 ** (1 / 28)
#: Prior weight of a line's rate, in messages.
PRIOR_MESSAGES = 0.5
#: Decayed days, by days: after two years it is all the same.
_EXPOSURE = tuple((1 - DECAY**days) / (1 - DECAY) for days in range(731))
_LAST = len(_EXPOSURE) - 1
#: Nights whose hours are kept, and the bits that each takes.
NIGHTS = 5
_HOURS = NIGHT_S // 3600
_ALL = (1 << NIGHTS * _HOURS) - 1


def live_days(habits: Habits, first_day: int) -> int:
    """Return how many days the line has been seen, the newest one included."""
    return max(1, habits.day - first_day + 1)


def open_day(habits: Habits, day: int, first_day: int, rhythm: Rhythm) -> None:
    """Close the newest day, and tell the rhythm of it; begin `day`, which must be after it."""
    newest, count, days = habits.day, habits.count, habits.days
    age, steps = newest - first_day + 1, day - newest
    # The mean of the gamma posterior, the last two weeks included.
    spent = _EXPOSURE[min(age - DAYS, _LAST)] + DAYS if age > DAYS else max(1, age)
    level = max(0.05, rhythm.usual)
    usual = (PRIOR_MESSAGES + habits.sent / UNIT + sum(days) + count) / (PRIOR_MESSAGES / level + spent + 1)
    contribute(rhythm, habits, usual, age, day)
    days = (bytes((count,)) if count < 256 else b"\xff") + days
    nights = bytes((min(habits.night, 255),)) + habits.nights
    if day - first_day > DAYS:
        _teach(habits, days, nights, day, steps, first_day, rhythm)
    if steps > 1:
        gap = bytes(min(steps - 1, DAYS))
        days, nights = gap + days, gap + nights
    habits.days = days[:DAYS].rstrip(b"\0")
    habits.nights = nights[:DAYS].rstrip(b"\0")
    if habits.hours:
        habits.hours = habits.hours << _HOURS * min(steps, NIGHTS) & _ALL
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


def note_night_hour(habits: Habits, day: int, into_s: int) -> None:
    """Mark the quiet hour, `into_s` seconds into its day, as one in which the line wrote, if that night is kept."""
    back = habits.day - day
    if back < NIGHTS:
        habits.hours |= 1 << _HOURS * back + into_s // 3600


def _plus_one(days: bytes, at: int) -> bytes:
    if at >= len(days):
        return days + bytes(at - len(days)) + b"\1"
    if days[at] == 255:
        return days
    return days[:at] + bytes((days[at] + 1,)) + days[at + 1 :]


def exposure_of(first_day: int, day: int) -> float:
    """Return how many days `Habits.sent` stands for on that day, decayed like it."""
    return _EXPOSURE[min(max(0, day - DAYS - first_day), _LAST)]


def _teach(
    habits: Habits, days: bytes, nights: bytes, day: int, steps: int, first_day: int, rhythm: Rhythm
) -> None:
    """Add the days that are more than 13 days before `day` and were not before, the oldest first."""
    gone = min(steps, day - DAYS - first_day)
    leaving = days[DAYS + 1 - steps :] if steps <= DAYS else days
    if not leaving:
        decay = DECAY**gone
        habits.sent = round(habits.sent * decay)
        habits.at_night = round(habits.at_night * decay)
        return
    sent, at_night = float(habits.sent), float(habits.at_night)
    base = PRIOR_MESSAGES / max(0.05, rhythm.usual)
    newest = habits.day
    first_back = len(days) - 1
    # Before the oldest that has a message, days passed without.
    sent *= DECAY ** max(0, gone - (len(leaving) + max(0, steps - DAYS - 1)))
    at_night = at_night * (sent / habits.sent) if habits.sent else at_night
    for back in range(first_back, first_back - len(leaving), -1):
        sent *= DECAY
        at_night *= DECAY
        n = days[back]
        if n:
            each = newest - back
            share = exposure(rhythm, each)
            usual = (PRIOR_MESSAGES + sent / UNIT) / (base + _EXPOSURE[min(max(0, each - first_day), _LAST)])
            # A wild day teaches no more than a lively one.
            taught = min(n / share, 4 * usual + 24) * UNIT
            sent += taught
            if back < len(nights):
                at_night += taught * nights[back] / n
    if steps > DAYS + 1:
        decay = DECAY ** (steps - DAYS - 1)
        sent, at_night = sent * decay, at_night * decay
    habits.sent, habits.at_night = round(sent), round(at_night)


assert DAY_S == 4 * NIGHT_S
