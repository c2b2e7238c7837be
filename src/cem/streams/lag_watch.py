"""Keeps the lag under view: a look every few seconds, and the report of the looks of the last minutes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from cem.ports import LaneStopped, Unavailable
from cem.streams.lag import LagReport, LagWindow, Look, Partition

__all__ = ["LagWatch"]

logger = logging.getLogger(__name__)


class LagWatch:
    """The latest report; None while there is none, or while Kafka or the store cannot be asked."""

    def __init__(
        self,
        group: str,
        look: Callable[[], Awaitable[Look]],
        *,
        every_s: float = 5.0,
        window_s: float = 600.0,
    ) -> None:
        """Take what makes one look; it may raise Unavailable. every_s: pause between looks."""
        self.group = group
        self.report: LagReport | None = None
        #: What the report was made of last.
        self.look: Look | None = None
        self.catch_up_s: dict[Partition, float] = {}
        #: Why there is no report.
        self.trouble = "no look has been taken yet"
        self._take_look = look
        self._every_s = every_s
        self._window = LagWindow(window_s)

    async def once(self) -> LagReport:
        """Take a look and return the report with it. Raises Unavailable, LaneStopped."""
        self.look = look = await self._take_look()
        self._window.add(look)
        self.report, self.catch_up_s, self.trouble = self._window.report(), self._window.catch_up_s(), ""
        return self.report

    async def run(self) -> None:
        """Look until cancelled. What cannot be known is not shown: a report does not outlive its look."""
        while True:
            try:
                await self.once()
            except (Unavailable, LaneStopped, OSError) as error:
                if not self.trouble:
                    logger.warning("the lag cannot be told: %s", error)
                self.report, self.catch_up_s, self.trouble = None, {}, str(error) or type(error).__name__
            await asyncio.sleep(self._every_s)
