"""Following: the saves of a lane's journal, made again from the log.

A worker that keeps up writes an entry for every record or two, and an entry costs as much to follow as a record. So entries
of one topic that come one behind the other, made under the same versions, are a run: their records are read, decoded and
given their states at once, and only folded entry by entry, each at its own lane time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

from cem.lane_memory import LaneMemory, stamped
from cem.limits import Limits, RejectLimits, counted
from cem.patience import Patience
from cem.ports import Emission, JournalEntry, LaneHeader, Log, Observer, Record
from cem.stepper import Moment, Stepper, wake

__all__ = ["Following", "parts", "runs"]

S = TypeVar("S")


class Following(Generic[S]):
    """Brings one lane's memory and store to the end of its journal. The memory must be open."""

    def __init__(
        self,
        lane: int,
        memory: LaneMemory[S],
        *,
        log: Log,
        stepper: Stepper[S, Any],
        limits: Limits,
        reject_limits: RejectLimits | None,
        patiently: Patience,
        observer: Observer | None,
    ) -> None:
        self._lane = lane
        self._memory = memory
        self._log = log
        self._stepper = stepper
        self._limits = limits
        self._reject_limits = reject_limits
        self._patiently = patiently
        self._observer = observer

    async def follow(
        self, continuation: Sequence[tuple[int, JournalEntry]], until: str | None
    ) -> Sequence[Emission]:
        """Make the saves of (offset, entry) again, up to the token `until`; return what may not have been published.

        That is what the last of all says: what those before it said was published whole before it was announced.
        """
        memory = self._memory
        said: Sequence[Emission] = ()
        for run in runs(continuation, self._limits.customers, until):
            if memory.header.token == until:
                break
            first = run[0][1]
            # Also when they are the same now: what people change may change while records are read below.
            stepper = self._stepper.at(first.versions)
            if first.topic == "":
                header, emissions = await self._wake(stepper, *run[0])
            else:
                header, emissions = await self._fold(stepper, run)
            is_last = run[-1] is continuation[-1]
            await memory.stand_at(stepper, header, save=is_last)
            memory.counts.followed += len(run)
            if is_last:
                said = emissions
        await memory.save_held(self._stepper)
        return said

    async def _wake(
        self, stepper: Stepper[S, Any], offset: int, entry: JournalEntry
    ) -> tuple[LaneHeader, Sequence[Emission]]:
        """Make a tick again; return its header, and what it says."""
        memory = self._memory
        states = await memory.load(stepper, entry.due)
        time_ms = max(entry.lane_time_ms, memory.header.lane_time_ms)
        moment = Moment(self._lane, "", time_ms, entry.first, entry.scores)
        outcome = wake(stepper, states, entry.due, moment)
        emissions = stamped(outcome.emissions, entry.token)
        memory.hold(outcome, entry.due, emissions)
        if self._observer is not None:
            self._observer.saved("", (), outcome.rejected, emissions, followed=True)
        return memory.header_after(entry, offset, memory.take_rejects()), emissions

    async def _fold(
        self, stepper: Stepper[S, Any], run: Sequence[tuple[int, JournalEntry]]
    ) -> tuple[LaneHeader, Sequence[Emission]]:
        """Make the steps of a run of entries again, each at its own time; return header and words of its last.

        What an entry costs besides its records is paid once: reading the log, decoding, finding the states, the header.
        """
        memory, topic = self._memory, run[0][1].topic
        first, (offset, last) = run[0][1].first, run[-1]
        records = await self._patiently(lambda: self._log.read(topic, self._lane, first, last.next))
        items = stepper.read(records, memory.states)
        states = await memory.load(stepper, stepper.customers(items))
        lane_time_ms, rejects = memory.header.lane_time_ms, memory.take_rejects()
        emissions: Sequence[Emission] = ()
        for entry, start, stop in parts(run, records):
            part = items[start:stop]
            moment = Moment(self._lane, topic, max(entry.lane_time_ms, lane_time_ms), scores=entry.scores)
            outcome = stepper.step(states, part, moment)
            lane_time_ms = entry.lane_time_ms
            rejects = counted(self._reject_limits, rejects, topic, len(part), outcome.rejected)
            emissions = stamped(outcome.emissions, entry.token)
            memory.hold(outcome, (), emissions)
            memory.counts.rejected += len(outcome.rejected)
            if self._observer is not None:
                self._observer.saved(topic, part, outcome.rejected, emissions, followed=True)
        memory.counts.records += len(items)
        newest = records[-1] if records else None
        return memory.header_after(last, offset, rejects, newest), emissions


def runs(
    entries: Sequence[tuple[int, JournalEntry]], records: int, until: str | None
) -> Iterator[Sequence[tuple[int, JournalEntry]]]:
    """Yield (offset, entry) of a continuation in runs of up to so many offsets, in order; each entry once.

    Ticks and the entry whose token is `until` stand by themselves.
    """
    start, end = 0, len(entries)
    while start < end:
        stop = start + 1
        first = entries[start][1]
        if _joins(first, until):
            most = first.first + records
            before = first
            while stop < end:
                entry = entries[stop][1]
                if not (
                    entry.topic == first.topic
                    and entry.first == before.next
                    and entry.next <= most
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
