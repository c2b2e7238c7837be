"""Looking at what all lanes keep of themselves, again and again, in the one worker whose task it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec

from cem.ports import LaneStopped, Unavailable

__all__ = ["LanesWatch"]

_log = logging.getLogger(__name__)

Seen = TypeVar("Seen")


class LanesWatch(Generic[Seen]):
    """Keeps what the last look has shown, and None while another worker looks or the store cannot be asked."""

    def __init__(
        self,
        own_states: Callable[[], Awaitable[list[bytes | None]]],
        looks: Callable[[], bool],
        read: Callable[[list[bytes | None], Seen | None], Awaitable[Seen | None]],
        *,
        every_s: float,
        missed: str,
    ) -> None:
        """Take where the lanes' own states are, and whether it is this process that looks.

        `read` returns what they show, given what was seen before; it may raise Unavailable. `every_s`: pause between
        looks. `missed`: what the log says was not done when one fails.
        """
        self.seen: Seen | None = None
        self._own_states = own_states
        self._looks = looks
        self._read = read
        self._every_s = every_s
        self._missed = missed

    async def run(self) -> None:
        """Look until cancelled. What cannot be known is not shown: nothing seen outlives a look that failed."""
        while True:
            try:
                await self.look()
            except (Unavailable, LaneStopped, msgspec.DecodeError) as error:
                self.seen = None
                _log.warning("%s: %s", self._missed, error)
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Look once. Raises Unavailable, LaneStopped, msgspec.DecodeError."""
        self.seen = await self._read(await self._own_states(), self.seen) if self._looks() else None
