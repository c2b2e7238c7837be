"""A line whose use of messages has risen for days, with what all lines do taken out.

For the newest day and those before it, oldest first, with n messages and exposure e (usual days):

- usual: L, an upper estimate of the line's messages a day: posterior mean + a part of its deviation + what a line of which
  little is known may send. Twice: from what is older than 7 days, and, in part, from what is older than 14 days; the
  larger counts, so that neither a slow rise nor an old habit hides.
- evidence of the day: the log-likelihood ratio of the counts of a rise to 3 and to 6 times the usual against those of
  usual days of mean L e (see `sms_evidence`), at most `day_cap`, so that a birthday or an exam's end is no alarm;
- S <- max(0, S + evidence): a CUSUM (Page 1954) over days for each of the two rises; the larger counts.

Two such scores are kept apart, with their own shapes and estimates: `slow`, which finds rises of few messages a day on
most days, and `clear`. A notice is told at slow >= notice or clear >= `clear`, an alert at clear >= alert, each plus
young x 14 / age (days), as little is known of a young line. Also needed: `minimum` messages more than usual in 3 days. All
this rises with the newest day's n, so what is computed is the number of messages from which it is to be told: a message
is compared with one number.

A line younger than `age_days` has no usual use yet: from `young_days` on it is judged by `clear` alone against
`young_times` what the usual line of the cohort sends, and told as an alert.

Unit: log-likelihood. Window: 7 days (slow), 8 (clear). Equals: the same formula over all messages of 14 days and the
decayed sums of those before. Order-free: a late message lands in its own day.
"""

from __future__ import annotations

from math import ceil, sqrt

import msgspec

from cem.domain.detectors.rhythm import exposures, level, rise_rate
from cem.domain.detectors.sms_days import DECAY, PRIOR_MESSAGES, exposure_of, live_days
from cem.domain.detectors.sms_evidence import Shape, evidence_for, messages_for
from cem.domain.state.habits import DAYS, NEVER, UNIT, Habits
from cem.domain.state.rhythm import Rhythm
from cem.domain.thresholds import RisePolicy

__all__ = ["Rise", "Score", "least_for_rise", "rise_of"]

#: Days from which nothing is learnt of what is usual.
_DAYS = 7
#: Messages are spread by so much more than Poisson's.
_FANO = 5.0


class _Kind(msgspec.Struct, frozen=True, gc=False):
    """How a score judges."""

    shape: Shape
    #: Days of the sum.
    days: int
    #: Times the policy's `day_cap` and `unknown`.
    cap: float
    unknown: float
    #: How much of the deviation the upper estimate holds, and how much of it counts from what is older than 14 days.
    doubt: float
    old: float


_SLOW = _Kind(Shape(0.2, 3.0, (3.0, 6.0), 1.0), 7, 1.0, 1.0, 0.3, 0.5)
_CLEAR = _Kind(Shape(0.3, 2.0, (3.0, 6.0), 2.0), 8, 1.2, 2.0, 0.5, 0.3)


class Score:
    """A score as it depends on the messages of the newest day."""

    __slots__ = ("_before", "_least", "_rows", "usual_3d")

    def __init__(
        self, before: tuple[float, float], rows: tuple[list[float], list[float]], usual_3d: float, least: int
    ) -> None:
        #: Of both rises: the score of the days before, and the newest day's evidence by messages.
        self._before = before
        self._rows = rows
        self.usual_3d = usual_3d
        self._least = least

    def at(self, n: int) -> float:
        """Return the score with n messages of the newest day."""
        (slow, fast), (by_slow, by_fast) = self._before, self._rows
        return max(slow + by_slow[min(n, len(by_slow) - 1)], fast + by_fast[min(n, len(by_fast) - 1)])

    def reaches(self, threshold: float) -> int:
        """Return the messages of the newest day from which the threshold is reached; NEVER: not today."""
        (slow, fast), (by_slow, by_fast) = self._before, self._rows
        n = min(messages_for(by_slow, threshold - slow), messages_for(by_fast, threshold - fast))
        return NEVER if n >= NEVER else max(1, self._least, n)


class Rise:
    """From how many messages of the newest day what is told."""

    __slots__ = ("alert_from", "before", "clear", "slow", "told_from")

    def __init__(self, before: int, slow: Score, clear: Score, told_from: int, alert_from: int) -> None:
        #: Messages of the two days before.
        self.before = before
        self.slow = slow
        self.clear = clear
        #: NEVER: not today.
        self.told_from = told_from
        self.alert_from = alert_from


