"""Ending a producer that Kafka has left alone."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from cem.streams.stopping import stop_consumer, stop_producer


class Stuck:
    """aiokafka's producer as far as stopping goes: it retries for ever."""

    def __init__(self) -> None:
        self._sender = self
        self.sender_task = asyncio.create_task(asyncio.sleep(3600))
        self.client = self
        self.closed = False
        #: What it has not sent, of which its accumulator keeps lists.
        self.unsent: Any = SimpleNamespace(future=asyncio.get_running_loop().create_future())
        self._message_accumulator = SimpleNamespace(
            _batches={"partition": [self.unsent]}, _pending_batches=[]
        )

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
        assert stuck.unsent.future.cancelled()
        assert stuck.closed

    asyncio.run(main())


class Resting:
    """aiokafka's consumer while a fetch of it rests after a failure: what it cancels cancels who stops it."""

    def __init__(self, stop_takes_s: float = 0.0) -> None:
        self._client = self
        self._stop_takes_s = stop_takes_s
        self.closed = False

    async def stop(self) -> None:
        await asyncio.sleep(self._stop_takes_s)
        fetch = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.sleep(0)
        fetch.cancel()
        await fetch

    async def close(self) -> None:
        self.closed = True


def test_a_fetch_that_rests_cancels_nobody() -> None:
    """A lane that reads the log would end by it without a word, and the consumer's connections would stay open."""

    async def main() -> None:
        resting: Any = Resting()
        await stop_consumer(resting, within_s=1.0)
        assert resting.closed

    asyncio.run(main())


def test_a_consumer_is_ended_although_its_owner_is_cancelled_meanwhile() -> None:
    """Whoever is cancelled goes; the connections are closed behind him."""

    async def main() -> None:
        resting: Any = Resting(0.02)
        owner = asyncio.create_task(stop_consumer(resting, within_s=1.0))
        await asyncio.sleep(0.01)
        owner.cancel()
        with pytest.raises(asyncio.CancelledError):
            await owner
        assert not resting.closed
        await asyncio.sleep(0.05)
        assert resting.closed

    asyncio.run(main())
