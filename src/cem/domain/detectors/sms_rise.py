"""A line whose use of messages has risen for days, with what all lines do taken out.

For the 7 days that end with the newest bucket, oldest first, with n messages and exposure e (usual days):

- usual: L, an upper estimate of the line's messages a day: posterior mean + half its deviation + what a line of which
  little is known may send. Twice: from what is older than 7 days, and, at .8, from what is older than 14 days; the
  larger counts, so that neither a slow rise nor an old habit hides.
- evidence of the day: the log-likelihood ratio of negative binomial counts with mean max(2m, m + 4) against
  m = max(.3, L e), at most `day_cap`, so that a birthday or an exam's end is no alarm;
- S <- max(0, S + evidence): a CUSUM (Page 1954) over days.

Told at S >= threshold + young x 14 / age (days): little is known of a young line. Also needed: `minimum` messages more
than usual in 3 days, age >= 14 days, and recipients of the day not below usual (a chat with one friend that grows warm
is no abuse). Unit: log-likelihood. Window: 7 days. Equals: the same formula over all messages of 14 days and the decayed
sums of those before. Order-free: a late message lands in its own bucket.
"""

from __future__ import annotations

from math import log, sqrt

from cem.domain.detectors.cohort import DECAY, PRIOR_MESSAGES, Cohort
from cem.domain.state.habits import BUCKETS, Habits
from cem.domain.thresholds import RisePolicy

__all__ = ["Rise", "rise", "usual_a_day"]

_DAYS = 7
#: Dispersion of a line's daily counts.
_K = 1.0
_DECAY_DAY = DECAY**4
#: Messages are spread by so much more than Poisson's.
_FANO = 5.0


class Rise:
    """What was found: the score, the days' messages, and what is usual."""

    __slots__ = ("age_days", "messages_3d", "score", "usual_3d", "usual_a_day")

    def __init__(
        self, score: float, age_days: float, messages_3d: int, usual_3d: float, usual_a_day: float
    ) -> None:
        self.score = score
        self.age_days = age_days
        self.messages_3d = messages_3d
        self.usual_3d = usual_3d
        self.usual_a_day = usual_a_day


def rise(habits: Habits, cohort: Cohort, policy: RisePolicy) -> Rise | None:
    """Return how far the line's last week is above its usual, None where it cannot be told."""
    counts, newest = habits.counts, habits.newest
    messages_3d = sum(counts[-12:])
    age = (newest - habits.first + 1) * 0.25
    if messages_3d < policy.minimum or age < policy.age_days:
        return None
    exposures = cohort.daily(newest)
    today = exposures[0] + cohort.shape[newest % 28] * cohort.gain(newest)
    exposure_3d = today + exposures[1] + exposures[2]
    usual = 0.8 * _upper(habits.sent, habits.exposure, cohort.prior, policy)
    if messages_3d - usual * exposure_3d < policy.minimum:
        return None
    daily = days_of(counts)
    usual = max(usual, usual_a_day(habits, daily, exposures, age, cohort.prior, policy))
    if messages_3d - usual * exposure_3d < policy.minimum:
        return None
    score, cap = 0.0, policy.day_cap
    for day in range(_DAYS - 1, -1, -1):
        n = daily[day]
        mean = max(0.3, usual * (exposures[day] if day else today))
        risen = max(2 * mean, mean + 4)
        ratio = (_K + mean) / (_K + risen)
        evidence = _K * log(ratio) + (n * log(risen / mean * ratio) if n else 0.0)
        score = max(0.0, score + min(cap, evidence))
    return Rise(score, age, messages_3d, usual * exposure_3d, usual)


def days_of(counts: bytes) -> list[int]:
    """Return the messages of the 14 days that end with the newest bucket, the newest first."""
    padded = bytes(BUCKETS - len(counts)) + counts
    return [sum(padded[end - 4 : end]) for end in range(BUCKETS, 0, -4)]


def usual_a_day(
    habits: Habits, daily: list[int], exposures: list[float], age: float, prior: float, policy: RisePolicy
) -> float:
    """Return the upper estimate of the line's messages a day, from what is older than 7 days."""
    sent, exposure = habits.sent, habits.exposure
    base = PRIOR_MESSAGES / max(0.05, prior)
    for day in range(BUCKETS // 4 - 1, _DAYS - 1, -1):
        live = min(1.0, age - day)
        if live <= 0:
            continue
        sent *= _DECAY_DAY
        exposure *= _DECAY_DAY
        mean = (PRIOR_MESSAGES + sent) / (base + exposure)
        # A wild day teaches no more than a lively one.
        sent += min(daily[day], 4 * mean * exposures[day] + 24) * min(1.0, live)
        exposure += exposures[day] * live
    return _upper(sent, exposure, prior, policy)


def _upper(sent: float, exposure: float, prior: float, policy: RisePolicy) -> float:
    mean = (PRIOR_MESSAGES + sent) / (PRIOR_MESSAGES / max(0.05, prior) + exposure)
    doubt = 0.5 * sqrt((mean + 0.1) * _FANO / (exposure + 1))
    return mean + doubt + policy.unknown * prior / (1 + exposure)
