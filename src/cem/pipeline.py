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

What an opening finds, and refuses, is in `cem.opening`; the states in memory in `cem.hot_states`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from cem.domain.subjects import state_suffix
from cem.following import parts, runs
from cem.hot_states import Gathered, HotStates
from cem.journal import History
from cem.limits import Limits, RejectLimits, cuts
from cem.opening import Opening, checksum
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
    Refused,
    Save,
    StateStore,
    Unavailable,
)
from cem.stepper import Moment, Outcome, Stepper

__all__ = ["LanePipeline", "Limits", "RejectLimits"]

TOKEN_HEADER = "cem-token"  # noqa: S105

S = TypeVar("S")
Item = TypeVar("Item")
T = TypeVar("T")


class _Followed(msgspec.Struct, frozen=True):
    """A journal entry whose save is made again."""

    entry: JournalEntry
    offset: int
    #: True when nothing follows it: its emissions may not have been published.
    last: bool


class LanePipeline(Generic[S, Item]):
    """One lane: its header, its hot states, and the order of what is done to them.

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
        self._store = store
        self._publisher = publisher
        self._log = log
        self._stepper = stepper
        self._owner = owner
        self._new_token = new_token
        self._pause = pause
        self._limits = limits or Limits()
        self._reject_limits = reject_limits
        self._opening = Opening(
            lane,
            store=store,
            log=log,
            topics=topics,
            owner=owner,
            patiently=self.patiently,
            rebuild=rebuild,
            accept_loss=accept_loss,
            adopt_new_log=adopt_new_log,
        )
        #: Following the journal ends at this token (None: at the journal's end).
        self.follow_until = follow_until
        self._at_point = at_point
        self._observer = observer
        self._hot: HotStates[S] = HotStates(self._limits.cached)
        self._header = LaneHeader(NO_TOKEN, NO_TOKEN, owner, 0, 0, "", {})
        #: The token that the store has: the header's, but for followed saves that are held back.
        self._stored = NO_TOKEN
        #: Followed saves that are held back, to be made as one.
        self._held: Gathered | None = None
        #: Topics whose counts were started anew since the last save began.
        self._forgiven: list[str] = []
        #: The journal's end as far as this lane has seen it.
        self._journal_end = 0
        self.next_due_ms: int | None = None
        self.is_open = False
        #: True when the lane found the store on another log's history and took it over.
        self.adopted = False
        #: Whether the opening found saves of other owners where the store and the journal end.
        self.found_others = False
        self.saves = 0
        self.records = 0
        self.rejected = 0
        self.emitted = 0
        self.followed = 0

    # -- what the outside may ask ------------------------------------------------------------------------------

    @property
    def cached(self) -> int:
        """How many states are held in memory."""
        return len(self._hot.states)

    @property
    def header(self) -> LaneHeader:
        """The header as of the last save or opening."""
        return self._header

    def position(self, topic: str) -> Position:
        """Return how far the lane has applied `topic`."""
        return self._header.positions.get(topic, Position(0))

    def paused(self, topic: str) -> str | None:
        """Return why the topic must not be read on (too many dead letters), or None."""
        if self._reject_limits is None or (counts := self._header.rejects.get(topic)) is None:
            return None
        return self._reject_limits.tripped(counts)

    def forgive(self, topic: str) -> None:
        """Start the dead-letter counts of `topic` anew; saved with the next save."""
        self._forgiven.append(topic)
        self._header = self._pardoned(self._header)

    def _pardoned(self, header: LaneHeader) -> LaneHeader:
        rejects = {t: c for t, c in header.rejects.items() if t not in self._forgiven}
        return msgspec.structs.replace(header, rejects=rejects)

    # -- opening -----------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Read the lane anew, finish its last publication, and follow its journal to the end.

        Raises LaneStopped where going on would lose or invent something.
        """
        self.close()
        found = await self._opening.find()
        self.adopted, self._journal_end = found.adopted, found.journal_end
        self.found_others = found.others
        self._header, self.next_due_ms = found.header, found.next_due_ms
        self._stored = found.header.token
        continuation = found.continuation
        if found.outbox and not continuation:
            await self.patiently(lambda: self._publisher.publish(found.outbox))
            self._at_point("republished")
        self._header = await self._opening.checked(self._header)
        self.is_open = True
        with _ClosedOnError(self):
            for run in runs(continuation, self._limits.customers, self.follow_until):
                if self._header.token == self.follow_until:
                    break
                if len(run) > 1:
                    await self._follow_run(run)
                else:
                    offset, entry = run[0]
                    await self._follow(_Followed(entry, offset, last=run[0] is continuation[-1]))
            await self._save_held()

    def close(self) -> None:
        """Forget everything held of the lane; the store has the truth."""
        self.is_open = False
        self._hot.clear()
        self._held = None
        self.next_due_ms = None

    async def _follow(self, followed: _Followed) -> None:
        """Make the save of a journal entry again, from the log."""
        entry = followed.entry
        stepper = self._stepper
        # Also when they are the same now: what people change may change while records are read below.
        self._stepper = stepper.at(entry.versions)
        try:
            if entry.topic == "":
                await self._advance_tick(entry.due, entry.lane_time_ms, followed)
            else:
                read = self._log.read
                records = await self.patiently(lambda: read(entry.topic, self.lane, entry.first, entry.next))
                await self._advance(entry.topic, records, entry.next, entry.lane_time_ms, followed)
        finally:
            self._stepper = stepper
        self.followed += 1

    async def _follow_run(self, run: Sequence[tuple[int, JournalEntry]]) -> None:
        """Make the saves of a run of entries again (`cem.following`): as `_follow` would, each at its own time.

        What an entry costs besides its records is paid once: reading the log, decoding, finding the states, the header.
        """
        first, last = run[0][1], run[-1][1]
        topic, before = first.topic, self._header
        self._forgiven.clear()
        stepper = self._stepper
        self._stepper = stepper.at(first.versions)
        try:
            read = self._log.read
            records = await self.patiently(lambda: read(topic, self.lane, first.first, last.next))
            items = self._stepper.read(records, self._hot.states)
            states = await self._load(self._stepper.customers(items))
            held = self._held = self._held or Gathered()
            lane_time_ms, rejects = before.lane_time_ms, before.rejects
            start = stop = 0
            for entry, start, stop in parts(run, records):
                part = items[start:stop]
                moment = Moment(self.lane, topic, max(entry.lane_time_ms, lane_time_ms), scores=entry.scores)
                outcome = self._stepper.step(states, part, moment)
                lane_time_ms = entry.lane_time_ms
                rejects = self._counted(rejects, topic, len(part), outcome.rejected)
                emissions = _stamped(outcome.emissions, entry.token)
                held.add(outcome, (), emissions)
                self.rejected += len(outcome.rejected)
                if self._observer is not None:
                    self._observer.saved(topic, part, outcome.rejected, emissions, followed=True)
            applied = (
                records[-1].timestamp if records else before.positions.get(topic, Position(0)).timestamp_ms
            )
            crc = checksum(records[-1]) if stop > start else 0
            positions = {**before.positions, topic: Position(last.next, applied, crc)}
            self._header = LaneHeader(
                last.token, last.previous, self._owner, lane_time_ms, before.tick, before.cluster_id, positions,
                run[-1][0], rejects,
            )  # fmt: skip
            if len(held.changed) >= self._limits.followed:
                await self._save_held()
        finally:
            self._stepper = stepper
        self.records += len(items)
        self.followed += len(run)

    # -- going on ----------------------------------------------------------------------------------------------

    async def apply(self, topic: str, records: Sequence[Record], lane_time_ms: int) -> None:
        """Apply records of one topic, in order, at a lane time (ms; it never goes back).

        Records before the lane's position are skipped: they have been applied. Those behind a save that has paused the
        topic are left: `position` says how far it came. Raises Fenced if somebody else has saved the lane meanwhile.
        """
        applied = self.position(topic).next_offset
        if records and records[0].offset < applied:
            records = [r for r in records if r.offset >= applied]
        for cut in cuts(records, self._limits, self._hot.mean_bytes):
            await self._advance(topic, cut, cut[-1].offset + 1, lane_time_ms)
            if self.paused(topic) is not None:
                return

    async def is_hole(self, topic: str, first: int, stop: int) -> bool:
        """Tell whether the log has no record from `first` to before `stop`."""
        return not await self.patiently(lambda: self._log.read(topic, self.lane, first, stop))

    async def tick(self, lane_time_ms: int) -> bool:
        """Wake the customers that are due at the lane time; return False if none was."""
        if self.next_due_ms is None or self.next_due_ms > lane_time_ms:
            return False
        token, due = await self.patiently(lambda: self._store.due(self.lane, lane_time_ms, self._limits.due))
        self._demand(token)
        if not due:
            self.next_due_ms = None
            return False
        await self._advance_tick(due, lane_time_ms)
        return True

    async def _advance(
        self,
        topic: str,
        records: Sequence[Record],
        stop: int,
        lane_time_ms: int,
        followed: _Followed | None = None,
    ) -> None:
        with _ClosedOnError(self):
            items = self._stepper.read(records, self._hot.states)
            states = await self._load(self._stepper.customers(items))
            scores = None if followed is None else followed.entry.scores
            moment = Moment(self.lane, topic, max(lane_time_ms, self._header.lane_time_ms), scores=scores)
            outcome = self._stepper.step(states, items, moment)
            header = self._header
            before = header.positions.get(topic, Position(0))
            position = (
                Position(stop, records[-1].timestamp, checksum(records[-1]))
                if records
                else Position(stop, before.timestamp_ms, 0)
            )
            rejects = self._counted(header.rejects, topic, len(items), outcome.rejected)
            entry = followed.entry if followed else JournalEntry(
                self.lane, self._owner, self._new_token(), header.token, topic, before.next_offset, stop,
                moment.lane_time_ms, versions=self._stepper.versions, cluster_id=header.cluster_id,
                scores=outcome.scores,
            )  # fmt: skip
            positions = {**header.positions, topic: position}
            await self._commit(outcome, entry, followed, positions, rejects, header.tick, items, states)
            self.records += len(items)
            self.rejected += len(outcome.rejected)

    async def _advance_tick(
        self,
        due: Sequence[str],
        lane_time_ms: int,
        followed: _Followed | None = None,
    ) -> None:
        with _ClosedOnError(self):
            states = await self._load(due)
            header = self._header
            number = header.tick + 1
            scores = None if followed is None else followed.entry.scores
            moment = Moment(self.lane, "", max(lane_time_ms, header.lane_time_ms), number, scores)
            outcome = self._stepper.tick(states, due, moment)
            for customer_id in due:
                again = self._stepper.due_of(states[customer_id])
                assert again is None or again > moment.lane_time_ms, f"{customer_id} would be due for ever"
            entry = followed.entry if followed else JournalEntry(
                self.lane, self._owner, self._new_token(), header.token, "", number, number + 1,
                moment.lane_time_ms, tuple(due), self._stepper.versions, header.cluster_id,
                scores=outcome.scores,
            )  # fmt: skip
            await self._commit(
                outcome, entry, followed, header.positions, header.rejects, number, (), states, woken=due
            )

    def _counted(
        self, rejects: dict[str, tuple[int, int, int]], topic: str, items: int, rejected: Sequence[int]
    ) -> dict[str, tuple[int, int, int]]:
        """Return the dead-letter counts after so many further items of the topic."""
        if self._reject_limits is None or not (rejected or topic in rejects):
            return rejects
        return {**rejects, topic: self._reject_limits.count(rejects.get(topic, (0, 0, 0)), items, rejected)}

    async def _load(self, subjects: Sequence[str]) -> dict[str, S]:
        """Bring the subjects' states, and those that every step is given, into memory, and return them.

        One round trip or none.
        """
        customers = [*self._stepper.standing(self.lane), *subjects]
        if self._held is not None and self._hot.would_overflow(customers):
            await self._save_held()
        states = self._hot.find(customers)
        if len(states) == len(customers):
            return states
        missing = list(dict.fromkeys([c for c in customers if c not in states]))
        if not missing:
            return states
        self._hot.make_room(missing, customers)
        keys = [state_suffix(c) for c in missing]
        token, blobs = await self.patiently(lambda: self._store.load(self.lane, keys))
        self._demand(token)
        self._at_point("loaded")
        states.update(self._hot.add(self._stepper, missing, blobs))
        return states

    async def _commit(
        self,
        outcome: Outcome,
        entry: JournalEntry,
        followed: _Followed | None,
        positions: dict[str, Position],
        rejects: dict[str, tuple[int, int, int]],
        tick: int,
        items: Sequence[Item],
        states: Mapping[str, S],
        woken: Sequence[str] = (),
    ) -> None:
        """Journal, save, publish: in this order, each acknowledged before the next begins."""
        before = self._header
        self._forgiven.clear()
        offset = followed.offset if followed is not None else await self._announce(entry)
        header = LaneHeader(
            entry.token, before.token, self._owner, entry.lane_time_ms, tick, before.cluster_id, positions, offset,
            rejects,
        )  # fmt: skip
        emissions = _stamped(outcome.emissions, entry.token)
        if followed is None:
            await self._save(header, outcome.changed, woken, dict(outcome.sorted_sets), emissions, states)
        else:
            held = self._held = self._held or Gathered()
            held.add(outcome, woken, emissions)
            self._header = header
            if followed.last or len(held.changed) >= self._limits.followed:
                await self._save_held()
        if self._observer is not None:
            rejected, again = outcome.rejected, followed is not None
            self._observer.saved(entry.topic, items, rejected, emissions, followed=again)
        # A followed entry that has a successor was published whole before the successor was announced.
        if emissions and (followed is None or followed.last):
            await self.patiently(lambda: self._publisher.publish(emissions))
            self._at_point("published")
            self.emitted += len(emissions)
            if self._observer is not None:
                self._observer.published(emissions)

    async def _save_held(self) -> None:
        """Save what was followed and held back; the lane is then where the last of these saves was."""
        held, self._held = self._held, None
        if held is not None:
            changed, woken = list(held.changed), list(held.woken)
            await self._save(self._header, changed, woken, held.sorted_sets, held.emissions, self._hot.states)

    async def _save(
        self,
        header: LaneHeader,
        changed: Sequence[str],
        woken: Sequence[str],
        sorted_sets: dict[str, dict[str, int | None]],
        emissions: Sequence[Emission],
        states: Mapping[str, S],
    ) -> None:
        """Make the store what memory is. Raises Fenced if somebody else has saved the lane meanwhile."""
        values, due_changes = self._hot.changes(self._stepper, changed, woken, states)
        if due_changes:
            sorted_sets["due"] = due_changes
        save = Save(self._stored, header, values, sorted_sets, emissions)
        answer = await self.patiently(lambda: self._store.save(self.lane, save))
        if answer.outcome == "fenced":
            raise Fenced(answer.found)
        self._at_point("saved")
        self._stored = header.token
        self._header = self._pardoned(header) if self._forgiven else header
        self.next_due_ms = answer.next_due_ms
        self.saves += 1

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

    def _demand(self, token: str) -> None:
        """Raise Fenced if the lane carried another token: what was read then does not belong to our history."""
        if token != self._stored:
            self.close()
            raise Fenced(token)

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what the call returns, retrying it for as long as the other side is merely away.

        Raises Refused when asking again cannot help.
        """
        attempt = 0
        while True:
            try:
                return await call()
            except Unavailable as reason:
                if not reason.retryable:
                    raise Refused(f"lane {self.lane}: {reason}") from reason
                await self._pause(attempt, reason)
                attempt += 1


def _stamped(emissions: Sequence[Emission], token: str) -> list[Emission]:
    """Return the emissions with the token of the save that says them."""
    stamp = (TOKEN_HEADER, token.encode())
    return [Emission(e.topic, e.key, e.value, (*e.headers, stamp), e.partition) for e in emissions]


class _ClosedOnError:
    """States in the cache were changed in place: if the save did not come about, they must be forgotten."""

    def __init__(self, pipeline: LanePipeline[S, Item]) -> None:
        self._pipeline = pipeline

    def __enter__(self) -> None:
        assert self._pipeline.is_open, "the lane must be opened first"

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._pipeline.close()
