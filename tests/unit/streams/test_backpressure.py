from __future__ import annotations

import asyncio
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from cem.streams.backpressure import ReaderPace


class Reader:
    """A worker that reads so many records each time somebody asks how far it is."""

    def __init__(self, each_time: int) -> None:
        self.position = 0
        self.written = 0
        self.most_unread = 0
        self._each_time = each_time

    async def positions(self) -> Mapping[tuple[str, int], int]:
        self.most_unread = max(self.most_unread, self.written - self.position)
        self.position = min(self.written, self.position + self._each_time)
        return {("t", 0): self.position}


@given(st.lists(st.tuples(st.integers(1, 900), st.integers(1, 90_000)), max_size=30), st.integers(1, 400))
def test_never_further_ahead_than_allowed(batches: list[tuple[int, int]], each_time: int) -> None:
    """However batches and reader go, no more than the limits lie unread, and all batches get through."""

    async def write() -> None:
        reader = Reader(each_time)
        pace = ReaderPace(reader.positions, ahead_records=1000, ahead_bytes=100_000, poll_s=0)
        sizes: list[tuple[int, int]] = []
        for records, size in batches:
            await pace.admit("t", 0, records, size)
            reader.written += records
            pace.acknowledged("t", 0, reader.written, records, size)
            sizes.append((reader.written, size))
            assert reader.written - reader.position <= 1000
            assert sum(each for end, each in sizes if end > reader.position) <= 100_000
        assert await pace.drained(1.0)
        assert reader.position == reader.written

    asyncio.run(write())


def test_a_batch_above_the_limits_goes_alone() -> None:
    """A batch larger than all that may be unread waits for an empty partition and then goes."""

    async def write() -> None:
        reader = Reader(10)
        pace = ReaderPace(reader.positions, ahead_records=5, ahead_bytes=5, poll_s=0)
        for _ in range(2):
            await pace.admit("t", 0, 50, 50)
            reader.written += 50
            pace.acknowledged("t", 0, reader.written, 50, 50)
        assert reader.position >= 50

    asyncio.run(write())


def test_what_is_in_flight_counts() -> None:
    """Batches that are not acknowledged yet hold the next one back as well."""

    async def write() -> bool:
        pace = ReaderPace(Reader(0).positions, ahead_records=100, ahead_bytes=10_000, poll_s=0)
        await pace.admit("t", 0, 80, 10)
        second = asyncio.create_task(pace.admit("t", 0, 80, 10))
        for _ in range(20):
            await asyncio.sleep(0)
        held = not second.done()
        second.cancel()
        return held

    assert asyncio.run(write())


def test_partitions_do_not_wait_for_each_other() -> None:
    """A partition whose lane stands still holds back only itself."""

    async def write() -> None:
        pace = ReaderPace(Reader(0).positions, ahead_records=10, ahead_bytes=10, poll_s=0)
        await pace.admit("t", 0, 10, 10)
        await pace.admit("t", 1, 10, 10)
        await pace.admit("u", 0, 10, 10)

    asyncio.run(write())


def test_a_reader_that_stands_still_ends_the_wait() -> None:
    """Whoever waits for everything to be read is told when nobody reads."""
    heard: list[float] = []

    async def write() -> bool:
        reader = Reader(0)
        pace = ReaderPace(reader.positions, poll_s=0.001, on_wait=heard.append)
        await pace.admit("t", 0, 10, 10)
        pace.acknowledged("t", 0, 10, 10, 10)
        read = await pace.drained(0.02)
        assert pace.unread() == 10
        return read

    assert asyncio.run(write()) is False
    assert heard


def test_an_unknown_offset_counts_as_the_next() -> None:
    """When the broker had a batch already and names no offset, it lies behind what was acknowledged before."""

    async def write() -> None:
        reader = Reader(0)
        pace = ReaderPace(reader.positions, poll_s=0.001)
        for next_offset in (10, -1):
            await pace.admit("t", 0, 10, 10)
            pace.acknowledged("t", 0, next_offset, 10, 10)
        await pace.drained(0.0)
        assert pace.unread() == 20

    asyncio.run(write())
