"""Drift of a mean: a window that drops its older part when that part's mean is another than the newer part's.

Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", SIAM SDM 2007: buckets of powers of
two, at most five of each size, and a cut wherever |mean_0 - mean_1| exceeds the bound at confidence 1 - delta. Its
state is plain numbers, so that a model with it becomes a snapshot, which `river.drift.ADWIN` does not; a test holds the
two to the same discoveries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

__all__ = ["Adwin"]

_PER_SIZE: Final = 5
_CLOCK: Final = 32
_LEAST_WINDOW: Final = 10
_LEAST_PART: Final = 5
_MOST_ROWS: Final = 32


class Adwin:
    """Watches a stream of finite numbers."""

    def __init__(self, delta: float = 0.002) -> None:
        """delta: chance of a false alarm per check."""
        self.delta = delta
        self.width = 0
        self.total = 0.0
        self.squares = 0.0
        self.detections = 0
        self._count = 0
        #: Row i holds buckets of 2^i values, oldest first: (sum, sum of squared deviations).
        self._rows: list[list[tuple[float, float]]] = [[]]

    @property
    def mean(self) -> float:
        """Mean of the window, 0 when it is empty."""
        return self.total / self.width if self.width else 0.0

    def update(self, value: float) -> bool:
        """Take a value; return whether the mean has changed, in which case the older part is forgotten."""
        self._count += 1
        if self.width:
            off = value - self.mean
            self.squares += self.width * off * off / (self.width + 1)
        self.width += 1
        self.total += value
        self._rows[0].append((value, 0.0))
        self._merge()
        if self._count % _CLOCK or self.width <= _LEAST_WINDOW:
            return False
        changed = False
        while self._cut():
            changed = True
        self.detections += changed
        return changed

    def state(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "delta": self.delta,
            "width": self.width,
            "total": self.total,
            "squares": self.squares,
            "detections": self.detections,
            "count": self._count,
            "rows": [[list(bucket) for bucket in row] for row in self._rows],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Adwin:
        """Return the window whose `state` it is. Raises msgspec.ValidationError or KeyError for anything else."""
        made = cls(msgspec.convert(state["delta"], float))
        made.width = msgspec.convert(state["width"], int)
        made.total = msgspec.convert(state["total"], float)
        made.squares = msgspec.convert(state["squares"], float)
        made.detections = msgspec.convert(state["detections"], int)
        made._count = msgspec.convert(state["count"], int)
        made._rows = msgspec.convert(state["rows"], list[list[tuple[float, float]]])
        return made

    def _merge(self) -> None:
        """Make two buckets one where a size has too many."""
        rows = self._rows
        index = 0
        while len(rows[index]) > _PER_SIZE and index < _MOST_ROWS:
            if index + 1 == len(rows):
                rows.append([])
            (first, first_sq), (second, second_sq) = rows[index][:2]
            del rows[index][:2]
            n = 1 << index
            off = (first - second) / n
            rows[index + 1].append((first + second, first_sq + second_sq + n * off * off / 2))
            index += 1

    def _cut(self) -> bool:
        """Drop the oldest bucket if some cut of the window shows two means; return whether one did."""
        old_n, old_sum = 0, 0.0
        new_n, new_sum = self.width, self.total
        for index in range(len(self._rows) - 1, -1, -1):
            for place, (bucket, _) in enumerate(self._rows[index]):
                if index == 0 and place == len(self._rows[0]) - 1:
                    return False
                n = 1 << index
                old_n, old_sum = old_n + n, old_sum + bucket
                new_n, new_sum = new_n - n, new_sum - bucket
                if new_n < _LEAST_PART:
                    return False
                if old_n >= _LEAST_PART and self._differ(old_n, old_sum, new_n, new_sum):
                    self._drop_oldest()
                    return True
        return False

    def _differ(self, old_n: int, old_sum: float, new_n: int, new_sum: float) -> bool:
        spread = math.log(2.0 * math.log(self.width) / self.delta)
        inverse = 1.0 / (old_n - _LEAST_PART + 1) + 1.0 / (new_n - _LEAST_PART + 1)
        variance = max(0.0, self.squares / self.width)
        bound = math.sqrt(2.0 * inverse * variance * spread) + 2.0 / 3.0 * inverse * spread
        return abs(old_sum / old_n - new_sum / new_n) > bound

    def _drop_oldest(self) -> None:
        index = len(self._rows) - 1
        total, squares = self._rows[index].pop(0)
        n = 1 << index
        self.width -= n
        self.total -= total
        if self.width:
            off = total / n - self.mean
            self.squares -= squares + n * self.width * off * off / (n + self.width)
        else:
            self.squares = 0.0
        self.squares = max(0.0, self.squares)
        while len(self._rows) > 1 and not self._rows[-1]:
            self._rows.pop()
