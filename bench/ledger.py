"""How often the interval of the calls-avoided ledger is wrong, how often it finds a true effect, and how wide it is.

    python -m bench.ledger [--runs 1000]

Each run draws customers that a coin tells or holds out, and looks at the interval after every 100 of them, as an
operator would who cannot wait. Wrong is a run without any effect in which some look says there is one.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator
from math import sqrt
from typing import NamedTuple

import numpy as np

from bench.common import Row, Target, check_targets, say, show, write_results
from cem.alerts.interval import Arm, difference, difference_of

__all__ = ["main"]

LOOK = 100
BASE = 0.2


def looks(draw: np.random.Generator, told: float, held_out: float, per_arm: int) -> Iterator[tuple[Arm, Arm]]:
    """Yield what is known after every LOOK observations of one run."""
    count = 2 * per_arm
    arm = draw.random(count) < 0.5
    event = draw.random(count) < np.where(arm, told, held_out)
    sums = [np.cumsum(x) for x in (arm, arm & event, ~arm, ~arm & event)]
    for at in range(LOOK - 1, count, LOOK):
        a, b, c, d = (int(s[at]) for s in sums)
        yield Arm(a, b), Arm(c, d)


def share_found(seed: int, runs: int, told: float, per_arm: int) -> float:
    """Return the share of runs in which some look finds an effect."""
    draw = np.random.default_rng(seed)
    found = 0
    for _ in range(runs):
        for one, other in looks(draw, told, BASE, per_arm):
            interval = difference(one, other)
            if interval is not None and (interval.low > 0 or interval.high < 0):
                found += 1
                break
    return found / runs


def share(found: Iterable[object]) -> float:
    """Return the share of those that are there."""
    return statistics.fmean(map(bool, found))


def width_ratio(per_arm: int) -> float:
    """Return the interval's width at that sample size over that of one which may be looked at once."""
    arm = Arm(per_arm, round(BASE * per_arm))
    interval = difference(arm, arm)
    assert interval is not None
    return (interval.high - interval.low) / (2 * 1.96 * sqrt(2 * BASE * (1 - BASE) / per_arm))


class Paused(NamedTuple):
    """What became of a type whose ledger pauses it and lets it go on: customers at its first pause, and at its last."""

    first: int | None
    is_paused: bool


def paused_run(draw: np.random.Generator, told: Callable[[float], float], customers: int) -> Paused:
    """Return one run in which 95 % are told, and 5 % while the ledger pauses the type; in its second half more call.

    told: share of the way to share of those told who call, as a multiple of the others'.
    """
    sums = np.zeros((2, 4), dtype=np.int64)
    first, is_paused = None, False
    for at in range(0, customers, LOOK):
        base = BASE if at < customers / 2 else 1.5 * BASE
        arms = draw.binomial(LOOK, 0.05 if is_paused else 0.95)
        events = draw.binomial(arms, min(1.0, base * told(at / customers)))
        sums[int(is_paused)] += (arms, events, LOOK - arms, draw.binomial(LOOK - arms, base))
        found = difference_of([(Arm(int(a), int(b)), Arm(int(c), int(d))) for a, b, c, d in sums])
        is_paused = found is not None and found.useless
        if is_paused and first is None:
            first = at + LOOK
    return Paused(first, is_paused)


def pauses(seed: int, runs: int, told: Callable[[float], float], customers: int) -> list[Paused]:
    """Return so many runs."""
    draw = np.random.default_rng(seed)
    return [paused_run(draw, told, customers) for _ in range(runs)]


def main() -> int:
    """Measure, print, write `bench/results/ledger.json`; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    say("runs without an effect ...")
    wrong = share_found(asked.seed, asked.runs, BASE, 20_000)
    say("runs with one ...")
    fewer = asked.runs // 2
    say("types that pause themselves ...")
    idle = pauses(asked.seed + 2, fewer, lambda way: 1.0, 100_000)
    harmful = pauses(asked.seed + 3, fewer // 2, lambda way: 1.2, 100_000)
    mended = pauses(asked.seed + 4, fewer // 2, lambda way: 1.2 if way < 0.3 else 0.6, 100_000)
    when = sorted(run.first or 10**9 for run in harmful)
    rows = [
        Row("A/A, 1,000 runs to 20,000 an arm: falsely significant", 100 * wrong, "%"),
        Row("10 % fewer, 20,000 an arm: found", 100 * share_found(asked.seed + 1, fewer, 0.9 * BASE, 20_000), "%"),
        Row("10 % fewer, 10,000 an arm: found", 100 * share_found(asked.seed + 1, fewer, 0.9 * BASE, 10_000), "%"),
        Row("no effect, 100,000 customers, a season: ever paused", 100 * share(run.first for run in idle), "%"),
        Row("a fifth more calls: paused", 100 * share(run.first for run in harmful), "%"),
        Row("a fifth more calls: customers until then, median", when[len(when) // 2], ""),
        Row("a fifth more, then two fifths fewer: told again", 100 * share(not run.is_paused for run in mended), "%"),
        Row("width over a fixed sample's", statistics.fmean(map(width_ratio, (5_000, 10_000, 20_000))), "x"),
    ]  # fmt: skip
    show("Calls-avoided ledger", ("", "", ""), [(row.name, row.value, row.unit) for row in rows])
    good = check_targets(
        rows,
        (
            Target("A/A, 1,000 runs to 20,000 an arm: falsely significant", most=5, of="value"),
            Target("10 % fewer, 20,000 an arm: found", least=80, of="value"),
            Target("no effect, 100,000 customers, a season: ever paused", most=5, of="value"),
            Target("width over a fixed sample's", most=2, of="value"),
        ),
    )
    write_results("ledger", rows, runs=asked.runs, seed=asked.seed)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
