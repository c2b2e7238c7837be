"""A line whose messages move into the cohort's quiet hours.

Over the newest day and the 4 before it, with k of n messages in quiet hours and p0 the line's own usual share (shrunk
to the cohort's): z = [k ln(p / p0) + (n - k) ln((1 - p) / (1 - p0))] / sqrt(n), p = k / n. Dividing by the root keeps
busy lines, whose messages are not independent, from alarming. Told at z >= threshold, in at least `nights` nights of
two messages or more, k >= `minimum` and p >= `share`, if the line wrote in at least `hours` of the quiet hours: a long chat
that goes on past midnight is one or two of them, however many messages it has; use that has moved fills them. With fewer
hours, but in all nights, it is a notice. Of young lines the cohort's share is most of p0. Unit: tempered log-likelihood.
Window: 5 days. Equals: the formula over the messages of those days and of those before, decayed when older than 14 days.
Order-free.
"""

from __future__ import annotations

from math import log, sqrt

from cem.domain.detectors.rhythm import night_share
from cem.domain.detectors.sms_days import NIGHTS
from cem.domain.state.habits import UNIT, Habits
from cem.domain.state.rhythm import Rhythm
from cem.domain.thresholds import NightPolicy

__all__ = ["Night", "night_of"]

_PRIOR_MESSAGES = 5.0
#: So few messages make no night.
_FEW = 1
_TOO_FEW = bytes(range(_FEW + 1))


class Night:
    """What was found: the score, messages in quiet hours, hours of them, all messages, the usual share."""

    __slots__ = ("at_night", "hours", "messages", "score", "usual_share")

    def __init__(self, score: float, at_night: int, hours: int, messages: int, usual_share: float) -> None:
        self.score = score
        self.at_night = at_night
        self.hours = hours
        self.messages = messages
        self.usual_share = usual_share


def night_of(habits: Habits, rhythm: Rhythm, policy: NightPolicy) -> Night | None:
    """Return how far the line has moved into the night, None where it has not or cannot be told."""
    quiet = habits.nights[: NIGHTS - 1]
    at_night = sum(quiet) + habits.night
    # One late message makes no night.
    nights = len(quiet.translate(None, _TOO_FEW)) + (habits.night > _FEW)
    if nights < policy.nights or at_night < policy.minimum:
        return None
    hours = habits.hours.bit_count()
    if hours < policy.hours and nights < NIGHTS:
        return None
    messages = sum(habits.days[: NIGHTS - 1]) + habits.count
    share = min(0.999, at_night / messages)
    if share < policy.share:
        return None
    before = sum(habits.days[NIGHTS - 1 :]) + habits.sent / UNIT
    nights_before = sum(habits.nights[NIGHTS - 1 :]) + habits.at_night / UNIT
    usual = (_PRIOR_MESSAGES * night_share(rhythm, habits.day - 1) + nights_before) / (
        _PRIOR_MESSAGES + before
    )
    usual = min(0.97, max(0.03, usual))
    if share <= usual:
        return None
    evidence = at_night * log(share / usual) + (messages - at_night) * log((1 - share) / (1 - usual))
    return Night(evidence / sqrt(messages), at_night, hours, messages, usual)
