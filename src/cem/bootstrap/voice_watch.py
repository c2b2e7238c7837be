"""Listening to what all lanes heard, again and again, in the one worker that has lane 0: a reason that emerges is an alarm."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from cem.domain.state.lane import LaneState
from cem.ports import LaneStopped, Unavailable
from cem.voice import ALARM_LEVEL, VOICE, Emerging, emerging

__all__ = ["VoiceWatch"]

_log = logging.getLogger(__name__)

_EVERY_S: Final = 60.0


class VoiceWatch:
    """The reasons that emerge as of the last look; None while another worker listens, or the store cannot be asked."""

    def __init__(
        self,
        own_states: Callable[[], Awaitable[list[bytes | None]]],
        now_ms: Callable[[], int],
        listens: Callable[[], bool],
        *,
        every_s: float = _EVERY_S,
    ) -> None:
        """Take the lanes' own states, the service's clock, and whether it is this process that listens."""
        self._own_states = own_states
        self._now_ms = now_ms
        self._listens = listens
        self._every_s = every_s
        self.emerging: list[Emerging] | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except (Unavailable, LaneStopped, msgspec.DecodeError) as error:
                self.emerging = None
                _log.warning("the voice of the customers was not listened to: %s", error)

    async def look(self) -> None:
        """Look once, and log each reason that has emerged since the last look. Raises Unavailable."""
        if not self._listens():
            self.emerging = None
            return
        states = await self._own_states()
        voices = [LaneState.decode(data).look(VOICE) for data in states if data]
        found = emerging(voices, self._now_ms(), ALARM_LEVEL)
        known = [old.reason for old in self.emerging or ()]
        for new in found:
            if new.reason not in known:
                _log.warning(
                    "customers get in touch about %s more than usual: %d in 24 hours, usually %g a day",
                    new.reason,
                    new.contacts_24h,
                    new.usual,
                )
        self.emerging = found
