"""What a fetch brought too much is handed out range by range, and fetched again only when it does not fit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from aiokafka import TopicPartition

from cem.journal import JOURNAL_TOPIC, encode_entry
from cem.ports import JournalEntry
from cem.streams.log_reader import KafkaLog
from cem.streams.records import LogRecord

TOPIC = "cem.sms-usage"


class _Fetching(KafkaLog):
    """A log whose fetches bring everything from the offset on, as a small topic's do."""

    def __init__(self, offsets: Iterable[int]) -> None:
        super().__init__({})
        self.kept = [LogRecord(TOPIC, 0, offset, 0, 0, b"k", b"%d" % offset, ()) for offset in offsets]
        self.fetches = 0

    async def _piece(self, tp: TopicPartition, position: int, stop: int) -> tuple[list[LogRecord], int]:
        self.fetches += 1
        fetched = [record for record in self.kept if record.offset >= position]
        inside = [record for record in fetched if record.offset < stop]
        self._keep(tp, fetched[len(inside) :])
        return inside, stop


def _ranges(log: KafkaLog, *ranges: tuple[int, int]) -> list[list[int]]:
    async def main() -> list[list[int]]:
        return [[r.offset for r in await log.read(TOPIC, 0, first, stop)] for first, stop in ranges]

    return asyncio.run(main())


def test_ranges_one_behind_the_other_are_one_fetch() -> None:
    """Each range has its own records, however many are left for those behind it."""
    log = _Fetching(range(1_000))
    assert _ranges(log, *[(n, n + 3) for n in range(0, 999, 3)]) == [
        [n, n + 1, n + 2] for n in range(0, 999, 3)
    ]
    assert log.fetches == 1


def test_what_does_not_follow_is_fetched_again() -> None:
    """A range before or behind what is kept, and one of which the log has no record."""
    log = _Fetching([0, 1, 2, 5, 6, 7])
    assert _ranges(log, (0, 2), (5, 7), (0, 1), (1, 4), (4, 6), (6, 8)) == [
        [0, 1], [5, 6], [0], [1, 2], [5], [6, 7],
    ]  # fmt: skip


def test_a_range_beyond_what_was_fetched_goes_on_behind_it() -> None:
    """What is kept ends within the range: the rest is fetched from there."""
    log = _Fetching(range(4))
    assert _ranges(log, (0, 1)) == [[0]]
    log.kept = [LogRecord(TOPIC, 0, offset, 0, 0, b"k", b"v", ()) for offset in range(9)]
    assert _ranges(log, (1, 8), (8, 9)) == [[1, 2, 3, 4, 5, 6, 7], [8]]
    assert log.fetches == 2


def test_a_journal_in_portions_is_one_fetch() -> None:
    """What a fetch brought of the journal waits for the next portion; at its end nothing is kept."""

    class Journal(_Fetching):
        async def bounds(self, partition: int, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
            return {JOURNAL_TOPIC: (2, 12)}

    log = Journal([])
    entry = encode_entry(JournalEntry(0, "w", "t", "", "a", 0, 1, 0))
    log.kept = [LogRecord(JOURNAL_TOPIC, 0, offset, 0, 0, b"k", entry, ()) for offset in range(2, 12)]

    async def main() -> list[tuple[list[int], int]]:
        found, position = [], 0
        while position < 12:
            entries, position = await log.journal(0, position, most=4)
            found.append(([offset for offset, _ in entries], position))
        return found

    assert asyncio.run(main()) == [([2, 3, 4, 5], 6), ([6, 7, 8, 9], 10), ([10, 11], 12)]
    assert log.fetches == 1
    assert not log._ahead
