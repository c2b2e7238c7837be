"""How all lines of a lane use messages: the hours at which nobody writes, and how far a day is above a usual one.

Lines tell it once a day: when a line's first message of a new day comes, what it sent on the day that is over, and nothing
for the days between (`tell`). What they tell is added up in whole numbers and taken in at noon: all that was told by
messages of up to six hours before; that is what is known until the next noon. Days begin with the quiet hours, and noon is
their middle. So a message that is late by at most six hours changes neither what is known nor what a line is compared with:
what its line has told is corrected before it counts. `Rhythm()`, which has seen nothing, is the neutral one: an even week,
no common rise.

A day's exposure is the weekday's share of everybody's week, times the gain (N + 20) / (E + 20), from 1 to 8, of that
day: N messages, each line's only up to 3 x usual + 3; E what the lines' usual rates of 12 days expect, times a slow
calibration. Unit: usual days. Window: weekdays and night share decayed by .99 a day; gain as known after twelve days, and
kept for 60. Equals: the same sums over all messages by line and day. Order-free: for messages late by at most six hours.
"""

from __future__ import annotations

from cem.domain.state.habits import UNIT
from cem.domain.state.rhythm import Rhythm

__all__ = [
    "DAY_S",
    "NIGHT_S",
    "NOON_S",
    "RATE_DAYS",
    "exposure",
    "exposures",
    "level",
    "night_share",
    "note_hour",
    "rise_rate",
    "since_quiet",
    "tell",
    "tell_return",
    "turn",
]

DAY_S = 86_400
#: Quiet hours are six.
NIGHT_S = 6 * 3600
#: The middle of a day.
NOON_S = 12 * 3600
#: Days from which a line's usual rate is told.
RATE_DAYS = 12
_KEEP = 0.99
_GAINS = 21
_RATE_DAYS = 28
#: Days without a message after which a line is away rather than idle.
_AWAY = 7
_OLD = 14
#: Of its last day a line that returns tells at most so many messages.
_RETURNS = 8
#: Exposures of days before these stay as they are, and are kept for so many days.
_SETTLED = 12
_KEPT = 60
_THOUSAND = 1000
_FINE = 100_000
#: The quiet hour is first decided when so many days and counted messages have been seen (whichever pair comes first),
#: and looked at again every week: it moves if six other hours have clearly fewer messages, days later.
_DECIDE = ((7, 500), (13, 50))
_REVIEW_DAYS = 7
_CLEARLY = 0.93
_MOVES_AFTER = 4
#: What lines tell, in 1/UNIT: messages by weekday, at night, those that `usual` learns from; in whole ones: days of
#: lines, those of known lines, lively ones of these, messages by hour; then by days back: messages and rates of known lines.
_NIGHT, _MODEST, _DAYS, _LINES, _LIVELY, _HOURS = 7, 8, 9, 10, 11, 12
_SENT = _HOURS + 24
_BACKS = RATE_DAYS + 2
_RATES = _SENT + _BACKS
_EMPTY = [0] * (_RATES + _BACKS)


def since_quiet(rhythm: Rhythm, at_s: int) -> int:
    """Return the seconds since the epoch on the clock by which days begin with the quiet hours."""
    quiet = rhythm.quiet_hour
    if 0 < rhythm.moves_s <= at_s:
        quiet = rhythm.moves_to
    return at_s - quiet * 3600


