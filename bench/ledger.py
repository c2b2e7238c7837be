"""How often the interval of the calls-avoided ledger is wrong, how often it finds a true effect, and how wide it is.

    python -m bench.ledger [--runs 1000]

Each run draws customers that a coin tells or holds out, and looks at the interval after every 100 of them, as an
operator would who cannot wait. Wrong is a run without any effect in which some look says there is one.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from math import sqrt

import numpy as np

from bench.common import Row, Target, check_targets, say, show, write_results
from cem.alerts.interval import Arm, difference

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


def width_ratio(per_arm: int) -> float:
    """Return the interval's width at that sample size over that of one which may be looked at once."""
    arm = Arm(per_arm, round(BASE * per_arm))
    interval = difference(arm, arm)
    assert interval is not None
    return (interval.high - interval.low) / (2 * 1.96 * sqrt(2 * BASE * (1 - BASE) / per_arm))


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
    rows = [
        Row("A/A, 1,000 runs to 20,000 an arm: falsely significant", 100 * wrong, "%"),
        Row("10 % fewer, 20,000 an arm: found", 100 * share_found(asked.seed + 1, fewer, 0.9 * BASE, 20_000), "%"),
        Row("10 % fewer, 10,000 an arm: found", 100 * share_found(asked.seed + 1, fewer, 0.9 * BASE, 10_000), "%"),
        Row("width over a fixed sample's", statistics.fmean(map(width_ratio, (5_000, 10_000, 20_000))), "x"),
    ]  # fmt: skip
    show("Calls-avoided ledger", ("", "", ""), [(row.name, row.value, row.unit) for row in rows])
    good = check_targets(
        rows,
        (
            Target("A/A, 1,000 runs to 20,000 an arm: falsely significant", most=5, of="value"),
            Target("10 % fewer, 20,000 an arm: found", least=80, of="value"),
            Target("width over a fixed sample's", most=2, of="value"),
        ),
    )
    write_results("ledger", rows, runs=asked.runs, seed=asked.seed)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
