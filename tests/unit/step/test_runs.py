"""Entries of a journal that are followed together end where they would one by one, and say the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cem.domain.events import SmsRated
from cem.following import parts, runs
from cem.pipeline import Limits
from cem.ports import Emission, JournalEntry, LaneHeader, LaneStopped, Record, Unavailable
from cem.stores import MemoryCore
from cem.streams.reject_window import DeadLetterLimits
from tests.builders.customers import MINUTE, T0
from tests.builders.histories import cuts, histories
from tests.builders.one_lane import LANE, Moment, OneLane, run_lane
from tests.builders.records import LogRecord, record_of

slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
_SHAPES = st.tuples(
    st.sampled_from(["a", "a", "a", "b", ""]),
    st.integers(0, 3),
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from("xxxy"),
)


@given(st.lists(_SHAPES, max_size=30), st.integers(1, 6), st.integers(-1, 29))
def test_a_run_is_of_one_topic_without_a_gap(
    shapes: list[tuple[str, int, int, str]], most: int, wanted: int
) -> None:
    """Nothing is left out or comes twice; ticks and the entry to end at stand alone."""
    entries: list[tuple[int, JournalEntry]] = []
    ends = {"a": 0, "b": 5, "": 0}
    for number, (topic, size, gap, version) in enumerate(shapes):
        first = ends[topic] + gap
        ends[topic] = first + size
        entry = JournalEntry(
            LANE,
            "w",
            f"t{number}",
            f"t{number - 1}",
            topic,
            first,
            first + size,
            T0,
            versions={"rules": version},
        )
        entries.append((number, entry))
    found = list(runs(entries, most, f"t{wanted}"))
    assert [pair for run in found for pair in run] == entries
    for run in found:
        if len(run) > 1:
            inside = [entry for _, entry in run]
            assert len({(entry.topic, entry.versions["rules"]) for entry in inside}) == 1
            assert inside[0].topic
            assert all(one.next == other.first for one, other in pairwise(inside))
            assert inside[-1].next - inside[0].first <= most
            assert f"t{wanted}" not in {entry.token for entry in inside}


def test_a_run_is_as_long_as_can_be() -> None:
    """Seven entries of two records are runs of two, two, two and one, where five records are the most."""
    entries = [(n, JournalEntry(LANE, "w", f"t{n}", "", "a", 2 * n, 2 * n + 2, T0)) for n in range(7)]
    assert [len(run) for run in runs(entries, 5, None)] == [2, 2, 2, 1]
    assert [len(run) for run in runs(entries, 100, None)] == [7]


def test_an_entry_has_the_records_of_its_range() -> None:
    """Also where the log has none of them any more, or some are missing."""
    entries = [
        (n, JournalEntry(LANE, "w", f"t{n}", "", "a", first, stop, T0))
        for n, (first, stop) in enumerate([(0, 2), (2, 3), (3, 6)])
    ]
    records = [_message(offset) for offset in (0, 1, 4)]
    assert [(start, stop) for _, start, stop in parts(entries, records)] == [(0, 2), (2, 2), (2, 3)]


def _message(number: int) -> LogRecord:
    """Return the lane's message of that offset, one a minute."""
    event = SmsRated(line="1", recipient=f"r{number % 5}", in_allowance=True)
    at_ms = T0 + number * MINUTE
    record = record_of(event, key=f"c{number % 3}", time_ms=at_ms, id=f"m{number}")
    return record._replace(partition=LANE, offset=number)


class _Listener:
    """What the saves of a lane were said to be (`cem.ports.Observer`)."""

    def __init__(self) -> None:
        self.said: list[tuple[str, list[int], list[int], list[Emission]]] = []

    def saved(
        self,
        topic: str,
        items: Sequence[Any],
        rejected: Sequence[int],
        emissions: Sequence[Emission],
        *,
        followed: bool,
    ) -> None:
        offsets = [record.offset for record, _ in items]
        self.said.append((topic, offsets, list(rejected), list(emissions)))

    def published(self, emissions: Sequence[Emission]) -> None:
        pass

    def fenced(self) -> None:
        pass

    def waited(self, reason: Unavailable) -> None:
        pass