def note_hour(rhythm: Rhythm, day: int, is_night: bool, at_s: int) -> None:
    """Count the hour of a message of the day, unless that has been taken in already."""
    ahead = day - is_night - rhythm.day
    if ahead >= 0:
        rhythm.open[ahead][_HOURS + at_s // 3600 % 24] += 1


def exposure(rhythm: Rhythm, day: int) -> float:
    """Return how many usual days a day more than twelve days ago stands for; 1 if that is not known any more."""
    back = rhythm.day + 1 - day
    return rhythm.exposures[back] / _THOUSAND if _SETTLED <= back < len(rhythm.exposures) else 1.0


def exposures(rhythm: Rhythm, noon: int, day: int, days: int) -> list[float]:
    """Return the exposures of the day and those before it, `days` in all, as they were known from that day's noon on."""
    behind = max(0, noon + 1 - day)
    known = (rhythm.exposures if noon >= rhythm.day else rhythm.exposures_before)[behind : behind + days]
    found = [x / _THOUSAND for x in known]
    return found if len(found) == days else found + [1.0] * (days - len(found))


def level(rhythm: Rhythm, noon: int) -> float:
    """Return about the median of what active lines send a day, as it was known from that day's noon on."""
    return _known(rhythm, rhythm.levels, noon) / _THOUSAND if rhythm.levels else 1.0


def night_share(rhythm: Rhythm, noon: int) -> float:
    """Return the share of all messages that are sent in quiet hours, as it was known from that day's noon on."""
    return _known(rhythm, rhythm.night_shares, noon) / _FINE if rhythm.night_shares else 0.25


def rise_rate(rhythm: Rhythm, noon: int) -> float:
    """Return how many lively days there are a line-week, as it was known from that day's noon on."""
    return _known(rhythm, rhythm.rise_rates, noon) / _FINE if rhythm.rise_rates else 0.01


def _known(rhythm: Rhythm, values: list[int], noon: int) -> int:
    return values[0] if noon >= rhythm.day else values[-1]


def tell(
    rhythm: Rhythm, days: bytes, nights: bytes, day: int, is_night: bool, first_day: int, times: int
) -> None:
    """Take in what a line has sent on the day on which it wrote last before `day`, and that it was idle since then.

    `days`: its messages of up to `RATE_DAYS` days before `day`, the newest first, at most 255 a day; `is_night`: whether its
    first message of `day` came in quiet hours; `times`: -1 to take it back. Nothing if that has been taken in already.
    """
    ahead = day - is_night - rhythm.day
    if ahead < 0 or not days:
        return
    back = len(days) - len(days.lstrip(b"\0")) + 1
    if back > len(days):
        return
    row = rhythm.open[ahead]
    n, closed, live = days[back - 1], day - back, day - first_day
    usual_line = level(rhythm, day - 1)
    spent = 0.5 / max(0.05, usual_line) + (RATE_DAYS if live > RATE_DAYS else max(0, live))
    sent = sum(days)
    # The mean of the gamma posterior.
    usual = (0.5 + sent) / (spent + 1)
    counted = times * round(UNIT * min(n, 3 * usual + 3))
    row[closed % 7] += counted
    if back <= len(nights) and nights[back - 1]:
        row[_NIGHT] += times * (abs(counted) * nights[back - 1] // n)
    idle = back if back < _AWAY else _AWAY
    # A line that writes more than eight times the usual teaches no more.
    row[_MODEST] += times * round(UNIT * min(n, 8 * usual_line + 8))
    row[_DAYS] += times * idle
    age = closed - first_day + 1
    if age <= _AWAY:
        return
    behind = back - is_night
    row[_SENT + behind] += counted
    rate = times * round(UNIT * usual)
    for at in range(_RATES + behind - idle + 1, _RATES + behind + 1):
        row[at] += rate
    if age >= _OLD:
        row[_LINES] += times * idle
        others = (0.5 + sent - n) / spent
        if n >= max(3 * others, others + 5):
            row[_LIVELY] += times


def tell_return(rhythm: Rhythm, messages: int, day: int, is_night: bool) -> None:
    """Take in that a line writes again after more than `RATE_DAYS` days, and what it sent on the day before them."""
    ahead = day - is_night - rhythm.day
    if ahead >= 0:
        row = rhythm.open[ahead]
        row[_MODEST] += UNIT * min(messages, _RETURNS)
        row[_DAYS] += _AWAY


def turn(rhythm: Rhythm, day: int) -> None:
    """Take in what lines have told at that day's noon, and at those between."""
    if not rhythm.open:
        _begin(rhythm, day)
    for _ in range(min(day - rhythm.day, _KEPT)):
        _fold(rhythm)
    rhythm.day = max(day, rhythm.day)


def _begin(rhythm: Rhythm, day: int) -> None:
    """Begin with the day, or go on from a rhythm of an older version."""
    if not rhythm.weekdays:
        rhythm.first_day = rhythm.day = day
        rhythm.weekdays, rhythm.messages, rhythm.at_night = [30.0] * 7, 210.0, 52.5
        rhythm.sent, rhythm.expected = [0.0], [0.0]
    rhythm.hours = rhythm.hours or [0] * 24
    rhythm.lines, rhythm.rises = [0.0], [0]
    rhythm.open = [_EMPTY.copy(), _EMPTY.copy()]
    rhythm.exposures = _exposures(rhythm, len(rhythm.sent))
    _publish(rhythm)


def _fold(rhythm: Rhythm) -> None:
    """Take in what is told until the next noon."""
    row = rhythm.open[0]
    rhythm.open = [rhythm.open[1], _EMPTY.copy()]
    sent, expected = rhythm.sent, rhythm.expected
    for back in range(min(_BACKS, len(sent))):
        sent[back] += row[_SENT + back] / UNIT
        expected[back] += row[_RATES + back] / UNIT * _share(rhythm, back)
    rhythm.weekdays = [x + y / UNIT for x, y in zip(rhythm.weekdays, row, strict=False)]
    rhythm.messages += sum(row[:7]) / UNIT
    rhythm.at_night += row[_NIGHT] / UNIT
    if row[_DAYS] > 0:
        keep = 0.998 ** row[_DAYS]
        rhythm.usual = rhythm.usual * keep + row[_MODEST] / UNIT / row[_DAYS] * (1 - keep)
    rhythm.lines[0] += row[_LINES]
    rhythm.rises[0] += row[_LIVELY]
    rhythm.hours = [x + y for x, y in zip(rhythm.hours, row[_HOURS:_SENT], strict=True)]
    if len(sent) > 2:
        # By now nearly all lines have told about that day.
        ratio = (sent[2] + 20) / (expected[2] * rhythm.calibration + 20)
        step = 0.1 * (max(0.25, min(2.0, ratio)) - 1)
        rhythm.calibration = max(0.1, min(10.0, rhythm.calibration * (1 + step)))
    rhythm.sent, rhythm.expected = [0.0, *sent][:_GAINS], [0.0, *expected][:_GAINS]
    rhythm.lines, rhythm.rises = [0.0, *rhythm.lines][:_RATE_DAYS], [0, *rhythm.rises][:_RATE_DAYS]
    rhythm.weekdays = [x * _KEEP for x in rhythm.weekdays]
    rhythm.messages *= _KEEP
    rhythm.at_night *= _KEEP
    rhythm.day += 1
    before = rhythm.exposures
    rhythm.exposures_before = before[: _OLD + 1]
    fresh = _exposures(rhythm, min(_SETTLED, len(rhythm.sent)))
    rhythm.exposures = fresh + before[len(fresh) - 1 : _KEPT]
    _publish(rhythm)
    if rhythm.day >= rhythm.review_day:
        days, seen = rhythm.day - rhythm.first_day, sum(rhythm.hours)
        if any(days >= least_days and seen >= least for least_days, least in _DECIDE):
            rhythm.review_day = rhythm.day + _REVIEW_DAYS
            _decide(rhythm)


def _share(rhythm: Rhythm, back: int) -> float:
    return 7 * rhythm.weekdays[(rhythm.day - back) % 7] / rhythm.messages


def _exposures(rhythm: Rhythm, days: int) -> list[int]:
    """Return the exposures in thousandths of the next day, of which nothing is known yet, and of the days before it."""
    found = [_share(rhythm, -1)]
    for back in range(days):
        gain = (rhythm.sent[back] + 20) / (rhythm.expected[back] * rhythm.calibration + 20)
        found.append(_share(rhythm, back) * min(8.0, max(1.0, gain)))
    return [round(_THOUSAND * x) for x in found]


def _publish(rhythm: Rhythm) -> None:
    """Put down what is known from the newest noon on."""
    rhythm.levels = [round(_THOUSAND * rhythm.usual), *rhythm.levels[:1]]
    share = (50 + rhythm.at_night) / (200 + rhythm.messages)
    rhythm.night_shares = [round(_FINE * share), *rhythm.night_shares[:1]]
    # One of 1 % counts like 200 line-weeks seen.
    rate = (sum(rhythm.rises) + 2) / (sum(rhythm.lines) / 7 + 200)
    rhythm.rise_rates = [round(_FINE * rate), *rhythm.rise_rates[:1]]


def _decide(rhythm: Rhythm) -> None:
    """Have the quiet hour move if another is clearly quieter, by at most 12 hours, at a time that no message has had."""
    if rhythm.moves_s:
        rhythm.quiet_hour, rhythm.moves_s = rhythm.moves_to, 0
    hours = rhythm.hours
    of = [sum(hours[(h + i) % 24] for i in range(6)) for h in range(24)]
    quiet = min(range(24), key=lambda h: (of[h], h))
    now = rhythm.quiet_hour
    if of[quiet] < _CLEARLY * of[now % 24]:
        rhythm.moves_to = now + (quiet - now + 12) % 24 - 12
        rhythm.moves_s = (rhythm.day + _MOVES_AFTER) * DAY_S
