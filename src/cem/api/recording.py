"""Writing the API's own records to the log, without an answer ever waiting longer than it may."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from cem.api.services import Services
from cem.domain.events import Event, encode
from cem.ports import Emission, Unavailable

__all__ = ["SOURCE", "Recorder"]

_log = logging.getLogger(__name__)

#: CloudEvents source of what the API records.
SOURCE: Final = "cem/api"
#: Records under way; beyond that the log is down, and holding more would only fill the memory.
_MOST: Final = 2000


class Recorder:
    """Publishes records in the background; whoever wants to may wait for one."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._under_way: set[asyncio.Task[bool]] = set()
        self._failing = False

    async def record(
        self, event: Event, *, event_id: str, customer_id: str, wait_s: float, traceparent: str | None = None
    ) -> bool:
        """Return whether the log has acknowledged `event` within `wait_s`; it goes on trying after that."""
        if len(self._under_way) >= _MOST:
            return False
        services = self._services
        now_ms = services.clock.now_ms()
        headers, value = encode(
            event,
            id=event_id,
            source=SOURCE,
            time_ms=now_ms,
            customer_id=customer_id,
            traceparent=traceparent,
            recorded_ms=now_ms if services.simulated_clock else None,
        )
        emission = Emission(event.TOPIC, customer_id.encode(), value, headers)
        task = asyncio.create_task(self._publish(emission))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        if wait_s <= 0:
            return False
        await asyncio.wait((task,), timeout=wait_s)
        return task.done() and task.result()

    async def drain(self, wait_s: float) -> None:
        """Wait for what is under way, at most `wait_s`."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=wait_s)

    async def _publish(self, emission: Emission) -> bool:
        try:
            await self._services.log.publish([emission])
        except Unavailable as error:
            if not self._failing:
                _log.warning("records cannot be written: %s", error)
            self._failing = True
            return False
        if self._failing:
            _log.info("records can be written again")
        self._failing = False
        return True
