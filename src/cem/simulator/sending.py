"""Events of the simulation into Kafka: acknowledged stretch by stretch, sent again when Kafka was away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cem.domain.events.envelope import encode
from cem.importing.into_log import lane_positions, reader_pace
from cem.settings import Settings
from cem.simulator.world import Produced
from cem.stores import RedisStore
from cem.streams.backpressure import Positions, ReaderPace
from cem.streams.connection import client_options
from cem.streams.log_reader import KafkaLog
from cem.streams.producer import EventProducer, LogUnavailable, Outgoing
from cem.streams.topics import LANE_TOPICS

__all__ = ["Sender", "outgoing"]

#: Events between two acknowledgements that are waited for.
_STRETCH: Final = 4000
_AGAIN_S: Final = 2.0
_LOOK_S: Final = 0.2


def outgoing(event: Produced, *, now_ms: int | None = None) -> Outgoing:
    """Return the record of an event: with its simulated ingestion time, or, given the wall's `now_ms`, as of now."""
    headers, value = encode(
        event.event,
        id=event.id,
        source=event.source,
        time_ms=event.time_ms if now_ms is None else now_ms - (event.recorded_ms - event.time_ms),
        customer_id=event.key,
        sequence=event.sequence,
        recorded_ms=event.recorded_ms if now_ms is None else None,
    )
    return Outgoing(event.topic, event.key.encode(), headers, value)


async def _nobody() -> Mapping[tuple[str, int], int]:
    return {}


class Sender:
    """Sends events in order; each is acknowledged before the call returns."""

    def __init__(self, settings: Settings, store: RedisStore, *, note: Callable[[str], None]) -> None:
        self._settings = settings
        self._store = store
        self._note = note
        self._producer: EventProducer | None = None
        self._pace: ReaderPace | None = None
        self._positions: Positions = _nobody
        #: Nobody reads.
        self._alone = False
        #: Acknowledged so far.
        self.sent = 0

    async def start(self) -> str:
        """Connect and return the Kafka cluster's id. Raises Unavailable when nothing is there at the start."""
        log = KafkaLog(client_options(self._settings))
        try:
            cluster_id = await log.cluster_id()
        finally:
            await log.stop()
        self._positions = lane_positions(self._store, cluster_id)
        self._pace = await reader_pace(self._store, cluster_id, wait=True, note=self._note)
        self._producer = await self._connected()
        return cluster_id

    async def _connected(self) -> EventProducer:
        expected = dict.fromkeys(LANE_TOPICS, self._settings.partitions)
        producer = EventProducer(
            client_options(self._settings), admission=self._pace, expected_partitions=expected
        )
        await producer.start()
        return producer

    async def send(self, events: Sequence[Produced], *, now_ms: int | None = None) -> None:
        """Return when Kafka has all events. While Kafka is away it tries again, and says so."""
        for begin in range(0, len(events), _STRETCH):
            await self._send(events[begin : begin + _STRETCH], now_ms)

    async def _send(self, events: Sequence[Produced], now_ms: int | None) -> None:
        records = [outgoing(event, now_ms=now_ms) for event in events]
        away = False
        while True:
            try:
                if self._producer is None:
                    self._producer = await self._connected()
                await self._producer.send_many(records)
                await self._producer.flush()
            except LogUnavailable as error:
                if not away:
                    self._note(f"{error}; trying again every {_AGAIN_S:g} s")
                away = True
                await self._drop()
                await asyncio.sleep(_AGAIN_S)
                continue
            break
        if away:
            self._note("Kafka is back")
        self.sent += len(records)

    async def all_known(self, patience_s: float) -> None:
        """Return when the workers have read everything, which they may have to begin with; nobody is waited for twice."""
        if self._pace is None or self._alone:
            return
        give_up_at = time.monotonic() + patience_s
        while not await self._positions():
            if time.monotonic() > give_up_at:
                self._alone = True
                self._note(
                    "no worker reads: messages that know only their line may wait in vain for their customer"
                )
                return
            await asyncio.sleep(_LOOK_S)
        await self._pace.drained(patience_s)

    async def drained(self, patience_s: float) -> bool:
        """Return True when the workers have read everything, or there are none; False: they stood still so long."""
        if self._pace is None or not await self._positions():
            return True
        return await self._pace.drained(patience_s)

    async def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def stop(self) -> None:
        """Close the connection; everything sent is acknowledged already."""
        await self._drop()
