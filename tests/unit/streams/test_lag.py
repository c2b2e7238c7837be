"""The report made of a window of looks, and where the lanes stand by their headers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import cast

import msgspec

from cem.ports import LaneHeader, Position
from cem.streams.lag import LagWindow, Look, Partition, PartitionLag, Seen
from cem.streams.lag_look import look_at_lanes, reached_by_lanes
from cem.streams.lag_reader import GroupFacts, LagReader
from cem.streams.lag_verdict import Sample
from cem.streams.reject_window import NONE_YET, DeadLetterLimits
from tests.builders.api import FakeKeys

NOW_MS = 1_772_438_400_000
CALLS, BILLING = ("cem.calls", 0), ("cem.billing", 0)


def seen(
    position: int, lag: int, *, at_s: float = 0.0, age_s: float | None = 1.0, owned: bool = True
) -> Seen:
    """Return what a look found."""
    at_ms = NOW_MS + int(at_s * 1000)
    oldest_ms = None if age_s is None or not lag else at_ms - int(age_s * 1000)
    return Seen(Sample(at_ms, position, lag, oldest_ms), owned)


def look(at_s: float = 0.0, **partitions: Seen) -> Look:
    """Return a look at cem.calls and cem.billing."""
    keys = {"calls": CALLS, "billing": BILLING}
    return Look("cem", NOW_MS + int(at_s * 1000), {keys[name]: found for name, found in partitions.items()})


def test_totals_are_sum_and_greatest() -> None:
    """Records add up over the partitions; seconds are those of the worst."""
    window = LagWindow()
    window.add(look(calls=seen(5, 3, age_s=2.5), billing=seen(5, 4, age_s=7.25)))
    report = window.report()
    assert (report.total_records, report.max_seconds) == (7, 7.25)


def test_a_report_has_the_documented_shape() -> None:
    """The JSON has the fields that scripts rely on, in their order, and the reason beside them."""
    window = LagWindow()
    window.add(look(calls=seen(5, 0)))
    assert msgspec.json.encode(window.report()) == (
        b'{"total_records":0,"max_seconds":0.0,"partitions":[{"group":"cem","topic":"cem.calls","partition":0,'
        b'"lag_records":0,"lag_seconds":0.0,"verdict":"ok","reason":"read to its end"}]}'
    )


def test_unknown_is_never_zero() -> None:
    """A partition that cannot be seen is null, and makes the totals null."""
    window = LagWindow()
    window.add(look(calls=seen(5, 0), billing=Seen(None, unknown="Kafka has no such partition")))
    report = window.report()
    assert (report.total_records, report.max_seconds) == (None, None)
    assert report.partitions[0] == PartitionLag(
        "cem", "cem.billing", 0, None, None, None, "Kafka has no such partition"
    )


def test_unknown_seconds_leave_the_records_known() -> None:
    """Records are counted though the oldest one's time could not be read; only the seconds are null."""
    window = LagWindow()
    window.add(look(calls=seen(5, 3, age_s=None), billing=seen(5, 0)))
    report = window.report()
    assert (report.total_records, report.max_seconds) == (3, None)


def test_before_the_first_look_nothing_is_known() -> None:
    """An empty report has no zero in it."""
    assert LagWindow().report().total_records is None


def test_a_clock_that_goes_wrong_gives_no_negative_age() -> None:
    """A record from a producer whose clock is ahead has waited for no time."""
    window = LagWindow()
    window.add(look(calls=seen(5, 3, age_s=-4.0)))
    assert window.report().max_seconds == 0.0


def test_the_window_forgets() -> None:
    """A stall is judged by the last minutes only: what moved before them does not count."""
    window = LagWindow(window_s=60)
    window.add(look(0.0, calls=seen(4, 3, at_s=0.0)))
    for at_s in (70.0, 90.0, 110.0):
        window.add(look(at_s, calls=seen(5, 3, at_s=at_s, age_s=60.0)))
    (lag,) = window.report().partitions
    assert lag.verdict == "stall"
    assert "has not moved for 40 s" in lag.reason


