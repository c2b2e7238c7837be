"""What a learner costs that is fed 1,000 examples a second, with five models: `python -m bench.learner`.

Examples of all five models, as many of each, as the simulated operator makes them, learnt in turn as the learner's loop does:
decode, every recipe predicts and learns, the figures are kept. Costs are CPU time of the process. The share of a core at 1,000
examples a second is what an example costs, times a thousand, with what a publication costs (snapshots of five models, every
30 s as shipped) on top. The lag is what a queue makes of it in which one example falls due each millisecond of CPU time: the
worst of the run and a publication; where an example costs more than a millisecond it grows, and is that after a minute.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

from bench.common import Row, Target, check_targets, say, show, write_results
from bench.examples import examples_of_all
from cem.learning.pupil import Lesson, Pupil

__all__ = ["TARGETS", "measured"]

RATE = 1_000
PUBLISH_EVERY_S = 30
BLOCK = 500
TARGETS = (
    Target("five models, 1,000 examples/s: share of a core", most=0.60, of="value"),
    Target("five models, 1,000 examples/s: worst lag", most=1.0, of="value"),
)


def measured(data: Path | None = None, customers: int = 250, seed: int = 7) -> list[Row]:
    """Return the rows; `data` is for those that need data sets, of which this is none."""
    lessons = examples_of_all(customers, seed)
    counts = {name: sum(each == name for each, _ in lessons) for name in dict(lessons)}
    say(f"{len(lessons):,} examples: {counts}")
    pupils = {name: Pupil(name) for name in counts}
    offsets = dict.fromkeys(pupils, 0)
    spent: dict[str, list[float]] = {name: [] for name in pupils}
    blocks: list[float] = []
    behind_s = worst_s = 0.0
    block_began = time.process_time()
    for number, (name, value) in enumerate(lessons):
        began = time.process_time()
        pupils[name].take(Lesson(offsets[name], 1_790_000_000_000 + number, value))
        took_s = time.process_time() - began
        offsets[name] += 1
        spent[name].append(took_s)
        # One falls due each millisecond; whoever takes longer is behind, and catches up when the next take less.
        behind_s = max(0.0, behind_s + took_s - 1 / RATE)
        worst_s = max(worst_s, behind_s)
        if number % BLOCK == BLOCK - 1:
            blocks.append((time.process_time() - block_began) / BLOCK)
            block_began = time.process_time()
    began = time.process_time()
    sizes = [len(pupil.snapshot()) for pupil in pupils.values()]
    publishing_s = time.process_time() - began
    each_s = statistics.median(blocks[len(blocks) // 4 :])
    rows = [
        Row(
            f"{name}, {len(took):,} examples",
            statistics.median(took[len(took) // 4 :]) * 1e6,
            "us CPU an example",
        )
        for name, took in spent.items()
    ]
    share = each_s * RATE + publishing_s / PUBLISH_EVERY_S
    return [
        *rows,
        Row("five models, an example", each_s * 1e6, "us CPU, median of blocks"),
        Row("five models, a publication", publishing_s * 1e3, "ms CPU"),
        Row("five models, snapshots", sum(sizes) / 1e6, "MB"),
        Row("five models, 1,000 examples/s: share of a core", share, ""),
        Row(
            "five models, 1,000 examples/s: worst lag",
            max(worst_s, 60 * (each_s * RATE - 1)) + publishing_s,
            "s",
        ),
    ]


def main() -> int:
    """Measure, print, write `bench/results/learner.json`; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=250)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    rows = measured(None, asked.customers, asked.seed)
    show("A learner of five models", ("figure", "value", "unit"), [(r.name, r.value, r.unit) for r in rows])
    write_results("learner", rows)
    return 0 if check_targets(rows, TARGETS) else 1


if __name__ == "__main__":
    sys.exit(main())
