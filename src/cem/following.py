"""Which entries of a lane's journal are followed together.

A worker that keeps up writes an entry for every record or two, and an entry costs as much to follow as a record. So entries
of one topic that come one behind the other, made under the same versions, are a run: their records are read, decoded and
given their states at once, and only folded entry by entry, each at its own lane time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cem.ports import JournalEntry, Record

__all__ = ["parts", "runs"]


def runs(
    entries: Sequence[tuple[int, JournalEntry]], records: int, until: str | None
) -> Iterator[Sequence[tuple[int, JournalEntry]]]:
    """Yield (offset, entry) of a continuation in runs of up to so many offsets, in order; each entry once.

    By themselves stand ticks, the entry whose token is `until`, and the last of all, whose emissions may have to be
    published.
    """
    start, last = 0, len(entries) - 1
    while start <= last:
        stop = start + 1
        first = entries[start][1]
        if _joins(first, until):
            end = first.first + records
            before = first
            while stop < last:
                entry = entries[stop][1]
                if not (
                    entry.topic == first.topic
                    and entry.first == before.next
                    and entry.next <= end
                    and entry.versions == first.versions
                    and _joins(entry, until)
                ):
                    break
                before = entry
                stop += 1
        yield entries[start:stop]
        start = stop


def parts(
    run: Sequence[tuple[int, JournalEntry]], records: Sequence[Record]
) -> Iterator[tuple[JournalEntry, int, int]]:
    """Yield each entry of a run with the range of its own among the run's records."""
    stop, count = 0, len(records)
    for _, entry in run:
        start = stop
        while stop < count and records[stop].offset < entry.next:
            stop += 1
        yield entry, start, stop


def _joins(entry: JournalEntry, until: str | None) -> bool:
    return entry.topic != "" and entry.token != until
