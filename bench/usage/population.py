"""A texting population in which nothing is abnormal, so that every alert about it is false.

Rates are heavy-tailed; people write in conversations, have lively and quiet days, weeks of their own, slow drift of
their habits, days away, lasting changes of pace, and friends that come and go. On top come what `inject.benign` makes
of it: a holiday, exam weeks, lines that begin, busy days, legitimate premium messages.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from bench.usage.events import DAY_S, HOUR_S

__all__ = ["population"]

#: Shares of conversations by hour of the day, for an early, a usual and a late riser.
_HOURS = (3, 2, 1, 1, 1, 2, 6, 12, 14, 14, 15, 16, 18, 17, 16, 17, 19, 21, 22, 22, 20, 16, 11, 6)
_WEEK = (1.0, 1.0, 0.98, 1.02, 1.15, 1.1, 0.85)
_MONDAY_S = 19_999 * DAY_S - (19_999 * DAY_S - 4 * DAY_S) % (7 * DAY_S)


def population(seed: int, lines: int = 600, days: int = 84) -> list[tuple[int, str, str]]:
    """Return (t, sender, recipient) by time."""
    rng = random.Random(f"population {seed}")
    found: list[tuple[int, str, str]] = []
    for number in range(lines):
        found += _line(rng, f"p{number}", days)
    return sorted(found)


def _line(rng: random.Random, name: str, days: int) -> list[tuple[int, str, str]]:
    rate = min(80.0, math.exp(rng.gauss(math.log(2.5), 1.25)))
    liveliness = rng.uniform(0.9, 1.8)
    talk = rng.uniform(1.5, 4.5)
    phase = rng.choice((0, 0, 0, 1, 2, -1))
    friends = [f"{name}c{i}" for i in range(int(3 + 3 * rate**0.6))]
    weights = [1 / (i + 1) for i in range(len(friends))]
    first = rng.randrange(21) if rng.random() < 0.2 else 0
    away = _days_away(rng, days)
    found: list[tuple[int, str, str]] = []
    drift = 0.0
    for day in range(first, days):
        if day % 7 == 0:
            drift = 0.8 * drift + rng.gauss(0, 0.2)
        if day in away:
            continue
        mean = rate * _WEEK[day % 7] * math.exp(drift) * rng.gammavariate(liveliness, 1 / liveliness)
        for _ in range(_poisson(rng, mean / (1 + talk))):
            t = _MONDAY_S + day * DAY_S + (rng.choices(range(24), _HOURS)[0] + phase) * HOUR_S
            t += rng.randrange(HOUR_S)
            friend = rng.choices(friends, weights)[0]
            if rng.random() < 0.03:
                friend = f"stranger{rng.randrange(10**8)}"
            for _ in range(min(30, 1 + int(rng.expovariate(1 / talk)))):
                found.append((t, name, friend))
                t += 10 + int(rng.expovariate(1 / 90))
    return found


def _days_away(rng: random.Random, days: int) -> Sequence[int]:
    away: list[int] = []
    for _ in range(2):
        if rng.random() < 0.5:
            start = rng.randrange(days)
            away += range(start, start + rng.randint(2, 9))
    return away


def _poisson(rng: random.Random, mean: float) -> int:
    """Return a Poisson number."""
    count, left = 0, rng.expovariate(1)
    while left < mean:
        count += 1
        left += rng.expovariate(1)
    return count
