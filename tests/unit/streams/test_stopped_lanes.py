"""A lane that is stopped is told with its reason to other processes, for as long as its worker says so."""

from __future__ import annotations

import asyncio
import contextlib
from typing import cast

import msgspec

from cem.ports import LaneHeader, Position, Unavailable
from cem.streams.lag_look import reached_by_lanes
from cem.streams.lane import Lane
from cem.streams.reject_window import DeadLetterLimits
from cem.streams.stopped_lanes import StoppedLane, StoppedLanes, read_stopped
from tests.builders.api import FakeKeys


class Stopping(msgspec.Struct):
    """What is looked at of a lane."""

    number: int
    stopped: str | None


def lane(number: int, stopped: str | None) -> Lane:
    """Return a lane that stands so."""
    return cast(Lane, Stopping(number, stopped))


def said(notes: StoppedLanes, store: FakeKeys, owned: dict[int, object]) -> dict[int, str]:
    """Return what another process reads after one turn of the worker."""

    async def main() -> dict[int, str]:
        store.values.clear()  # as their short lives end
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await notes.run(owned)
        found = await read_stopped(store, range(3))
        return {number: stopped.reason for number, stopped in found.items()}

    return asyncio.run(main())


def test_a_stopped_lane_is_told_to_others_at_once_and_for_a_while() -> None:
    """Its reason, its worker and since when; the key lives for seconds only."""
    store = FakeKeys()
    notes = StoppedLanes(store, "w1")
    notes.note(lane(0, None))
    notes.note(lane(1, "the log was cut"))
    assert said(notes, store, {0: object(), 1: object()}) == {1: "the log was cut"}
    (ttl_ms,) = store.ttl_ms.values()
    assert ttl_ms is not None and 5_000 < ttl_ms <= 60_000


def test_a_lane_that_goes_on_or_leaves_is_told_no_more() -> None:
    """What is not said again is over when its key is."""
    store = FakeKeys()
    notes = StoppedLanes(store, "w1")
    for number in (0, 1, 2):
        notes.note(lane(number, "damaged"))
    notes.note(lane(1, None))
    assert said(notes, store, {0: object(), 1: object()}) == {0: "damaged"}


def test_a_store_that_is_away_stops_no_worker() -> None:
    """It is said again when the store is back."""
    store = FakeKeys()
    store.trouble = Unavailable("away")
    notes = StoppedLanes(store, "w1")
    notes.note(lane(0, "damaged"))
    assert said(notes, store, {0: object()}) == {}
    store.trouble = None
    asyncio.run(notes.say())
    assert list(store.values) == ["cem:stopped:0"]


def test_a_word_of_another_version_still_says_that_the_lane_is_stopped() -> None:
    """Why is then in the worker's log."""
    store = FakeKeys()
    store.values["cem:stopped:2"] = b"\xc1"
    found = asyncio.run(read_stopped(store, range(3)))
    assert "log" in found[2].reason


def test_the_lag_of_a_stopped_lane_has_the_workers_reason() -> None:
    """In each of its topics, before what its position would say; other lanes are as they were."""
    header = LaneHeader("t", "", "w", 1, 0, "here", {"cem.calls": Position(3)})
    bounds = {("cem.calls", 0): (0, 9), ("cem.billing", 0): (0, 0), ("cem.calls", 1): (0, 4)}
    stopped = {0: StoppedLane("a batch is damaged", "w", 5)}
    found = reached_by_lanes({0: header}, bounds, "here", DeadLetterLimits(), stopped)
    assert found["cem.calls", 0].stopped == found["cem.billing", 0].stopped == "a batch is damaged"
    assert found["cem.calls", 0].position == 3
    assert found["cem.calls", 1].stopped is None
