"""What the transport fetches while a seek is under way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from cem.streams.transport import Consumer

TP_A = TP("a", 0)


class Eager:
    """Lanes that want everything, at once."""

    async def assigned(self, partitions: set[TP], consumer: Consumer) -> dict[TP, int]:
        return dict.fromkeys(partitions, 0)

    def wants(self, tp: TP) -> bool:
        return True

    def all_read(self) -> bool:
        return False


def test_nothing_is_fetched_for_a_partition_that_is_being_sought(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch that came back before the seek is known to be through would lose what it brought."""
    fetched: list[set[TP]] = []

    async def getmany(self: Any, active_partitions: set[TP], timeout: float) -> dict[TP, Any]:  # noqa: ASYNC109
        fetched.append(active_partitions)
        return {}

    async def main() -> None:
        consumer = Consumer.__new__(Consumer)
        consumer.lanes = Eager()  # type: ignore[misc]
        consumer._epochs, consumer._next, consumer._passed, consumer._fetched_at = {}, {}, {}, 0.0
        consumer._acked, consumer._acked_index, consumer._committed_offset = {}, {}, {}
        consumer._read_offset = {}
        sought = asyncio.Event()

        async def seek_wait(offsets: Any) -> None:
            await sought.wait()

        consumer.seek_wait = seek_wait
        seeking = asyncio.create_task(consumer.seek_lanes({TP_A: 5}))
        await asyncio.sleep(0)
        await consumer._getmany({TP_A}, 0.0)
        assert not fetched
        sought.set()
        await seeking
        await consumer._getmany({TP_A}, 0.0)
        assert fetched == [{TP_A}]

    monkeypatch.setattr(driver.Consumer, "_getmany", getmany)
    asyncio.run(main())
