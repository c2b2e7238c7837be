"""`python -m tests.faults`: run histories, print the rate, and shrink what fails."""

from __future__ import annotations

import argparse
import sys

from tests.faults.runner import Summary, run_many
from tests.faults.shrink import shrink


def main() -> int:
    """Return 0 if all histories held and every kind of fault was met, else 1."""
    parser = argparse.ArgumentParser(description="Hand-step the pipeline through seeded histories of faults.")
    parser.add_argument("--seeds", type=int, default=20_000, help="how many histories (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, help="only this one, shrunk if it fails")
    options = parser.parse_args()
    if options.seed is not None:
        return show(options.seed)
    summary = Summary()
    for result in run_many(range(options.first, options.first + options.seeds), options.processes):
        summary.add(result)
        if result.failure:
            print(f"seed {result.seed}: {result.failure}", flush=True)
        if summary.count % 1000 == 0:
            print(f"{summary.count} histories, {summary.rate:.0f}/s", file=sys.stderr, flush=True)
    print(f"{summary.count} histories in all, {summary.rate:.0f}/s, {len(summary.failures)} failed")
    for name, count in summary.seen.most_common():
        print(f"  {count:>9}  {name}")
    if summary.unseen:
        print("never met: " + ", ".join(summary.unseen))
    for result in summary.failures[:3]:
        show(result.seed)
    return 1 if summary.failures or summary.unseen else 0


def show(seed: int) -> int:
    """Print the smallest set of faults under which the seed still fails."""
    try:
        faults, error = shrink(seed)
    except ValueError:
        print(f"seed {seed} holds")
        return 0
    print(f"seed {seed} fails with {error!r}; it takes:")
    for fault in faults:
        print(f"  {fault.index:>4}  {fault.what}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
