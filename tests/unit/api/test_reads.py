"""Reads of customers for decisions: together when there are many, each for himself after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from cem.api.reading import Reads
from cem.ports import Unavailable
from tests.builders.api import FakeReader


class Store(FakeReader):
    """Holds each call until it is let go, and notes what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.asked: list[list[str]] = []

    async def read(self, customer_id: str) -> bytes | None:
        (state,) = await self.read_many([customer_id])
        return state

    async def read_many(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        self.asked.append(list(customer_ids))
        await self.gate.wait()
        await self._trouble()
        return [customer_id.encode() for customer_id in customer_ids]


async def _started(reads: Reads, *names: str) -> list[asyncio.Task[bytes | None]]:
    """Return the running reads, each as far as it comes by itself."""
    tasks = [asyncio.create_task(reads.read(name)) for name in names]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


def test_those_who_come_during_a_read_go_together() -> None:
    """The first is read at once; the others wait for it, and are then one call with each his own state."""

    async def scenario() -> None:
        store = Store()
        tasks = await _started(Reads(store, store.read_many), "a", "b", "c", "b")
        assert store.asked == [["a"]]
        store.gate.set()
        assert await asyncio.gather(*tasks) == [b"a", b"b", b"c", b"b"]
        assert store.asked == [["a"], ["b", "c", "b"]]

    asyncio.run(scenario())


def test_who_gave_up_is_not_read() -> None:
    """A waiting request whose deadline has passed is left out; the others get their states."""

    async def scenario() -> None:
        store = Store()
        tasks = await _started(Reads(store, store.read_many), "a", "b", "c")
        tasks[1].cancel()
        await asyncio.gather(tasks[1], return_exceptions=True)
        store.gate.set()
        assert await asyncio.gather(tasks[0], tasks[2]) == [b"a", b"c"]
        assert store.asked == [["a"], ["c"]]

    asyncio.run(scenario())


def test_a_failure_reaches_everybody_of_the_call_and_then_each_reads_for_himself() -> None:
    """One server that is away must not hold up the customers of the others: after a failure nobody waits."""

    async def scenario() -> None:
        store = Store()
        reads = Reads(store, store.read_many)
        tasks = await _started(reads, "a", "b", "c")
        store.trouble = Unavailable("away")
        store.gate.set()
        for task in tasks:
            with pytest.raises(Unavailable):
                await task
        store.trouble = None
        store.asked.clear()
        assert await asyncio.gather(*await _started(reads, "d", "e")) == [b"d", b"e"]
        assert store.asked == [["d"], ["e"]]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("patience_s", "calls"), [(60.0, [["a"], ["b"], ["c", "d"]]), (0.0, [["a"], ["b"], ["c"], ["d"]])]
)
def test_a_read_that_is_given_up_early_says_nothing_of_the_store(
    patience_s: float, calls: list[list[str]]
) -> None:
    """The next ones go together still; only one that was given up after a while has each read for himself."""

    async def scenario() -> None:
        store = Store()
        reads = Reads(store, store.read_many, patience_s=patience_s)
        (hasty,) = await _started(reads, "a")
        hasty.cancel()
        await asyncio.gather(hasty, return_exceptions=True)
        tasks = await _started(reads, "b", "c", "d")
        store.gate.set()
        assert await asyncio.gather(*tasks) == [b"b", b"c", b"d"]
        assert store.asked == calls

    asyncio.run(scenario())


def test_a_store_that_reads_one_at_a_time_is_asked_so() -> None:
    """Without a way to read many, every read is its own call."""

    async def scenario() -> None:
        store = Store()
        store.gate.set()
        tasks = await _started(Reads(store), "a", "b")
        assert await asyncio.gather(*tasks) == [b"a", b"b"]
        assert store.asked == [["a"], ["b"]]

    asyncio.run(scenario())
