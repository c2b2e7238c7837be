"""Running many histories: over both cores, counting what was met, shrinking what failed."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.faults.shrink import failure_of

#: Every way that a history can go wrong, and what answers it: a run that has not met one of them proves less.
MUST_SEE = frozenset(
    [f"{what}:{call}" for what in ("crash:before", "crash:after", "lost_request", "lost_reply", "late_request", "late")
     for call in ("open_lane", "journal", "bounds", "peek", "read", "load", "due", "append_journal", "save", "publish")]
    + ["save:saved", "save:already", "save:fenced", "fenced", "rollback", "second_owner", "freeze", "redelivery",
       "partial_publish", "lost_the_journal", "unknown_offset",
       "append_in_doubt", "followed"]
)  # fmt: skip


class Result(NamedTuple):
    """One history: its seed, the hash of what happened, what it met, and how it failed."""

    seed: int
    trace: str
    seen: dict[str, int]
    failure: str | None


def run_one(seed: int) -> Result:
    """Run one history."""
    history, error = failure_of(seed)
    failure = None if error is None else f"{type(error).__name__}: {error}"
    return Result(seed, history.trace, dict(history.seen), failure)


def run_many(seeds: Iterable[int], processes: int = 2) -> Iterator[Result]:
    """Yield the results of all seeds, in any order."""
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        yield from pool.imap_unordered(run_one, seeds, chunksize=50)


class Summary:
    """What a run of many histories amounts to."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.failures: list[Result] = []
        self.count = 0
        self._began = time.monotonic()

    def add(self, result: Result) -> None:
        """Count one history."""
        self.count += 1
        self.seen.update(result.seen)
        if result.failure is not None:
            self.failures.append(result)

    @property
    def rate(self) -> float:
        """Histories a second so far."""
        return self.count / max(1e-9, time.monotonic() - self._began)

    @property
    def unseen(self) -> list[str]:
        """Which of MUST_SEE were not met."""
        return sorted(MUST_SEE - set(self.seen))
