"""Freshness: how long a record may have waited unread, by topic and lane."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from cem.api.freshness import Freshness, watch
from cem.ports import LaneHeader, Position, Unavailable
from tests.builders.api import FakeReader

TOPICS = ("a", "b")


def header(**positions: tuple[int, int]) -> LaneHeader:
    return LaneHeader("t", "", "w", 0, 0, "k", {topic: Position(*p) for topic, p in positions.items()})


def at(now_ms: int) -> tuple[Freshness, list[int]]:
    shown = [now_ms]
    return Freshness(TOPICS, wall_ms=lambda: shown[0]), shown


def test_a_topic_read_to_its_end_is_as_old_as_the_look_at_the_end() -> None:
    """However long ago its last record was."""
    freshness, shown = at(100_000)
    freshness.observe({("a", 0): 7, ("b", 0): 0}, {0: header(a=(7, 5))}, 99_500)
    assert freshness.staleness_s(0) == {"a": 0.5, "b": 0.5}
    shown[0] = 103_000
    assert freshness.staleness_s(0) == {"a": 3.5, "b": 3.5}


def test_a_topic_that_is_behind_is_as_old_as_when_it_was_last_caught_up_or_its_last_applied_record() -> None:
    """Whichever is later: both bound the age of the oldest unread record."""
    freshness, _ = at(100_000)
    freshness.observe({("a", 0): 7, ("b", 0): 5}, {0: header(a=(7, 1), b=(5, 1))}, 60_000)
    freshness.observe({("a", 0): 9, ("b", 0): 9}, {0: header(a=(7, 1), b=(6, 90_000))}, 99_000)
    assert freshness.staleness_s(0) == {"a": 40.0, "b": 10.0}


def test_what_was_never_seen_is_unknown_and_unknown_is_not_zero() -> None:
    """A lane that nobody saved, with records waiting; a lane without ends."""
    freshness, _ = at(100_000)
    assert freshness.staleness_s(3) == {"a": None, "b": None}
    freshness.observe({("a", 0): 7, ("b", 0): 0}, {}, 99_000)
    assert freshness.staleness_s(0) == {"a": None, "b": 1.0}
    assert freshness.worst_s() == {"a": None, "b": 1.0}


def test_the_worst_is_the_oldest_lane() -> None:
    """One lane that stands still is what an operator must see."""
    freshness, _ = at(100_000)
    ends = {(t, lane): 1 for t in TOPICS for lane in (0, 1)}
    freshness.observe(ends, {0: header(a=(1, 1), b=(1, 1)), 1: header(a=(1, 1), b=(0, 40_000))}, 90_000)
    assert freshness.worst_s() == {"a": 10.0, "b": 60.0}


def test_watching_goes_on_when_log_or_store_were_away() -> None:
    """Ages grow meanwhile, and fall again by themselves."""
    freshness, _ = at(100_000)
    reader = FakeReader()
    reader.lane_headers = {0: header(a=(1, 1), b=(1, 1))}

    class Ends:
        calls = 0

        async def ends(self, topics: Sequence[str]) -> Mapping[tuple[str, int], int]:
            self.calls += 1
            if self.calls == 1:
                raise Unavailable("away")
            return {(t, 0): 1 for t in topics}

    async def run() -> None:
        task = asyncio.create_task(watch(freshness, reader, Ends(), poll_s=0, wall_ms=lambda: 99_000))
        while not freshness.seen_ms:  # noqa: ASYNC110 - it yields to the watcher, twice or so
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(run())
    assert freshness.staleness_s(0) == {"a": 1.0, "b": 1.0}