def _followed(
    lane: OneLane, limits: Limits, until: str | None = None
) -> tuple[MemoryCore, LaneHeader, list[Any]]:
    """Return store, header, and what was said, of an empty store that followed the lane's journal."""
    core, listener = MemoryCore(), _Listener()
    pipeline = lane.owner(limits, core=core, observer=listener, reject_limits=DeadLetterLimits())
    pipeline.follow_until = until
    asyncio.run(pipeline.open())
    counts = pipeline.counts
    return core, pipeline.header, [*listener.said, (counts.followed, counts.records, counts.rejected)]


@slow
@given(histories(), cuts(), st.data())
def test_following_together_is_following_one_by_one(
    moments: list[Moment], where: list[int], data: st.DataObject
) -> None:
    """The same values, due times, header with its dead-letter counts, and the same said entry by entry; to any token."""
    lane = run_lane(moments, cuts=where)
    until = data.draw(st.sampled_from([None, *(entry.token for entry in lane.entries)]))
    core, header, said = _followed(lane, Limits(), until)
    one_by_one, *expected = _followed(lane, Limits(customers=0), until)
    assert [header, said] == expected
    assert header.token == (until or lane.entries[-1].token)
    assert core.values(LANE) == one_by_one.values(LANE)
    due, expected_due = core.sorted_sets(LANE), one_by_one.sorted_sets(LANE)
    assert {n: s.items() for n, s in due.items()} == {n: s.items() for n, s in expected_due.items()}


@slow
@given(histories(), cuts(), st.integers(1, 5), st.data())
def test_following_in_portions_is_following_at_once(
    moments: list[Moment], where: list[int], most: int, data: st.DataObject
) -> None:
    """However few entries are held at once: the same values, header, words, and the same published at its end."""
    lane = run_lane(moments, cuts=where)
    until = data.draw(st.sampled_from([None, *(entry.token for entry in lane.entries)]))
    at = [len(lane.published)]
    at_once, *expected = _followed(lane, Limits(), until)
    at.append(len(lane.published))
    core, *found = _followed(lane, Limits(entries=most), until)
    assert found == expected
    if until is None:
        assert lane.published[at[1] :] == lane.published[at[0] : at[1]]
    assert core.values(LANE) == at_once.values(LANE)


class _Cut(OneLane):
    """A lane whose journal loses its first entries as soon as they were read."""

    async def journal(
        self, lane: int, first: int, stop: int | None = None, most: int | None = None
    ) -> tuple[Sequence[tuple[int, JournalEntry]], int]:
        entries, end = await super().journal(lane, first, stop, most)
        return ([] if first else entries), end


def test_a_journal_that_is_cut_while_it_is_followed_stops_the_lane() -> None:
    """What is gone before it was read cannot be followed, and going on without it would be another history."""
    lane = _Cut()

    async def live() -> None:
        pipeline = lane.owner()
        await pipeline.open()
        log = lane.inputs["cem.sms-usage"]
        for number in range(9):
            log.append(_message(number))
            await pipeline.apply("cem.sms-usage", log[-1:], log[-1].timestamp)

    asyncio.run(live())
    core, _, _ = _followed(lane, Limits(entries=9))
    assert core.values(LANE) == lane.core.values(LANE)
    with pytest.raises(LaneStopped, match="the journal lost offset 4 while it was followed"):
        _followed(lane, Limits(entries=4))


class _Counting(OneLane):
    """A lane whose log counts how often it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    async def read(self, topic: str, partition: int, first: int, stop: int) -> Sequence[Record]:
        self.reads += 1
        return await super().read(topic, partition, first, stop)


def test_a_journal_of_single_records_is_read_in_few_ranges() -> None:
    """Sixty entries of a message each, with rubbish between, are two reads of thirty."""
    lane = _Counting()

    async def live() -> None:
        pipeline = lane.owner()
        await pipeline.open()
        log = lane.inputs["cem.sms-usage"]
        for number in range(60):
            record = _message(number)
            log.append(record._replace(value=b"{") if number % 7 == 3 else record)
            await pipeline.apply("cem.sms-usage", log[-1:], record.timestamp)

    asyncio.run(live())
    core, header, _ = _followed(lane, Limits(customers=30))
    assert lane.reads == 2
    assert core.values(LANE) == lane.core.values(LANE)
    assert header.lane_time_ms == T0 + 59 * MINUTE
