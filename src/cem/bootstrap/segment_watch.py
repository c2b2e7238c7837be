"""Adding up the segments of all lanes, again and again, in the one worker that has lane 0."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from cem.domain.state.lane import LaneState
from cem.ports import LaneStopped, Unavailable
from cem.segments import TALLY, SegmentRules, Sums, add_up
from cem.streams.metrics_segments import SegmentFigures

__all__ = ["SegmentWatch"]

_log = logging.getLogger(__name__)

_EVERY_S: Final = 15.0


class SegmentWatch:
    """The figures of the last look; None while another worker shows them, or the store cannot be asked."""

    def __init__(
        self,
        own_states: Callable[[], Awaitable[list[bytes | None]]],
        rules: Callable[[], SegmentRules],
        shows: Callable[[], bool],
        *,
        every_s: float = _EVERY_S,
    ) -> None:
        """Take the lanes' own states, the rules in force, and whether it is this process that shows."""
        self._own_states = own_states
        self._rules = rules
        self._shows = shows
        self._every_s = every_s
        self.figures: SegmentFigures | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except (Unavailable, LaneStopped, msgspec.DecodeError) as error:
                self.figures = None
                _log.warning("the segments were not added up: %s", error)
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Look once. Raises Unavailable."""
        if not self._shows():
            self.figures = None
            return
        rules = self._rules()
        states = await self._own_states()
        tallies = [LaneState.decode(data).look(TALLY) for data in states if data]
        _, found, others = add_up(tallies, rules.key)
        self.figures = SegmentFigures({name: found.get(name, Sums()) for name in rules.names}, others)
