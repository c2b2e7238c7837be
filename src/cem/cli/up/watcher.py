"""Looks at the running system from outside, as any consumer could: the log's ends, the lanes' positions, the alerts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from cem.cli.alert_line import alert_line
from cem.cli.up.lag_meter import Lag, LagMeter
from cem.cli.up.status import Status
from cem.domain.events import AlertOpened
from cem.domain.events.envelope import Received, decode
from cem.ports import LaneHeader, Unavailable
from cem.settings import Settings
from cem.streams.clock import SimulatedClock, read_anchors
from cem.streams.connection import client_options
from cem.streams.log_reader import KafkaLog
from cem.streams.offsets import know_topics
from cem.streams.stopping import start_client, stop_consumer
from cem.streams.topics import ALERTS, DECISIONS, LANE_TOPICS

__all__ = ["WatchedStore", "Watcher"]

_STATUS_EVERY_S: Final = 2.0
_POLL_MS: Final = 250
#: Alerts shown in full in so many seconds; the rest is counted, or nobody could read any.
_ALERTS_SHOWN: Final = 5
_ALERTS_EVERY_S: Final = 10.0


class WatchedStore(Protocol):
    """What is read of the store."""

    async def headers(self) -> dict[int, LaneHeader]: ...

    async def get_raw(self, key: str) -> bytes | None: ...

    async def set_raw(self, key: str, value: bytes) -> object: ...


class Watcher:
    """Reports the status every few seconds and each alert as it opens."""

    def __init__(
        self,
        settings: Settings,
        store: WatchedStore,
        *,
        say: Callable[[str], None],
        show: Callable[[Status], None],
    ) -> None:
        self._settings = settings
        self._store = store
        self._say = say
        self._show = show
        self._meter = LagMeter()
        self._clock = SimulatedClock()
        self._alerts = 0
        self._shown = 0
        self._events: tuple[float, int] | None = None
        self._cluster_id = ""

    async def run(self) -> None:
        """Watch until cancelled; a Kafka or Redis that is away is waited for, and said so in the status."""
        while True:
            consumer = AIOKafkaConsumer(**client_options(self._settings), enable_auto_commit=False)
            try:
                await start_client(consumer)
                self._cluster_id = await self._ask_cluster_id()
                await self._watch(consumer)
            except (KafkaError, Unavailable) as error:
                self._show(Status(trouble=f"waiting for Kafka: {str(error) or type(error).__name__}"))
                await asyncio.sleep(_STATUS_EVERY_S)
            finally:
                await stop_consumer(consumer, within_s=1.0)

    async def _ask_cluster_id(self) -> str:
        log = KafkaLog(client_options(self._settings))
        try:
            return await log.cluster_id()
        finally:
            await log.stop()

    async def _watch(self, consumer: AIOKafkaConsumer) -> None:
        alerts = [TopicPartition(ALERTS, lane) for lane in range(self._settings.partitions)]
        consumer.assign(alerts)
        await consumer.seek_to_end(*alerts)
        await know_topics(consumer, LANE_TOPICS)
        due_s, rest_due_s = time.monotonic(), time.monotonic() + _ALERTS_EVERY_S
        while True:
            batches = await consumer.getmany(timeout_ms=_POLL_MS)
            for records in batches.values():
                for record in records:
                    received = decode(record)
                    if isinstance(received, Received) and isinstance(received.event, AlertOpened):
                        self._opened(received.event)
            if time.monotonic() >= due_s:
                await self._report(consumer)
                due_s = time.monotonic() + _STATUS_EVERY_S
            if time.monotonic() >= rest_due_s:
                self._say_rest()
                rest_due_s = time.monotonic() + _ALERTS_EVERY_S

    def _opened(self, alert: AlertOpened) -> None:
        self._alerts += 1
        # While history is written, what happened months ago is no news.
        live = self._settings.clock == "wall" or self._clock.speed > 0
        if live and not alert.holdout:
            self._shown += 1
            if self._shown <= _ALERTS_SHOWN:
                self._say(alert_line(alert, self._settings.currency))

    def _say_rest(self) -> None:
        if self._shown > _ALERTS_SHOWN:
            self._say(f"... and {self._shown - _ALERTS_SHOWN} more alerts (cem alerts lists them)")
        self._shown = 0

    async def _report(self, consumer: AIOKafkaConsumer) -> None:
        lanes = range(self._settings.partitions)
        ends = await consumer.end_offsets(
            [TopicPartition(topic, lane) for topic in LANE_TOPICS for lane in lanes]
        )
        now_s = time.monotonic()
        events = sum(ends.values())
        rate = None
        if self._events is not None and now_s > self._events[0]:
            rate = (events - self._events[1]) / (now_s - self._events[0])
        self._events = (now_s, events)
        try:
            lag = await self._lag(now_s, {(tp.topic, tp.partition): end for tp, end in ends.items()})
        except Unavailable as error:
            self._show(Status(trouble=f"waiting for Redis: {error}"))
            return
        simulated = self._settings.clock == "simulated"
        self._show(
            Status(
                events=events,
                events_per_s=rate,
                lag=lag,
                alerts=self._alerts,
                decisions=sum(end for tp, end in ends.items() if tp.topic == DECISIONS),
                clock_ms=self._clock.now_ms() if simulated else None,
                speed=self._clock.speed,
            )
        )

    async def _lag(self, now_s: float, ends: dict[tuple[str, int], int]) -> Lag:
        if self._settings.clock == "simulated":
            self._clock.update(await read_anchors(self._store))
        headers = await self._store.headers()
        positions = {
            (topic, lane): position.next_offset
            for lane, header in headers.items()
            # A lane that has not come to this log yet has read nothing of it.
            if header.cluster_id == self._cluster_id
            for topic, position in header.positions.items()
        }
        return self._meter.measure(now_s, ends, positions)
