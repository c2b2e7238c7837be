"""What a line will have used of its message allowance by the end of the cycle, while there is time to do something.

Bayes: with N segments in e days of the cycle and h a day before it, the rate is (K h + N) / (K + e), K = 7 days; what
is still to come has mean mu = rate x days left and variance 6 mu + (.25 + 6 / max(1, K h + N)) mu^2 (use comes in
spells, and the rate itself is uncertain), and is taken as gamma distributed; its tail by Wilson and Hilferty (1931).
h is what the cycle before used a day, as far as the line was there; without one nothing is projected.

Unit: segments. Window: the running cycle and the one before. Order-free: the sums are those of `cem.domain.facts.usage`.
"""

from __future__ import annotations

from math import erf, sqrt

import msgspec

from cem.domain.localtime import DAY_MS
from cem.domain.state.lines import Line
from cem.domain.thresholds import AllowancePolicy

__all__ = ["Projection", "projected"]

#: Days of the past that weigh as much as as many of the running cycle.
_PRIOR_DAYS = 7.0
#: How much more than Poisson's the variance is, and how uncertain a rate of many messages is (as a share, squared).
_FANO = 6.0
_SPREAD = 0.25
#: Days of the cycle before that must be known.
_KNOWN_DAYS = 14
#: Less use than this says nothing.
_LEAST = 20


class Projection(msgspec.Struct, frozen=True):
    """How a cycle is expected to end."""

    #: Chance that the allowance does not last.
    probability: float
    #: Expected segments at the cycle's end.
    segments: float
    #: Expected days until the allowance is used up.
    days_left: float


def projected(line: Line, at_ms: int, policy: AllowancePolicy) -> Projection | None:
    """Return how the cycle that contains the instant will end, None where that cannot be told."""
    cycle, before, allowance = line.cycle, line.previous, line.allowance
    if cycle is None or before is None or not allowance or not cycle.start_ms <= at_ms < cycle.end_ms:
        return None
    seen_days = (before.end_ms - max(before.start_ms, line.first_day * DAY_MS)) / DAY_MS
    spent_days = (at_ms - cycle.start_ms) / DAY_MS
    if seen_days < _KNOWN_DAYS or spent_days < policy.project_after_days:
        return None
    used = cycle.counted
    if used + before.counted < _LEAST:
        return None
    known = _PRIOR_DAYS * before.counted / seen_days + used
    rate = known / (_PRIOR_DAYS + spent_days)
    mean = rate * (cycle.end_ms - at_ms) / DAY_MS
    missing = allowance - used
    if missing <= 0 or mean <= 0:
        return None
    variance = _FANO * mean + (_SPREAD + _FANO / max(1.0, known)) * mean * mean
    return Projection(_above(missing, mean, variance), used + mean, missing / rate)


def _above(value: float, mean: float, variance: float) -> float:
    """Return the chance that a gamma variable is above the value."""
    shape = mean * mean / variance
    spread = 1 / (9 * shape)
    z = ((value / mean) ** (1 / 3) - (1 - spread)) / sqrt(spread)
    return 0.5 * (1 - erf(z / sqrt(2)))
