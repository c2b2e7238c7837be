"""How far the workers are behind, measured from outside while `cem up` runs. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

__all__ = ["Lag", "LagMeter"]

import msgspec

#: Samples remembered; with one every two seconds, ten minutes.
_SAMPLES: Final = 300

#: Topic and partition.
Key = tuple[str, int]


class Lag(msgspec.Struct, frozen=True):
    """Unread records over all partitions, and the age (wall seconds) of the oldest; at least that if `over`."""

    records: int
    seconds: float
    over: bool = False


class LagMeter:
    """Fed with end offsets and positions; tells when an unread record had arrived by the ends that it has seen."""

    def __init__(self) -> None:
        self._ends: deque[tuple[float, Mapping[Key, int]]] = deque(maxlen=_SAMPLES)

    def measure(self, now_s: float, ends: Mapping[Key, int], positions: Mapping[Key, int]) -> Lag:
        """Return the lag, given the partitions' ends as they were at `now_s` and the positions read after them."""
        self._ends.append((now_s, ends))
        behind = {key: positions.get(key, 0) for key, end in ends.items() if positions.get(key, 0) < end}
        records = sum(ends[key] - position for key, position in behind.items())
        if not behind:
            return Lag(0, 0.0)
        # The newest moment at which everything that had arrived has been read by now.
        for seen_s, seen in reversed(self._ends):
            if all(seen.get(key, 0) <= position for key, position in behind.items()):
                return Lag(records, now_s - seen_s)
        return Lag(records, now_s - self._ends[0][0], over=True)
