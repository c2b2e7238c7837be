"""Ending a producer that Kafka has left alone."""

from __future__ import annotations

import asyncio
from typing import Any

from cem.streams.stopping import stop_producer


class Stuck:
    """aiokafka's producer as far as stopping goes: it retries for ever."""

    def __init__(self) -> None:
        self._sender = self
        self.sender_task = asyncio.create_task(asyncio.sleep(3600))
        self.client = self
        self.closed = False

    async def stop(self) -> None:
        await asyncio.wait({self.sender_task})

    async def close(self) -> None:
        self.closed = True


def test_a_producer_that_does_not_stop_leaves_nothing_running() -> None:
    """Its sender is ended and its connections are closed, or each outage would leave one behind that goes on trying."""

    async def main() -> None:
        stuck: Any = Stuck()
        await stop_producer(stuck, within_s=0.01)
        await asyncio.sleep(0)
        assert stuck.sender_task.cancelled()
        assert stuck.closed

    asyncio.run(main())
