"""A reason emerges when it comes up more than its own weeks explain, and seldom otherwise."""

from __future__ import annotations

import math
import random

from cem.domain.localtime import DAY_MS, HOUR_MS
from cem.voice import Voice, report
from cem.voice.hearing import REASON
from cem.voice.report import chance_of

NOW_MS = 20_000 * DAY_MS + 23 * HOUR_MS


def poisson(rng: random.Random, rate: float) -> int:
    limit, n, product = math.exp(-rate), 0, rng.random()
    while product > limit:
        n += 1
        product *= rng.random()
    return n


def heard(history: dict[str, list[int]], now: dict[str, int]) -> Voice:
    """Return a lane that heard these reasons: daily counts up to the day before yesterday, and today's."""
    names = ["other", "unsaid", *sorted({*history, *now})]
    voice = Voice(names)
    today = NOW_MS // DAY_MS
    for reason, counts in history.items():
        for ago, count in enumerate(reversed(counts), start=2):
            cell = 1 << 16 | REASON << 8 | names.index(reason)
            voice.days.setdefault(today - ago, {})[cell] = count
    for reason, count in now.items():
        cell = 1 << 16 | REASON << 8 | names.index(reason)
        voice.hours.setdefault(NOW_MS // HOUR_MS, {})[cell] = count
    return voice


def emerging(history: dict[str, list[int]], now: dict[str, int]) -> list[str]:
    return [e.reason for e in report([heard(history, now)], "reason", 1, NOW_MS).emerging]


def test_steady_reasons_raise_few_alarms_and_a_tripled_one_is_named() -> None:
    """Ten reasons of steady rates on 300 days; one that triples from ten a day, 50 times."""
    rng = random.Random(7)
    rates = [0.3, 1, 2, 3, 5, 8, 13, 21, 34, 55]
    false = sum(
        bool(
            emerging(
                {f"r{i}": [poisson(rng, rate) for _ in range(28)] for i, rate in enumerate(rates)},
                {f"r{i}": poisson(rng, rate) for i, rate in enumerate(rates)},
            )
        )
        for _ in range(300)
    )
    assert false <= 6
    found = sum(
        emerging({"bill": [poisson(rng, 10) for _ in range(28)]}, {"bill": poisson(rng, 30)}) == ["bill"]
        for _ in range(50)
    )
    assert found >= 47


def test_what_scatters_anyway_is_no_news() -> None:
    """A reason that comes in waves is compared with its waves; a new one needs no past, but a past of the lanes."""
    waves = [2, 40] * 14
    assert emerging({"outage": waves}, {"outage": 45}) == []
    assert emerging({"outage": [20, 22] * 14}, {"outage": 45}) == ["outage"]
    assert emerging({"bill": [3] * 28}, {"bill": 3, "esim": 6}) == ["esim"]
    assert emerging({"bill": [3] * 5}, {"bill": 30}) == []


def test_the_chance_is_the_binomial_tail() -> None:
    """Against the sum of its terms."""
    n, k, p = 30, 4, 1 / 29
    exact = sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
    before = [1, 1] * 13 + [0, 0]
    assert math.isclose(chance_of(4, before), exact, rel_tol=1e-9)
    assert chance_of(0, before) == 1.0