def test_a_partition_that_is_gone_is_forgotten() -> None:
    """Lanes that went to another worker leave no old lag behind."""
    window = LagWindow()
    window.add(look(calls=seen(5, 3), billing=seen(5, 3)))
    window.add(look(1.0, calls=seen(5, 3, at_s=1.0)))
    assert [lag.topic for lag in window.report().partitions] == ["cem.calls"]


def header(positions: dict[str, Position], **changed: object) -> LaneHeader:
    """Return the header of a lane that stands there."""
    base = LaneHeader("t", "", "w", NOW_MS, 0, "this-cluster", positions)
    return msgspec.structs.replace(base, **changed)


def test_lanes_stand_where_their_headers_say() -> None:
    """A position comes from the header; a lane or topic that was never saved begins at the log's first offset."""
    headers = {0: header({"cem.calls": Position(7)})}
    bounds = {CALLS: (2, 9), BILLING: (3, 9), ("cem.calls", 1): (4, 9)}
    found = reached_by_lanes(headers, bounds, "this-cluster", DeadLetterLimits())
    assert {key: place.position for key, place in found.items()} == {
        CALLS: 7,
        BILLING: 3,
        ("cem.calls", 1): 4,
    }
    assert all(place.stopped is None and place.paused is None for place in found.values())


def test_another_clusters_positions_mean_nothing_here() -> None:
    """States from the log before this start of the embedded broker have read nothing of this log."""
    headers = {0: header({"cem.calls": Position(7)}, cluster_id="another")}
    found = reached_by_lanes(headers, {CALLS: (0, 5)}, "this-cluster", DeadLetterLimits())
    assert found[CALLS].position == 0


def test_lanes_that_the_log_has_left_are_stopped() -> None:
    """Retention that passed a lane, and a log that was cut, are told as what stops it."""
    headers = {0: header({"cem.calls": Position(3), "cem.billing": Position(30)})}
    found = reached_by_lanes(headers, {CALLS: (5, 9), BILLING: (0, 9)}, "this-cluster", DeadLetterLimits())
    assert "no longer has offsets 3 to 4" in (found[CALLS].stopped or "")
    assert "ends at offset 9, but 30" in (found[BILLING].stopped or "")


class Broker:
    """A log of one partition that has grown whenever its end is asked for; as much of `LagReader` as a look needs."""

    def __init__(self, *ends: int) -> None:
        self._ends = list(ends)

    async def cluster_id(self) -> str:
        return "this-cluster"

    async def group(self, name: str) -> GroupFacts:
        return GroupFacts("Stable", frozenset({CALLS}))

    async def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        end = self._ends.pop(0)
        return dict.fromkeys(partitions, (0, end))

    async def oldest_ms(self, offsets: Mapping[Partition, int]) -> dict[Partition, int]:
        return {}


class Headers(FakeKeys):
    """A store with one lane that stands at a position."""

    def __init__(self, position: int) -> None:
        super().__init__()
        self._position = position

    async def headers(self) -> dict[int, LaneHeader]:
        return {0: header({"cem.calls": Position(self._position)})}


def stopped(broker: Broker, position: int) -> str | None:
    """Return why a look says that the lane is stopped."""
    found = asyncio.run(
        look_at_lanes(
            cast(LagReader, broker),
            Headers(position),
            group="cem",
            topics=["cem.calls"],
            lanes=1,
            rule=DeadLetterLimits(),
        )
    )
    return found.partitions[CALLS].stopped


def test_what_is_written_and_read_during_a_look_stops_no_lane() -> None:
    """A position beyond an end that was asked for before it is asked about once more; only then is the log cut."""
    assert stopped(Broker(5, 8), 7) is None
    assert "ends at offset 5, but 7" in (stopped(Broker(5, 5), 7) or "")


def test_a_paused_partition_says_why() -> None:
    """The dead letters counted in the header tell that the lane does not read the topic on."""
    rule = DeadLetterLimits(run=3)
    counts = rule.count(NONE_YET, 3, [0, 1, 2])
    headers = {0: header({"cem.calls": Position(3)}, rejects={"cem.calls": counts})}
    found = reached_by_lanes(headers, {CALLS: (0, 9), BILLING: (0, 9)}, "this-cluster", rule)
    assert "3 records in a row" in (found[CALLS].paused or "")
    assert found[BILLING].paused is None
