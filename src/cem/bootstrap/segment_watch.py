"""Adding up the segments of all lanes, again and again, in the one worker that has lane 0."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from cem.bootstrap.lanes_watch import LanesWatch
from cem.domain.state.lane import LaneState
from cem.segments import TALLY, SegmentRules, Sums, add_up
from cem.streams.metrics_segments import SegmentFigures

__all__ = ["segment_watch"]

_EVERY_S: Final = 15.0


def segment_watch(
    own_states: Callable[[], Awaitable[list[bytes | None]]],
    rules: Callable[[], SegmentRules],
    shows: Callable[[], bool],
) -> LanesWatch[SegmentFigures]:
    """Return what keeps the segments' figures under the rules in force while `shows`."""

    async def read(states: list[bytes | None], before: SegmentFigures | None) -> SegmentFigures:
        now = rules()
        tallies = [LaneState.decode(data).look(TALLY) for data in states if data]
        _, found, others = add_up(tallies, now.key)
        return SegmentFigures({name: found.get(name, Sums()) for name in now.names}, others)

    return LanesWatch(own_states, shows, read, every_s=_EVERY_S, missed="the segments were not added up")
