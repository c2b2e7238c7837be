"""A line whose use of messages has risen for days, with what all lines do taken out.

For the newest day and the 6 before it, oldest first, with n messages and exposure e (usual days):

- usual: L, an upper estimate of the line's messages a day: posterior mean + half its deviation + what a line of which
  little is known may send. Twice: from what is older than 7 days, and, at .3, from what is older than 14 days; the
  larger counts, so that neither a slow rise nor an old habit hides.
- evidence of the day: the log-likelihood ratio of negative binomial counts with mean max(5m, m + 6) against
  m = max(.3, L e), at most `day_cap`, so that a birthday or an exam's end is no alarm;
- S <- max(0, S + evidence): a CUSUM (Page 1954) over days.

For an alert the three days before the newest stand for more usual days, and the usual line for more messages, than they are
known to: what is known of them comes from lines that have written since. A notice goes without.

Told at S >= threshold + young x 14 / age (days): little is known of a young line. Also needed: `minimum` messages more
than usual in 3 days, and age >= 14 days. All this rises with the newest day's n, so what is computed is the number of
messages from which it is to be told: a message is compared with one number. Unit: log-likelihood. Window: 7 days.
Equals: the same formula over all messages of 14 days and the decayed sums of those before. Order-free: a late message
lands in its own day.
"""

from __future__ import annotations

from math import ceil, inf, log, sqrt

from cem.domain.detectors.rhythm import exposures, level, rise_rate
from cem.domain.detectors.sms_days import DECAY, PRIOR_MESSAGES, exposure_of, live_days
from cem.domain.state.habits import DAYS, NEVER, UNIT, Habits
from cem.domain.state.rhythm import Rhythm
from cem.domain.thresholds import RisePolicy

__all__ = ["Rise", "least_for_rise", "rise_of"]

_DAYS = 7
#: Dispersion of a line's daily counts.
_K = 4.0
#: Messages are spread by so much more than Poisson's.
_FANO = 5.0
#: How much of the upper estimate from what is older than 14 days holds.
_OLD = 0.3
#: For alerts: the newest days count as more usual days, as only lines that have written since have told of them, and lines
#: of which little is known may send more.
_ALERT_DAYS = (1.0, 1.7, 1.4, 1.2)
_ALERT_LEVEL = 1.35


class Rise:
    """From how many messages of the newest day what is reached, and what is usual."""

    __slots__ = (
        "age_days",
        "base",
        "before",
        "least",
        "score",
        "slope",
        "told_from",
        "usual_3d",
        "usual_a_day",
    )

    def __init__(self) -> None:
        #: Messages of the newest day from which the tier is reached; NEVER: not today.
        self.told_from = NEVER
        self.before = self.least = 0
        #: The score of the days before, and the newest day's evidence as base + slope x messages.
        self.score = self.base = self.slope = 0.0
        self.usual_a_day = self.usual_3d = 0.0
        self.age_days = 0


def least_for_rise(habits: Habits, first_day: int, policy: RisePolicy) -> int:
    """Return the number of messages of the newest day below which `rise_of` cannot find anything; 0 if none is enough."""
    if habits.day - first_day + 1 < policy.age_days or not policy.enabled:
        return 0
    return max(1, policy.minimum - sum(habits.days[:2]))


def rise_of(
    habits: Habits, first_day: int, rhythm: Rhythm, noon: int, policy: RisePolicy, *, is_alert: bool = False
) -> Rise:
    """Return from how many messages of the newest day on the tier is reached, by what is known since `noon`'s noon."""
    found = Rise()
    day, days = habits.day, habits.days
    found.age_days = age = live_days(habits, first_day)
    spent = exposures(rhythm, noon, day, min(DAYS + 1, age))
    prior = level(rhythm, noon)
    if is_alert:
        prior *= _ALERT_LEVEL
        spent[: len(_ALERT_DAYS)] = [x * y for x, y in zip(spent, _ALERT_DAYS, strict=False)]
    usual = max(
        _OLD * _upper(habits.sent / UNIT, exposure_of(first_day, habits.day), prior, policy),
        _usual_a_day(habits, first_day, spent, prior, policy),
    )
    found.usual_a_day, found.usual_3d = usual, usual * sum(spent[:3])
    found.before = sum(days[:2])
    least = ceil(policy.minimum + found.usual_3d - found.before)
    score, cap = 0.0, policy.day_cap
    known = len(days)
    for back in range(_DAYS - 1, 0, -1):
        base, slope = _evidence(usual * spent[back])
        n = days[back - 1] if back <= known else 0
        score = max(0.0, score + min(cap, base + slope * n))
    base, slope = _evidence(usual * spent[0])
    found.base, found.slope, found.score, found.least = base, slope, score, least
    young = policy.young * 14 / age
    more = policy.more_at(rise_rate(rhythm, noon)) + young
    tier = policy.alert if is_alert else policy.notice
    found.told_from = _from(tier + more, score, cap, base, slope, least)
    return found


def _evidence(mean: float) -> tuple[float, float]:
    """Return (a, b) of the evidence a + b n of n messages where `mean` are usual."""
    mean = max(0.3, mean)
    risen = max(5 * mean, mean + 6)
    ratio = (_K + mean) / (_K + risen)
    return _K * log(ratio), log(risen / mean * ratio)


def _from(threshold: float, score: float, cap: float, base: float, slope: float, least: int) -> int:
    """Return the messages from which the score, so far and of the newest day, reaches the threshold."""
    missing = threshold - score
    if missing > cap:
        return NEVER
    needed = (missing - base) / slope if slope > 0 else inf
    return min(NEVER, max(1, least, ceil(needed)))


def _usual_a_day(
    habits: Habits, first_day: int, spent: list[float], prior: float, policy: RisePolicy
) -> float:
    """Return the upper estimate of the line's messages a day, from what is older than 7 days."""
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
    return _upper(sent, total, prior, policy)


def _upper(sent: float, spent: float, prior: float, policy: RisePolicy) -> float:
    mean = (PRIOR_MESSAGES + sent) / (PRIOR_MESSAGES / max(0.05, prior) + spent)
    doubt = 0.5 * sqrt((mean + 0.1) * _FANO / (spent + 1))
    return mean + doubt + policy.unknown * prior / (1 + spent)
