"""A line's messages by day: counted, and, when they are older than 13 days, what its usual use is learnt from.

Unit: messages. Window: days that begin with the cohort's quiet hour; what has left it is decayed by half in 28 days.
Equals: the counts of all messages by day (at most 255 a closed day). Order-free: a late message lands in its own day,
as long as that is kept, also before the line's first. What leaves the 13 days is decayed and rounded day by day, so that
it does not matter between which messages days passed.
"""

from __future__ import annotations

from cem.domain.detectors.rhythm import DAY_S, NIGHT_S, RATE_DAYS, exposure, tell, tell_return
from cem.domain.state.habits import DAYS, UNIT, Habits
from cem.domain.state.rhythm import Rhythm

__all__ = [
    "DECAY",
    "NIGHTS",
    "PRIOR_MESSAGES",
    "add_late",
    "begin_at_night",
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
_GOLDEN = 0.6180339887498949
#: Nights whose hours are kept, and the bits that each takes.
NIGHTS = 5
_HOURS = NIGHT_S // 3600
_ALL = (1 << NIGHTS * _HOURS) - 1


def live_days(habits: Habits, first_day: int) -> int:
    """Return how many days the line has been seen, the newest one included."""
    return max(1, habits.day - first_day + 1)


def open_day(habits: Habits, day: int, is_night: bool, first_day: int, rhythm: Rhythm) -> None:
    """Close the newest day; begin `day`, which must be after it, and tell the rhythm of the days between."""
    count, days = habits.count, habits.days
    steps = day - habits.day
    days = (bytes((count,)) if count < 256 else b"\xff") + days
    nights = bytes((min(habits.night, 255),)) + habits.nights
    if day - first_day > DAYS:
        _teach(habits, days, nights, steps, first_day, rhythm)
    if steps > 1:
        gap = bytes(min(steps - 1, DAYS))
        days, nights = gap + days, gap + nights
    habits.days = days[:DAYS].rstrip(b"\0")
    habits.nights = nights[:DAYS].rstrip(b"\0")
    if habits.hours:
        habits.hours = habits.hours << _HOURS * min(steps, NIGHTS) & _ALL
    habits.day, habits.count, habits.night, habits.early = day, 0, 0, 0
    if steps > RATE_DAYS:
        tell_return(rhythm, count, day, is_night)
    else:
        tell(rhythm, habits.days[:RATE_DAYS], habits.nights, day, is_night, first_day, 1)


def add_late(habits: Habits, day: int, is_night: bool, first_day: int, rhythm: Rhythm) -> bool:
    """Count a message of a closed day, and correct what the rhythm was told; return whether that day is still kept."""
    newest, before = habits.day, habits.days
    back = newest - day - 1
    if back >= DAYS:
        return False
    tell(rhythm, before[:RATE_DAYS], habits.nights, newest, habits.night > 0, first_day, -1)
    habits.days = days = _plus_one(before, back)
    if is_night:
        habits.nights = _plus_one(habits.nights, back)
    tell(rhythm, days[:RATE_DAYS], habits.nights, newest, habits.night > 0, first_day, 1)
    if not back and (not before or not before[0]):
        # As if it had come in time, on the day before the newest one.
        tell(rhythm, days[1 : 1 + RATE_DAYS], habits.nights[1:], day, is_night, first_day, 1)
    return True


def begin_at_night(habits: Habits, first_day: int, rhythm: Rhythm) -> None:
    """Have the newest day begin in quiet hours: a message of them was late, and is not counted yet."""
    days = habits.days[:RATE_DAYS]
    tell(rhythm, days, habits.nights, habits.day, False, first_day, -1)
    tell(rhythm, days, habits.nights, habits.day, True, first_day, 1)


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


def _teach(habits: Habits, days: bytes, nights: bytes, steps: int, first_day: int, rhythm: Rhythm) -> None:
    """Add the days that leave the 13 with so many steps, the oldest first; `days` begins with the newest, now closed."""
    sent, at_night = habits.sent, habits.at_night
    newest = habits.day
    for back in range(DAYS, DAYS - steps, -1):
        n = days[back] if 0 <= back < len(days) else 0
        if not n and not sent:
            if back < 0:
                break
            continue
        day = newest - back
        # Rounded up as often as is fair, by a sequence of the day alone.
        fair = day * _GOLDEN % 1
        sent = int(sent * DECAY + fair)
        at_night = int(at_night * DECAY + fair)
        if n:
            usual = (PRIOR_MESSAGES + sent / UNIT) / (
                PRIOR_MESSAGES + _EXPOSURE[min(max(0, day - first_day), _LAST)]
            )
            # A wild day teaches no more than a lively one.
            taught = min(n / exposure(rhythm, day), 4 * usual + 24) * UNIT
            sent += round(taught)
            if back < len(nights):
                at_night += round(taught * nights[back] / n)
    habits.sent, habits.at_night = sent, at_night


assert DAY_S == 4 * NIGHT_S
