"""What most commands need: store, log, publisher and clock, opened and closed together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from cem.ports import Clock
from cem.settings import Settings
from cem.stores import RedisStore, open_store
from cem.streams import clock as clocks
from cem.streams.connection import client_options
from cem.streams.log_reader import KafkaLog
from cem.streams.publisher import KafkaPublisher

__all__ = ["Parts", "open_parts"]


@dataclass
class Parts:
    """What most commands need: the store, the log, a way to publish, and the clock."""

    settings: Settings
    options: dict[str, Any]
    store: RedisStore
    log: KafkaLog
    publisher: KafkaPublisher
    clock: Clock
    #: Runs beside: keeps a simulated clock on its anchors.
    background: list[Callable[[], Awaitable[None]]]

    async def close(self) -> None:
        """Close all connections."""
        for close in (self.publisher.stop, self.log.stop, self.store.close):
            with contextlib.suppress(Exception):
                await close()


@contextlib.asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Make the parts that `settings` name and close them at the end. Nothing is connected before its first use."""
    options = client_options(settings)
    store = open_store(settings.redis_url, settings.partitions)
    clock: Clock = clocks.WallClock()
    background: list[Callable[[], Awaitable[None]]] = []
    if settings.clock == "simulated":
        simulated = clocks.SimulatedClock()
        background.append(lambda: clocks.follow(simulated, store))
        clock = simulated
    parts = Parts(settings, options, store, KafkaLog(options), KafkaPublisher(options), clock, background)
    try:
        yield parts
    finally:
        await parts.close()
