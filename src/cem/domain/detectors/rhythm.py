"""How all lines of a lane use messages: the hours at which nobody writes, and how far a day is above a usual one.

Lines tell it once a day: with its first message of a new day a line gives what it sent on the day that is over, and
nothing for the days between (`contribute`). So the rhythm is a fold of the stream like everything else, and a message
costs it next to nothing. `Rhythm()`, which has seen nothing, is the neutral one: an even week, no common rise.

A day's exposure is the weekday's share of everybody's week, times the gain (N + 20) / (E + 20), from 1 to 8, of that
day: N messages, each line's only up to 3 x usual + 3; E what the lines' usual rates expect, times a slow calibration.
Unit: usual days. Window: weekdays and night share decayed by .99 a day; gain of the last 21 days.
"""

from __future__ import annotations

from cem.domain.state.habits import Habits
from cem.domain.state.rhythm import Rhythm

__all__ = [
    "DAY_S",
    "NIGHT_S",
    "contribute",
    "exposure",
    "night_share",
    "note_hour",
    "note_rise",
    "rise_rate",
]

DAY_S = 86_400
#: Quiet hours are six.
NIGHT_S = 6 * 3600
_KEEP = 0.99
_GAINS = 21
_RATE_DAYS = 28
#: Days without a message after which a line is away rather than idle.
_AWAY = 7
_CAP = 7
#: The quiet hour is first decided when so many days and counted messages have been seen (whichever pair comes first),
#: and looked at again every week: it moves if six other hours have clearly fewer messages.
_DECIDE = ((7, 500), (13, 50))
_REVIEW_DAYS = 7
_CLEARLY = 0.93


def note_hour(rhythm: Rhythm, at_s: int) -> None:
    """Count the hour of a message."""
    if not rhythm.hours:
        rhythm.hours = [0] * 24
    rhythm.hours[at_s // 3600 % 24] += 1


def exposure(rhythm: Rhythm, day: int) -> float:
    """Return how many usual days the day stands for."""
    weekdays = rhythm.weekdays
    share = 7 * weekdays[day % 7] / rhythm.messages if weekdays else 1.0
    back = rhythm.day - day
    if not 0 <= back < len(rhythm.sent):
        return share
    gain = (rhythm.sent[back] + 20) / (rhythm.expected[back] * rhythm.calibration + 20)
    return share if gain <= 1.0 else share * min(8.0, gain)


def night_share(rhythm: Rhythm) -> float:
    """Return the share of all messages that are sent in quiet hours."""
    return (50 + rhythm.at_night) / (200 + rhythm.messages)


def contribute(rhythm: Rhythm, habits: Habits, usual: float, age_days: int, day: int) -> None:
    """Take in a line's closed day, and the days without a message after it, before its new day begins.

    `usual`: the line's messages a day.
    """
    if day > rhythm.day:
        _turn(rhythm, day)
    weekdays = rhythm.weekdays
    if not weekdays:
        return
    closed, n = habits.day, habits.count
    counted = 3 * usual + 3
    if n < counted:
        counted = n
    weekday = closed % 7
    weekdays[weekday] += counted
    rhythm.messages += counted
    if habits.night:
        rhythm.at_night += counted * habits.night / n
    days = day - closed
    if days > _AWAY:
        days = _AWAY
    # Towards the mean of active lines' days; a line that writes more than eight times the usual teaches no more.
    level = rhythm.usual
    rhythm.usual = level + 0.002 * (min(n, 8 * level + 8) - level * days)
    if age_days <= _AWAY:
        return
    at = rhythm.day - closed
    expected = rhythm.expected
    if at < len(expected):
        usual *= 7 / rhythm.messages
        expected[at] += usual * weekdays[weekday]
        rhythm.sent[at] += counted
        for later in range(1, days):
            expected[at - later] += usual * weekdays[(weekday + later) % 7]
    if age_days >= 14:
        rhythm.lines[0] += days


def note_rise(rhythm: Rhythm) -> None:
    """Count a line that begins to rise."""
    if rhythm.rises:
        rhythm.rises[0] += 1


def rise_rate(rhythm: Rhythm) -> float:
    """Return how many rises begin a line-week; one of 1 % counts like 200 line-weeks seen."""
    return (sum(rhythm.rises[1:]) + 2) / (sum(rhythm.lines[1:]) / 7 + 200)


def _turn(rhythm: Rhythm, day: int) -> None:
    """Begin a day."""
    if not rhythm.weekdays:
        rhythm.first_day = rhythm.day = day
        rhythm.weekdays, rhythm.messages, rhythm.at_night = [30.0] * 7, 210.0, 52.5
        rhythm.sent, rhythm.expected, rhythm.lines, rhythm.rises = [0.0], [0.0], [0.0], [0]
        return
    for _ in range(min(day - rhythm.day, _RATE_DAYS)):
        if len(rhythm.sent) > 2:
            # By now nearly all lines have told about that day.
            n, e = rhythm.sent[2], rhythm.expected[2] * rhythm.calibration
            ratio = max(0.25, min(4.0, (n + 20) / (e + 20)))
            rhythm.calibration = max(0.1, min(10.0, rhythm.calibration * (1 + 0.1 * (min(ratio, 2.0) - 1))))
        rhythm.sent = [0.0, *rhythm.sent][:_GAINS]
        rhythm.expected = [0.0, *rhythm.expected][:_GAINS]
        rhythm.lines = [0.0, *rhythm.lines][:_RATE_DAYS]
        rhythm.rises = [0, *rhythm.rises][:_RATE_DAYS]
        rhythm.weekdays = [x * _KEEP for x in rhythm.weekdays]
        rhythm.messages *= _KEEP
        rhythm.at_night *= _KEEP
    rhythm.day = day
    if day >= rhythm.review_day and rhythm.hours:
        days, seen = day - rhythm.first_day, sum(rhythm.hours)
        if any(days >= least_days and seen >= least for least_days, least in _DECIDE):
            rhythm.review_day = day + _REVIEW_DAYS
            _decide(rhythm)


def _decide(rhythm: Rhythm) -> None:
    """Move the quiet hour if another is clearly quieter, by at most 12 hours forward or back."""
    hours = rhythm.hours
    of = [sum(hours[(h + i) % 24] for i in range(6)) for h in range(24)]
    quiet = min(range(24), key=lambda h: (of[h], h))
    now = rhythm.quiet_hour
    if of[quiet] < _CLEARLY * of[now % 24]:
        rhythm.quiet_hour = now + (quiet - now + 12) % 24 - 12
