"""Listening to what all lanes heard, again and again, in the one worker that has lane 0: a reason that emerges is an alarm."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from cem.bootstrap.lanes_watch import LanesWatch
from cem.domain.state.lane import LaneState
from cem.voice import ALARM_LEVEL, VOICE, Emerging, emerging

__all__ = ["voice_watch"]

_log = logging.getLogger(__name__)

_EVERY_S: Final = 60.0


def voice_watch(
    own_states: Callable[[], Awaitable[list[bytes | None]]],
    now_ms: Callable[[], int],
    listens: Callable[[], bool],
) -> LanesWatch[list[Emerging]]:
    """Return what keeps the reasons that emerge while `listens`, and logs each that has emerged since the look before.

    `now_ms`: the service's clock.
    """

    async def read(states: list[bytes | None], before: list[Emerging] | None) -> list[Emerging]:
        voices = [LaneState.decode(data).look(VOICE) for data in states if data]
        found = emerging(voices, now_ms(), ALARM_LEVEL)
        known = [old.reason for old in before or ()]
        for new in found:
            if new.reason not in known:
                _log.warning(
                    "customers get in touch about %s more than usual: %d in 24 hours, usually %g a day",
                    new.reason,
                    new.contacts_24h,
                    new.usual,
                )
        return found

    missed = "the voice of the customers was not listened to"
    return LanesWatch(own_states, listens, read, every_s=_EVERY_S, missed=missed)
