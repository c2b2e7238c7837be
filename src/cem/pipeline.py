"""The one place that knows the order: load - step - journal - save - publish.

`LanePipeline` drives one lane. Its only awaits are calls of ports, so the fault simulation can hand-step this very
code. Theory of operation:

* The journal decides what happened. An entry is appended before its save, and counts if it is the first to follow
  its parent (`cem.journal`). The offset that the append returns tells whether anybody else wrote in between.
* The store is a fold of the journal that may be behind it, never beside it: a save changes states, positions, lane
  time and emissions (the lane's outbox) together, if and only if the lane carries the token that was loaded.
* After the save the emissions are published and acknowledged, and only then may the lane append again. So an entry
  that has a successor was published whole, and at most one save per lane is in doubt at any time: the last one,
  whose outbox the next owner publishes again.
* A lane that opens follows its journal from the token found in the store, making the same saves from the same
  records, at the same times, with the same tokens. Only then does it read freely.
* A token is unique, never counted: after the store went back in time a counter would climb to the same number.

What an opening finds, and refuses, is in `cem.opening`; following the journal in `cem.following`; what a lane holds, and
how it is loaded and saved, in `cem.lane_memory`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from cem.following import Following
from cem.journal import History
from cem.lane_memory import Counts, LaneMemory, stamped
from cem.limits import Limits, RejectLimits, counted, cuts
from cem.opening import Opening, Portion
from cem.patience import Patience
from cem.ports import (
    NO_TOKEN,
    Emission,
    Fenced,
    JournalEntry,
    LaneHeader,
    Log,
    Observer,
    Position,
    Publisher,
    Record,
    StateStore,
    Unavailable,
)
from cem.stepper import Moment, Outcome, Stepper, wake

__all__ = ["LanePipeline", "Limits", "RejectLimits"]

S = TypeVar("S")
Item = TypeVar("Item")


class LanePipeline(Generic[S, Item]):
    """One lane, and the order of what is done to it.

    `follow_until` ends the following of the journal at that token: a replay compares with a store that goes on.
    After any exception the lane is *closed* (`is_open` is False): `open` reads it anew. Unavailable never leaves: it is
    retried in place, with `pause` between the tries, unless that cannot help.
    """

    def __init__(
        self,
        lane: int,
        *,
        store: StateStore,
        publisher: Publisher,
        log: Log,
        stepper: Stepper[S, Item],
        topics: Sequence[str],
        owner: str,
        new_token: Callable[[], str],
        pause: Callable[[int, Unavailable], Awaitable[None]],
        limits: Limits | None = None,
        reject_limits: RejectLimits | None = None,
        rebuild: bool = False,
        accept_loss: bool = False,
        adopt_new_log: bool = False,
        follow_until: str | None = None,
        at_point: Callable[[str], None] = lambda name: None,
        observer: Observer | None = None,
    ) -> None:
        self.lane = lane
        self.topics = tuple(topics)
        self._publisher = publisher
        self._log = log
        self._stepper = stepper
        self._owner = owner
        self._new_token = new_token
        self._limits = limits = limits or Limits()
        self._reject_limits = reject_limits
        self._at_point = at_point
        self._observer = observer
        #: Makes a call of a port for as long as the other side is merely away.
        self.patiently = patiently = Patience(lane, pause)
        self._memory: LaneMemory[S] = LaneMemory(
            lane, store=store, owner=owner, limits=limits, patiently=patiently, at_point=at_point
        )
        self._opening = Opening(
            lane,
            store=store,
            log=log,
            topics=topics,
            owner=owner,
            patiently=patiently,
            entries=limits.entries,
            rebuild=rebuild,
            accept_loss=accept_loss,
            adopt_new_log=adopt_new_log,
        )
        self._following = Following(
            lane,
            self._memory,
            log=log,
            stepper=stepper,
            limits=limits,
            reject_limits=reject_limits,
            patiently=patiently,
            observer=observer,
        )
        #: Following the journal ends at this token (None: at the journal's end).
        self.follow_until = follow_until
        #: The journal's end as far as this lane has seen it.
        self._journal_end = 0
        #: True when the lane found the store on another log's history and took it over.
        self.adopted = False
        #: Whether the opening found saves of other owners where the store and the journal end.
        self.found_others = False

    # -- what the outside may ask ------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether records may be applied."""
        return self._memory.is_open

    @property
    def counts(self) -> Counts:
        """What the lane has done."""
        return self._memory.counts

    @property
    def cached(self) -> int:
        """How many states are held in memory."""
        return len(self._memory.states)

    @property
    def header(self) -> LaneHeader:
        """The header as of the last save or opening."""
        return self._memory.header

    @property
    def next_due_ms(self) -> int | None:
        """The earliest time (lane time, ms) at which somebody may be due; None: nobody is."""
        return self._memory.next_due_ms

    def position(self, topic: str) -> Position:
        """Return how far the lane has applied `topic`."""
        return self._memory.position(topic)

    def paused(self, topic: str) -> str | None:
        """Return why the topic must not be read on (too many dead letters), or None."""
        if self._reject_limits is None or (counts := self.header.rejects.get(topic)) is None:
            return None
        return self._reject_limits.tripped(counts)

    def forgive(self, topic: str) -> None:
        """Start the dead-letter counts of `topic` anew; saved with the next save."""
        self._memory.forgive(topic)

    async def is_hole(self, topic: str, first: int, stop: int) -> bool:
        """Tell whether the log has no record from `first` to before `stop`."""
        return not await self.patiently(lambda: self._log.read(topic, self.lane, first, stop))

    # -- opening -----------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Read the lane anew, finish its last publication, and follow its journal to the end.

        Raises LaneStopped where going on would lose or invent something.
        """
        memory = self._memory
        memory.close()
        found = await self._opening.find()
        self.adopted, self.found_others = found.adopted, found.header.owner != self._owner
        memory.begin(found.header, found.next_due_ms)
        if found.outbox and not found.portion.continuation:
            await self.patiently(lambda: self._publisher.publish(found.outbox))
            self._at_point("republished")
        memory.header = await self._opening.checked(memory.header)
        memory.is_open = True
        with memory:
            await self._publish(await self._follow(found.portion))

    async def _follow(self, portion: Portion) -> Sequence[Emission]:
        """Follow the journal, portion by portion, to its end; return what may not have been published."""
        memory, until = self._memory, self.follow_until
        said: Sequence[Emission] = ()
        while True:
            self._journal_end = portion.end
            self.found_others = self.found_others or portion.others
            if portion.continuation:
                said = await self._following.follow(portion.continuation, until)
            if not portion.more or memory.header.token == until:
                return said
            portion = await self._opening.portion_after(memory.header.token, portion.end)

    def close(self) -> None:
        """Forget everything held of the lane; the store has the truth."""
        self._memory.close()

    # -- going on ----------------------------------------------------------------------------------------------

    async def apply(self, topic: str, records: Sequence[Record], lane_time_ms: int) -> None:
        """Apply records of one topic, in order, at a lane time (ms; it never goes back).

        Records before the lane's position are skipped: they have been applied. Those behind a save that has paused the
        topic are left: `position` says how far it came. Raises Fenced if somebody else has saved the lane meanwhile.
        """
        applied = self.position(topic).next_offset
        if records and records[0].offset < applied:
            records = [r for r in records if r.offset >= applied]
        for cut in cuts(records, self._limits, self._memory.mean_bytes):
            await self._advance(topic, cut, lane_time_ms)
            if self.paused(topic) is not None:
                return

    async def tick(self, lane_time_ms: int) -> bool:
        """Wake the customers that are due at the lane time; return False if none was."""
        if self.next_due_ms is None or self.next_due_ms > lane_time_ms:
            return False
        due = await self._memory.due(lane_time_ms)
        if due:
            await self._wake(due, lane_time_ms)
        return bool(due)

    async def _advance(self, topic: str, records: Sequence[Record], lane_time_ms: int) -> None:
        memory, stepper = self._memory, self._stepper
        with memory:
            items = stepper.read(records, memory.states)
            states = await memory.load(stepper, stepper.customers(items))
            moment = Moment(self.lane, topic, max(lane_time_ms, memory.header.lane_time_ms))
            outcome = stepper.step(states, items, moment)
            first, stop = self.position(topic).next_offset, records[-1].offset + 1
            entry = self._entry(moment, first, stop, outcome)
            await self._commit(entry, outcome, states, items, records[-1])
            memory.counts.records += len(items)
            memory.counts.rejected += len(outcome.rejected)

    async def _wake(self, due: Sequence[str], lane_time_ms: int) -> None:
        memory, stepper = self._memory, self._stepper
        with memory:
            states = await memory.load(stepper, due)
            number = memory.header.tick + 1
            moment = Moment(self.lane, "", max(lane_time_ms, memory.header.lane_time_ms), number)
            outcome = wake(stepper, states, due, moment)
            entry = self._entry(moment, number, number + 1, outcome, tuple(due))
            await self._commit(entry, outcome, states)

    def _entry(
        self, moment: Moment, first: int, stop: int, outcome: Outcome, due: tuple[str, ...] = ()
    ) -> JournalEntry:
        """Return what announces a new save."""
        before = self._memory.header
        return JournalEntry(
            self.lane, self._owner, self._new_token(), before.token, moment.topic, first, stop, moment.lane_time_ms, due,
            self._stepper.versions, before.cluster_id, scores=outcome.scores,
        )  # fmt: skip

    async def _commit(
        self,
        entry: JournalEntry,
        outcome: Outcome,
        states: Mapping[str, S],
        items: Sequence[Item] = (),
        newest: Record | None = None,
    ) -> None:
        """Journal, save, publish: in this order, each acknowledged before the next begins."""
        memory = self._memory
        rejects = counted(
            self._reject_limits, memory.take_rejects(), entry.topic, len(items), outcome.rejected
        )
        offset = await self._announce(entry)
        header = memory.header_after(entry, offset, rejects, newest)
        emissions = stamped(outcome.emissions, entry.token)
        sorted_sets = dict(outcome.sorted_sets)
        await memory.save(self._stepper, header, outcome.changed, entry.due, sorted_sets, emissions, states)
        if self._observer is not None:
            self._observer.saved(entry.topic, items, outcome.rejected, emissions, followed=False)
        await self._publish(emissions)

    async def _announce(self, entry: JournalEntry) -> int:
        """Append the entry and return its offset once it is known to count. Raises Fenced if another came first."""
        self._at_point("before-journal")
        offset = await self.patiently(lambda: self._publisher.append_journal(entry))
        self._at_point("journalled")
        end = self._journal_end
        if offset != end:
            # Somebody else wrote here, or an append of ours that seemed to fail did not.
            between, _ = await self.patiently(lambda: self._log.journal(self.lane, end, offset + 1))
            history = History(between)
            winner = history.next_of(entry.previous)
            if winner is None or winner.token != entry.token:
                raise Fenced(winner.token if winner else NO_TOKEN)
            # Then the entry may have been there for long, and another owner may have followed it and gone on.
            if (successor := history.next_of(entry.token)) is not None:
                raise Fenced(successor.token)
        self._journal_end = offset + 1
        return offset

    async def _publish(self, emissions: Sequence[Emission]) -> None:
        if emissions:
            await self.patiently(lambda: self._publisher.publish(emissions))
            self._at_point("published")
            if self._observer is not None:
                self._observer.published(emissions)
