"""How far a group is behind, by partition: the report that commands and metrics show, made of a window of looks. Pure.

Records are counted by offset: in a compacted topic fewer may be there. Seconds are those for which the oldest unread
record has been waiting since it was ingested, by the wall's clock, never interpolated. What is not known is None.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from cem.streams.lag_verdict import Sample, Verdict, catch_up_s, judge

__all__ = ["LagReport", "LagWindow", "Look", "Partition", "PartitionLag", "Seen"]

#: Topic and partition.
Partition = tuple[str, int]

#: How far back a verdict looks.
WINDOW_S: Final = 600.0
#: Rates are those of the last minute: a backlog's end should not be guessed from how it was ten minutes ago.
_PACE_S: Final = 60.0


class Seen(msgspec.Struct, frozen=True):
    """What one look found at one partition."""

    #: None: not known.
    sample: Sample | None
    #: Whether a member of the group has the partition; None: not known.
    owned: bool | None = None
    #: Why the whole lane is not read on, if it is not.
    stopped: str | None = None
    #: Why this partition is not read on, if it is not.
    paused: str | None = None
    #: Why there is no sample.
    unknown: str = ""


class Look(msgspec.Struct, frozen=True):
    """One look at everything that a group reads."""

    group: str
    at_ms: int
    partitions: Mapping[Partition, Seen]


class PartitionLag(msgspec.Struct, frozen=True):
    """The lag of one partition; None is unknown."""

    group: str
    topic: str
    partition: int
    lag_records: int | None
    lag_seconds: float | None
    verdict: Verdict | None
    reason: str


class LagReport(msgspec.Struct, frozen=True):
    """The lag of a group; a total is None as soon as one partition's part of it is unknown."""

    total_records: int | None
    max_seconds: float | None
    partitions: list[PartitionLag]


class LagWindow:
    """Keeps the looks of the last minutes and makes the report of them."""

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_ms = int(window_s * 1000)
        self._samples: dict[Partition, deque[Sample]] = {}
        self._look: Look | None = None

    def add(self, look: Look) -> None:
        """Take in a look; they come in order of time. A partition that it does not name is forgotten."""
        self._look = look
        self._samples = {key: self._samples.get(key, deque()) for key in look.partitions}
        for key, seen in look.partitions.items():
            samples = self._samples[key]
            if seen.sample is not None:
                samples.append(seen.sample)
            while samples and samples[0].at_ms < look.at_ms - self._window_ms:
                samples.popleft()

    def report(self) -> LagReport:
        """Return the lag as of the last look; before the first one, an empty report of unknown lag."""
        if self._look is None:
            return LagReport(None, None, [])
        found = [self._lag_of(self._look, key) for key in sorted(self._look.partitions)]
        return LagReport(
            total(lag.lag_records for lag in found), greatest(lag.lag_seconds for lag in found), found
        )

    def catch_up_s(self) -> dict[Partition, float]:
        """Return, by partition, the seconds until it is read to its end at its present pace; inf: never."""
        found: dict[Partition, float] = {}
        for key, samples in self._samples.items():
            if samples:
                recent = [s for s in samples if s.at_ms >= samples[-1].at_ms - _PACE_S * 1000]
                left_s = catch_up_s(recent)
                if left_s is not None:
                    found[key] = left_s
        return found

    def _lag_of(self, look: Look, key: Partition) -> PartitionLag:
        topic, partition = key
        seen = look.partitions[key]
        sample = seen.sample
        if sample is None:
            verdict: Verdict | None = "stall" if seen.stopped else None
            reason = seen.stopped or seen.unknown or "not known"
            return PartitionLag(look.group, topic, partition, None, None, verdict, reason)
        verdict, reason = judge(
            list(self._samples[key]), owned=seen.owned, stopped=seen.stopped, paused=seen.paused
        )
        lag_s = sample.lag_s
        return PartitionLag(
            look.group,
            topic,
            partition,
            sample.lag_records,
            None if lag_s is None else round(lag_s, 3),
            verdict,
            reason,
        )


def total(values: Iterable[int | None]) -> int | None:
    """Return the sum, None if any part is unknown, or if there is nothing to add."""
    found = list(values)
    known = [value for value in found if value is not None]
    return sum(known) if found and len(known) == len(found) else None


def greatest(values: Iterable[float | None]) -> float | None:
    """Return the greatest, None if any is unknown, or if there is none."""
    found = list(values)
    known = [value for value in found if value is not None]
    return max(known) if found and len(known) == len(found) else None