def least_for_rise(habits: Habits, first_day: int, policy: RisePolicy) -> int:
    """Return the number of messages of the newest day below which `rise_of` cannot find anything; 0 if none is enough."""
    if habits.day - first_day + 1 < min(policy.age_days, policy.young_days) or not policy.enabled:
        return 0
    days = habits.days[: _CLEAR.days - 1]
    most = (len(days) - days.count(0) + 1) * _CLEAR.cap * policy.day_cap
    if most < policy.clear and most < policy.notice and most < policy.alert:
        # Too few days with messages for any score.
        return 0
    return max(1, policy.minimum - sum(days[:2]))


def rise_of(habits: Habits, first_day: int, rhythm: Rhythm, noon: int, policy: RisePolicy) -> Rise:
    """Return from how many messages of the newest day on a rise is told, by what is known since `noon`'s noon."""
    age = live_days(habits, first_day)
    spent = exposures(rhythm, noon, habits.day, min(DAYS + 1, age))
    prior = level(rhythm, noon)
    more = policy.more_at(rise_rate(rhythm, noon))
    before = sum(habits.days[:2])
    if age < policy.age_days:
        young = _score(_CLEAR, habits, spent, policy.young_times * prior, policy)
        told_from = young.reaches(policy.alert + more)
        return Rise(before, young, young, told_from, told_from)
    more += policy.young * 14 / age
    seen = _seen(habits, first_day, spent, prior)
    slow = _score(_SLOW, habits, spent, _usual(_SLOW, habits, first_day, seen, prior, policy), policy)
    clear = _score(_CLEAR, habits, spent, _usual(_CLEAR, habits, first_day, seen, prior, policy), policy)
    alert_from = clear.reaches(policy.alert + more)
    told_from = min(slow.reaches(policy.notice + more), clear.reaches(policy.clear + more))
    return Rise(before, slow, clear, min(told_from, alert_from), alert_from)


def _score(kind: _Kind, habits: Habits, spent: list[float], usual: float, policy: RisePolicy) -> Score:
    """Return the score where so many messages a day are usual."""
    evidence = evidence_for(kind.shape, kind.cap * policy.day_cap)
    days = habits.days
    known = len(days)
    slow = fast = 0.0
    for back in range(min(kind.days, len(spent)) - 1, 0, -1):
        n = days[back - 1] if back <= known else 0
        if not n and not slow and not fast:
            # A day without messages speaks against a rise.
            continue
        by_slow, by_fast = evidence.of(usual * spent[back])
        slow = max(0.0, slow + by_slow[n if n < len(by_slow) else -1])
        fast = max(0.0, fast + by_fast[n if n < len(by_fast) else -1])
    usual_3d = usual * sum(spent[:3])
    least = ceil(policy.minimum + usual_3d - sum(days[:2]))
    return Score((slow, fast), evidence.of(usual * spent[0]), usual_3d, least)


def _usual(
    kind: _Kind,
    habits: Habits,
    first_day: int,
    seen: tuple[float, float],
    prior: float,
    policy: RisePolicy,
) -> float:
    """Return the upper estimate of the line's messages a day."""
    unknown = kind.unknown * policy.unknown
    old = _upper(habits.sent / UNIT, exposure_of(first_day, habits.day), prior, kind.doubt, unknown)
    return max(kind.old * old, _upper(*seen, prior, kind.doubt, unknown))


def _seen(habits: Habits, first_day: int, spent: list[float], prior: float) -> tuple[float, float]:
    """Return the line's messages that are older than 7 days and the usual days in which it sent them, decayed."""
    days = habits.days
    known = len(days)
    sent, total = habits.sent / UNIT, exposure_of(first_day, habits.day)
    base = PRIOR_MESSAGES / max(0.05, prior)
    for back in range(len(spent) - 1, _DAYS - 1, -1):
        sent *= DECAY
        total *= DECAY
        n = days[back - 1] if back <= known else 0
        if n:
            # A wild day teaches no more than a lively one.
            sent += min(n, 4 * (PRIOR_MESSAGES + sent) / (base + total) * spent[back] + 24)
        total += spent[back]
    return sent, total


def _upper(sent: float, spent: float, prior: float, doubt: float, unknown: float) -> float:
    mean = (PRIOR_MESSAGES + sent) / (PRIOR_MESSAGES / max(0.05, prior) + spent)
    return mean + doubt * sqrt((mean + 0.1) * _FANO / (spent + 1)) + unknown * prior / (1 + spent)
