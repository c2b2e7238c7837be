"""The simulated clock follows its anchors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from cem.ports import Clock, Unavailable
from cem.streams.clock import (
    ANCHORS_KEPT,
    Anchor,
    SimulatedClock,
    WallClock,
    follow,
    read_anchors,
    wall_ms,
    write_anchor,
)


class FakeStore:
    """A store of one value that can be away."""

    def __init__(self) -> None:
        self.value: bytes | None = None
        self.away = False
        self.reads = 0

    async def get_raw(self, key: str) -> bytes | None:
        self.reads += 1
        if self.away:
            raise Unavailable("away")
        return self.value

    async def set_raw(self, key: str, value: bytes) -> None:
        self.value = value


async def until(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until the condition holds."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0)


def test_the_wall_clock_is_the_wall() -> None:
    """Wall time maps to itself."""
    clock: Clock = WallClock()
    assert clock.at_ms(5) == 5
    assert abs(clock.now_ms() - wall_ms()) < 60_000


def test_time_has_not_begun_before_the_first_anchor() -> None:
    """Zero is earlier than any record: nothing is due."""
    assert SimulatedClock().now_ms() == 0


def test_each_anchor_holds_until_the_next() -> None:
    """Standing still while history is written, then 600 simulated seconds a second."""
    clock = SimulatedClock([Anchor(1000, 50_000, 0.0), Anchor(2000, 90_000, 600.0)])
    assert [clock.at_ms(wall) for wall in (0, 1000, 1999, 2000, 2010)] == [
        50_000,
        50_000,
        50_000,
        90_000,
        96_000,
    ]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=8))
def test_now_never_goes_back(starts: list[int]) -> None:
    """Whatever the anchors say, a clock that was read does not show less the next time."""
    clock = SimulatedClock()
    seen = []
    for sim_ms in starts:
        clock.update([Anchor(0, sim_ms, 0.0)])
        seen.append(clock.now_ms())
    assert seen == sorted(seen)


def test_anchors_survive_the_store_and_the_oldest_go() -> None:
    """The store holds the last anchors in order."""

    async def scenario() -> list[Anchor]:
        store = FakeStore()
        assert await read_anchors(store) == []
        for n in range(ANCHORS_KEPT + 3):
            await write_anchor(store, Anchor(n, n * 10, 1.5))
        return await read_anchors(store)

    anchors = asyncio.run(scenario())
    assert len(anchors) == ANCHORS_KEPT
    assert (anchors[0].wall_ms, anchors[-1]) == (3, Anchor(ANCHORS_KEPT + 2, (ANCHORS_KEPT + 2) * 10, 1.5))


def test_a_store_that_is_away_leaves_the_last_anchors_in_force() -> None:
    """The follower rides through an outage and goes on afterwards."""

    async def scenario() -> tuple[int, int]:
        store, clock = FakeStore(), SimulatedClock()
        await write_anchor(store, Anchor(0, 7, 0.0))
        task = asyncio.create_task(follow(clock, store, every_s=0))
        await until(lambda: bool(clock.anchors))
        store.away = True
        enough = store.reads + 3
        await until(lambda: store.reads >= enough)
        during = clock.now_ms()
        store.away = False
        # Nor does one in whose key something else stands end anybody.
        store.value = b"{"
        enough = store.reads + 3
        await until(lambda: store.reads >= enough)
        store.value = None
        await write_anchor(store, Anchor(1, 9, 0.0))
        await until(lambda: clock.now_ms() == 9)
        task.cancel()
        return during, clock.now_ms()

    assert asyncio.run(scenario()) == (7, 9)
