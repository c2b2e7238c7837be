"""What is to be made of a partition's lag: Burrow's verdicts, each with the sentence why. Pure.

A number of unread records says little: a backlog that shrinks is well, three records that nobody comes for are not.
So a partition is judged by a window of looks at it, by who owns it, and by how long its oldest unread record has been
waiting. The rules, the first that holds:

1. **stall** if its lane is stopped, or the partition paused with records waiting; **warn** if it is paused and none
   waits yet.
2. **ok** if everything is read.
3. **stop** if it stands still and no member of the group has it; or, where the members are not known, if it has stood
   still for longer than it was seen moving.
4. **rewind** if its position went back and has not come again to where it was.
5. **ok** if its oldest unread record has only just come in.
6. **stall** if it has stood still for `STILL_S` with records waiting.
7. **ok** if it was read to its end at any time in the window.
8. **warn** if it did not move in a window too short to tell, or if its lag never fell and grew.
9. **ok** otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import Final, Literal

import msgspec

__all__ = ["IN_FLIGHT_S", "STILL_S", "Sample", "Verdict", "catch_up_s", "judge"]

Verdict = Literal["ok", "warn", "stop", "stall", "rewind"]

#: Records younger than this are on their way: fetched, or in the batch that is being saved.
IN_FLIGHT_S: Final = 5.0
#: A partition that does not move for so long stands still. A lane serves its topics one after another, so behind a
#: backlog a partition's turn takes a few seconds to come.
STILL_S: Final = 20.0


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One look at one partition."""

    #: The wall's time of the look, ms.
    at_ms: int
    #: Offset of the next record to be read.
    position: int
    #: Offsets from there to the log's end.
    lag_records: int
    #: Time of ingestion (ms) of the oldest unread record; None when nothing is unread, or it could not be read.
    oldest_ms: int | None = None

    @property
    def lag_s(self) -> float | None:
        """Seconds for which the oldest unread record has waited; 0 when nothing is unread, None when unknown."""
        if not self.lag_records:
            return 0.0
        return None if self.oldest_ms is None else max(0, self.at_ms - self.oldest_ms) / 1000


def judge(
    samples: Sequence[Sample],
    *,
    owned: bool | None = None,
    stopped: str | None = None,
    paused: str | None = None,
) -> tuple[Verdict, str]:
    """Return the verdict on a partition and the sentence why.

    samples: at least one, oldest first. owned: whether a member of the group has the partition, None if unknown.
    stopped, paused: why its lane, or the partition alone, is not read on.
    """
    now = samples[-1]
    if stopped is not None:
        return "stall", f"the lane is stopped: {stopped}"
    if paused is not None:
        if now.lag_records:
            return "stall", f"paused: {paused}; {_waiting(now)}"
        return "warn", f"paused: {paused}; nothing waits yet"
    if not now.lag_records:
        return "ok", "read to its end"
    still = _since_last_move(samples)
    moved = len(still) < len(samples)
    stood_s = _stood_s(still)
    if (owned is False and (len(still) > 1 or not moved)) or (owned is None and _silent(samples, still)):
        who = "no member of the group has it" if owned is False else "whoever read it has stopped"
        return "stop", f"{who}; {_waiting(now)}"
    peak = max(sample.position for sample in samples)
    if now.position < peak:
        return "rewind", f"went back from offset {peak} and has come again to {now.position}; {_waiting(now)}"
    if now.lag_s is not None and now.lag_s < IN_FLIGHT_S:
        return "ok", f"keeps up; {_waiting(now)}"
    if stood_s >= STILL_S:
        return "stall", f"has not moved for {_duration(stood_s)}; {_waiting(now)}"
    return _slow(samples, moved=moved)


def _slow(samples: Sequence[Sample], *, moved: bool) -> tuple[Verdict, str]:
    """Judge a partition that lags and neither stands still nor has stopped."""
    now, first = samples[-1], samples[0]
    watched_s = (now.at_ms - first.at_ms) / 1000
    read = [sample.at_ms for sample in samples if not sample.lag_records]
    if read:
        return "ok", f"was read to its end {_duration((now.at_ms - read[-1]) / 1000)} ago; {_waiting(now)}"
    if len(samples) == 1:
        return "warn", f"seen only once; {_waiting(now)}"
    if not moved:
        return "warn", f"did not move in the {_duration(watched_s)} it was watched; {_waiting(now)}"
    lags = [sample.lag_records for sample in samples]
    if lags[-1] > lags[0] and all(after >= before for before, after in pairwise(lags)):
        more = f"{lags[-1] - lags[0]:,} more than {_duration(watched_s)} ago"
        return "warn", f"falls behind although it advances: {more}; {_waiting(now)}"
    left_s = catch_up_s(samples)
    if left_s is None or left_s == inf:
        return "ok", f"advances as fast as records come in; {_waiting(now)}"
    return "ok", f"catches up, in about {_duration(left_s)} at this pace; {_waiting(now)}"


def catch_up_s(samples: Sequence[Sample]) -> float | None:
    """Return the seconds until everything is read at the pace of the window; inf: never; None: too few looks."""
    now, first = samples[-1], samples[0]
    if not now.lag_records:
        return 0.0
    if now.at_ms <= first.at_ms:
        return None
    read = now.position - first.position
    came = read + now.lag_records - first.lag_records
    if read <= came:
        return inf
    return now.lag_records / (read - came) * (now.at_ms - first.at_ms) / 1000


def _since_last_move(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Return the latest samples that have one position."""
    position = samples[-1].position
    start = len(samples)
    while start and samples[start - 1].position == position:
        start -= 1
    return samples[start:]


def _stood_s(still: Sequence[Sample]) -> float:
    """Return for how long the position has been seen at one place with records waiting there, in seconds."""
    now = still[-1]
    waiting = next(sample for sample in still if sample.lag_records)
    since_ms = waiting.at_ms if now.oldest_ms is None else max(now.oldest_ms, still[0].at_ms)
    return max(0, now.at_ms - since_ms) / 1000


def _silent(samples: Sequence[Sample], still: Sequence[Sample]) -> bool:
    """Burrow's rule of stopped consumers: silent for longer than it was seen alive, and not just read to its end."""
    stood_s = _stood_s(still)
    alive_s = (still[0].at_ms - samples[0].at_ms) / 1000
    return stood_s >= STILL_S and stood_s > alive_s and all(sample.lag_records for sample in still)


def _waiting(now: Sample) -> str:
    records = "1 record waits" if now.lag_records == 1 else f"{now.lag_records:,} records wait"
    if now.lag_s is None:
        return f"{records}, for how long is not known"
    return f"{records}, the oldest for {_duration(now.lag_s)}"


def _duration(seconds: float) -> str:
    """Return "0.4 s", "12 s", "3 min", "2.5 h", "3 d"."""
    for limit, unit, size in ((10, "s", 1.0), (120, "s", 1.0), (7200, "min", 60.0), (172_800, "h", 3600.0)):
        if seconds < limit:
            return f"{seconds:.1f} s" if limit == 10 else f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"
