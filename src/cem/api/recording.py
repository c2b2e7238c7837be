"""Writing the API's own records to the log, without an answer ever waiting longer than it may."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Final

from cem.api.replies import later
from cem.api.services import Services
from cem.domain.events import Event, encode
from cem.ports import Emission, LaneStopped, Unavailable
from cem.streams.partition import lane_of

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
        #: What is told how each record under way ended; done already where nobody waits for it any more.
        self._under_way: set[asyncio.Future[bool]] = set()
        self._drained: asyncio.Future[None] | None = None
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
        # The lane is known (and remembered): the producer need not hash the key once more.
        lane = lane_of(customer_id, services.partitions)
        emission = Emission(event.TOPIC, customer_id.encode(), value, headers, partition=lane)
        loop = asyncio.get_running_loop()
        acknowledged: asyncio.Future[bool] = loop.create_future()
        self._under_way.add(acknowledged)
        services.log.post(emission, partial(self._ended, acknowledged))
        if acknowledged.done():
            return acknowledged.result()
        if wait_s <= 0:
            return False
        given_up = loop.call_later(wait_s, _settle, acknowledged, False)
        try:
            return await acknowledged
        finally:
            given_up.cancel()

    async def require(
        self, event: Event, what: str, *, event_id: str, customer_id: str, traceparent: str | None
    ) -> None:
        """Return once the log has acknowledged `event`, which people call `what`. Raises Problem if it takes too long."""
        logged = await self.record(
            event,
            event_id=event_id,
            customer_id=customer_id,
            wait_s=self._services.record_log_ms / 1000,
            traceparent=traceparent,
        )
        if not logged:
            detail = f"the log has not acknowledged the {what}; sending it again is safe"
            raise later("log-unavailable", detail)

    async def drain(self, wait_s: float) -> None:
        """Wait for what is under way, at most `wait_s`."""
        if self._under_way:
            self._drained = asyncio.get_running_loop().create_future()
            await asyncio.wait((self._drained,), timeout=wait_s)

    def _ended(self, acknowledged: asyncio.Future[bool], error: Unavailable | LaneStopped | None) -> None:
        """Take in what became of a record."""
        self._under_way.discard(acknowledged)
        if error is not None and not self._failing:
            _log.warning("records cannot be written: %s", error)
        elif error is None and self._failing:
            _log.info("records can be written again")
        self._failing = error is not None
        _settle(acknowledged, error is None)
        if self._drained is not None and not self._under_way and not self._drained.done():
            self._drained.set_result(None)


def _settle(future: asyncio.Future[bool], value: bool) -> None:
    if not future.done():
        future.set_result(value)
