"""Writing the API's own records to the log, without an answer ever waiting longer than it may."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from cem.api.services import Services
from cem.domain.events import Event, encode
from cem.ports import Emission, Unavailable
from cem.streams.partition import lane_of

__all__ = ["SOURCE", "Recorder"]

_log = logging.getLogger(__name__)

#: CloudEvents source of what the API records.
SOURCE: Final = "cem/api"
#: Records under way; beyond that the log is down, and holding more would only fill the memory.
_MOST: Final = 2000
#: Records of one call, and calls at a time.
_BATCH: Final = 500
_SENDERS: Final = 8


class Recorder:
    """Publishes records in the background; whoever wants to may wait for one.

    A record that comes while others are on their way goes with the next batch: when there is much to write, it is
    written in few calls; when there is little, at once.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._waiting: list[tuple[Emission, asyncio.Future[bool]]] = []
        self._senders: set[asyncio.Task[None]] = set()
        self._held = 0
        self._failing = False

    async def record(
        self, event: Event, *, event_id: str, customer_id: str, wait_s: float, traceparent: str | None = None
    ) -> bool:
        """Return whether the log has acknowledged `event` within `wait_s`; it goes on trying after that."""
        if self._held >= _MOST:
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
        acknowledged = asyncio.get_running_loop().create_future()
        self._held += 1
        self._waiting.append((emission, acknowledged))
        if len(self._senders) < _SENDERS:
            sender = asyncio.create_task(self._send())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        if wait_s <= 0:
            return False
        await asyncio.wait((acknowledged,), timeout=wait_s)
        return acknowledged.done() and acknowledged.result()

    async def drain(self, wait_s: float) -> None:
        """Wait for what is under way, at most `wait_s`."""
        if self._senders:
            await asyncio.wait(tuple(self._senders), timeout=wait_s)

    async def _send(self) -> None:
        """Publish what waits, batch by batch, until nothing does."""
        while self._waiting:
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            logged = False
            try:
                logged = await self._publish([emission for emission, _ in batch])
            finally:
                self._held -= len(batch)
                for _, acknowledged in batch:
                    if not acknowledged.done():
                        acknowledged.set_result(logged)

    async def _publish(self, emissions: list[Emission]) -> bool:
        try:
            await self._services.log.publish(emissions)
        except Unavailable as error:
            if not self._failing:
                _log.warning("records cannot be written: %s", error)
            self._failing = True
            return False
        if self._failing:
            _log.info("records can be written again")
        self._failing = False
        return True
