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
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar
from zlib import crc32

import msgspec

from cem.journal import History
from cem.ports import (
    NO_TOKEN,
    Emission,
    Fenced,
    JournalEntry,
    LaneHeader,
    LaneStopped,
    Log,
    Observer,
    Position,
    Publisher,
    Record,
    Save,
    StateStore,
    Unavailable,
)
from cem.stepper import Moment, Outcome, Stepper

__all__ = ["LanePipeline", "Limits", "RejectLimits"]

TOKEN_HEADER = "cem-token"  # noqa: S105
STATE_PREFIX = "c:"

S = TypeVar("S")
Item = TypeVar("Item")
T = TypeVar("T")


class _Followed(msgspec.Struct, frozen=True):
    """A journal entry whose save is made again."""

    entry: JournalEntry
    offset: int
    #: True when nothing follows it: its emissions may not have been published.
    last: bool


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one save, and of what is kept in memory."""

    customers: int = 500
    bytes: int = 512_000
    cached: int = 100_000
    due: int = 500


class RejectLimits(Protocol):
    """Counts dead letters per topic and says when there are too many of them."""

    def count(
        self, before: tuple[int, int, int], items: int, rejected: Sequence[int]
    ) -> tuple[int, int, int]:
        """Return the counts after `items` further records, of which those at `rejected` were dead letters."""

    def tripped(self, counts: tuple[int, int, int]) -> str | None:
        """Return the sentence that says which limit was passed, or None."""


class LanePipeline(Generic[S, Item]):
    """One lane: its header, its hot states, and the order of what is done to them.

    `follow_until` ends the following of the journal at that token: a replay compares with a store that goes on.
    After any exception but Unavailable the lane is *closed* (`is_open` is False): `open` reads it anew. Unavailable
    never leaves: it is retried in place, with `pause` between the tries.
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
        self._rebuild = rebuild
        self._accept_loss = accept_loss
        self._adopt_new_log = adopt_new_log
        #: Following the journal ends at this token (None: at the journal's end).
        self.follow_until = follow_until
        self._at_point = at_point
        self._observer = observer
        self._cache: dict[str, S] = {}
        self._dues: dict[str, int | None] = {}
        self._state_bytes = 600.0  # running mean of an encoded state
        self._header = LaneHeader(NO_TOKEN, NO_TOKEN, owner, 0, 0, "", {})
        #: Topics whose counts were started anew since the last save began.
        self._forgiven: list[str] = []
        #: The journal's end as far as this lane has seen it.
        self._journal_end = 0
        self.next_due_ms: int | None = None
        self.is_open = False
        #: True when the lane found the store on another log's history and took it over.
        self.adopted = False
        self.saves = 0
        self.records = 0
        self.rejected = 0
        self.emitted = 0
        self.followed = 0

    # -- what the outside may ask ------------------------------------------------------------------------------

    @property
    def cached(self) -> int:
        """How many states are held in memory."""
        return len(self._cache)

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
        cluster_id = await self._patiently(self._log.cluster_id)
        image = await self._patiently(lambda: self._store.open_lane(self.lane))
        found = image.header
        header = found or LaneHeader(NO_TOKEN, NO_TOKEN, self._owner, 0, 0, cluster_id, {})
        self.adopted = header.cluster_id != cluster_id
        if self.adopted:
            header = self._adopt(header, cluster_id)
        first = header.journal_offset
        entries, self._journal_end = await self._patiently(lambda: self._log.journal(self.lane, first))
        history = History(entries)
        if found is None and self._journal_end:
            await self._refuse_empty_store(history)
        if found is not None and not self.adopted and header.token not in history:
            msg = (
                f"lane {self.lane}: the journal no longer has the save that the store is at (offset {first}): the "
                "store is older than the journal's retention. Restore a newer checkpoint or store."
            )
            raise LaneStopped(msg)
        self._header = header
        self.next_due_ms = image.next_due_ms
        continuation = list(history.after(header.token))
        if image.outbox and not continuation:
            await self._patiently(lambda: self._publisher.publish(image.outbox))
            self._at_point("republished")
        await self._check_positions()
        self.is_open = True
        with _ClosedOnError(self):
            for index, (offset, entry) in enumerate(continuation):
                if self._header.token == self.follow_until:
                    break
                await self._follow(_Followed(entry, offset, last=index == len(continuation) - 1))

    def close(self) -> None:
        """Forget everything held of the lane; the store has the truth."""
        self.is_open = False
        self._cache.clear()
        self._dues.clear()
        self.next_due_ms = None

    def _adopt(self, header: LaneHeader, cluster_id: str) -> LaneHeader:
        if not self._adopt_new_log:
            msg = (
                f"lane {self.lane}: the states were made from the log of Kafka cluster {header.cluster_id!r}, but this "
                f"is cluster {cluster_id!r}. Point CEM_KAFKA_BOOTSTRAP at the right cluster, or set "
                "CEM_ADOPT_NEW_LOG=1 to start this log with the old states."
            )
            raise LaneStopped(msg)
        return msgspec.structs.replace(
            header, cluster_id=cluster_id, positions={}, journal_offset=0, rejects={}
        )

    async def _refuse_empty_store(self, history: History) -> None:
        """Stop unless the states can be made again from the journal, and are wanted so.

        Nobody needs to want it if the lane's first save is all there is: its owner may have died before it.
        """
        saves = sum(1 for _ in history.after(NO_TOKEN))
        if saves == 1 or (saves and self._rebuild):
            return
        again = await self._patiently(lambda: self._store.open_lane(self.lane))
        if again.header is not None:
            # Somebody else made the lane's first save between our two looks.
            raise Fenced(again.header.token)
        if self._rebuild:
            msg = (
                f"lane {self.lane}: the store is empty, and the journal no longer reaches back to the lane's first save. "
                "Put its checkpoint into CEM_CHECKPOINT_DIR, or point CEM_REDIS_URL at the right store."
            )
            raise LaneStopped(msg)
        msg = (
            f"lane {self.lane}: the store is empty, but the journal has {self._journal_end} saves of this lane. Point "
            "CEM_REDIS_URL at the right store, or start with --rebuild to make the states again."
        )
        raise LaneStopped(msg)

    async def _check_positions(self) -> None:
        """Stop if the log is not the one that was read: cut off before, behind, or overwritten at the positions."""
        bounds = await self._patiently(lambda: self._log.bounds(self.lane, self.topics))
        positions = dict(self._header.positions)
        for topic in self.topics:
            first, end = bounds[topic]
            known = positions.get(topic)
            if known is None:
                positions[topic] = Position(first)
            elif known.next_offset < first:
                lost = f"{topic}[{self.lane}] offsets {known.next_offset} to {first - 1}"
                if not self._accept_loss:
                    msg = (
                        f"lane {self.lane}: Kafka no longer has {lost}: retention passed the worker. "
                        "Start with --accept-loss to go on without them."
                    )
                    raise LaneStopped(msg)
                positions[topic] = Position(first)
            elif known.next_offset > end:
                msg = (
                    f"lane {self.lane}: {topic}[{self.lane}] ends at offset {end}, but {known.next_offset} had been "
                    "read: Kafka has lost acknowledged records. Restore them, or restore the store to the same age."
                )
                raise LaneStopped(msg)
        looked_at = {t: p.next_offset - 1 for t, p in self._header.positions.items() if p.crc and t in bounds}
        if looked_at:
            tails = await self._patiently(lambda: self._log.peek(self.lane, looked_at))
            for topic, record in tails.items():
                known = self._header.positions[topic]
                if (record.timestamp, _checksum(record)) != (known.timestamp_ms, known.crc):
                    msg = (
                        f"lane {self.lane}: {topic}[{self.lane}] offset {record.offset} holds another record than the "
                        "one that was applied: the log was cut and overwritten."
                    )
                    raise LaneStopped(msg)
        self._header = msgspec.structs.replace(self._header, positions=positions)

    async def _follow(self, followed: _Followed) -> None:
        """Make the save of a journal entry again, from the log."""
        entry = followed.entry
        stepper = self._stepper
        if entry.versions != stepper.versions:
            self._stepper = stepper.at(entry.versions)
        try:
            if entry.topic == "":
                await self._advance_tick(entry.due, entry.lane_time_ms, followed)
            else:
                read = self._log.read
                records = await self._patiently(lambda: read(entry.topic, self.lane, entry.first, entry.next))
                await self._advance(entry.topic, records, entry.next, entry.lane_time_ms, followed)
        finally:
            self._stepper = stepper
        self.followed += 1

    # -- going on ----------------------------------------------------------------------------------------------

    async def apply(self, topic: str, records: Sequence[Record], lane_time_ms: int) -> None:
        """Apply records of one topic, in order, at a lane time (ms; it never goes back).

        Records before the lane's position are skipped: they have been applied. Raises Fenced if somebody else has
        saved the lane meanwhile.
        """
        applied = self.position(topic).next_offset
        if records and records[0].offset < applied:
            records = [r for r in records if r.offset >= applied]
        for cut in self._cuts(records):
            await self._advance(topic, cut, cut[-1].offset + 1, lane_time_ms)

    async def tick(self, lane_time_ms: int) -> bool:
        """Wake the customers that are due at the lane time; return False if none was."""
        if self.next_due_ms is None or self.next_due_ms > lane_time_ms:
            return False
        token, due = await self._patiently(lambda: self._store.due(self.lane, lane_time_ms, self._limits.due))
        self._demand(token)
        if not due:
            self.next_due_ms = None
            return False
        await self._advance_tick(due, lane_time_ms)
        return True

    def _cuts(self, records: Sequence[Record]) -> Iterable[Sequence[Record]]:
        """Yield the records in pieces that fit one save."""
        limits = self._limits
        customers = max(1, min(limits.customers, int(limits.bytes / self._state_bytes)))
        # A record's bytes count too: should it become a dead letter, they go into the outbox.
        if len(records) <= customers and sum(len(r.value or b"") for r in records) <= limits.bytes:
            if records:
                yield records
            return
        start, size = 0, 0
        seen: set[bytes | None] = set()
        for index, record in enumerate(records):
            seen.add(record.key)
            size += len(record.value or b"")
            if index > start and (len(seen) > customers or size > limits.bytes):
                yield records[start:index]
                start, size, seen = index, len(record.value or b""), {record.key}
        yield records[start:]

    async def _advance(
        self,
        topic: str,
        records: Sequence[Record],
        stop: int,
        lane_time_ms: int,
        followed: _Followed | None = None,
    ) -> None:
        with _ClosedOnError(self):
            items = self._stepper.read(records)
            await self._load(self._stepper.customers(items))
            moment = Moment(self.lane, topic, max(lane_time_ms, self._header.lane_time_ms))
            outcome = self._stepper.step(self._cache, items, moment)
            header = self._header
            before = header.positions.get(topic, Position(0))
            position = (
                Position(stop, records[-1].timestamp, _checksum(records[-1]))
                if records
                else Position(stop, before.timestamp_ms, 0)
            )
            rejects = header.rejects
            if self._reject_limits is not None and (outcome.rejected or topic in rejects):
                counts = self._reject_limits.count(
                    rejects.get(topic, (0, 0, 0)), len(items), outcome.rejected
                )
                rejects = {**rejects, topic: counts}
            entry = followed.entry if followed else JournalEntry(
                self.lane, self._owner, self._new_token(), header.token, topic, before.next_offset, stop,
                moment.lane_time_ms, versions=self._stepper.versions, cluster_id=header.cluster_id,
            )  # fmt: skip
            positions = {**header.positions, topic: position}
            await self._commit(outcome, entry, followed, positions, rejects, header.tick, items)
            self.records += len(items)
            self.rejected += len(outcome.rejected)

    async def _advance_tick(
        self,
        due: Sequence[str],
        lane_time_ms: int,
        followed: _Followed | None = None,
    ) -> None:
        with _ClosedOnError(self):
            await self._load(due)
            header = self._header
            number = header.tick + 1
            moment = Moment(self.lane, "", max(lane_time_ms, header.lane_time_ms), number)
            outcome = self._stepper.tick(self._cache, due, moment)
            for customer_id in due:
                again = self._stepper.due_of(self._cache[customer_id])
                assert again is None or again > moment.lane_time_ms, f"{customer_id} would be due for ever"
            entry = followed.entry if followed else JournalEntry(
                self.lane, self._owner, self._new_token(), header.token, "", number, number + 1,
                moment.lane_time_ms, tuple(due), self._stepper.versions, header.cluster_id,
            )  # fmt: skip
            await self._commit(
                outcome, entry, followed, header.positions, header.rejects, number, (), woken=due
            )

    async def _load(self, customers: Sequence[str]) -> None:
        """Bring the customers' states into the cache: one round trip, none if they are there."""
        cache = self._cache
        missing = [c for c in customers if c not in cache]
        if len(cache) + len(missing) > self._limits.cached and len(cache) > len(missing):
            # Dictionaries keep insertion order, so this drops what was loaded longest ago.
            keep = self._limits.cached // 2
            wanted = set(customers)
            for customer_id in list(cache)[: max(0, len(cache) - keep)]:
                if customer_id not in wanted:
                    del cache[customer_id]
                    self._dues.pop(customer_id, None)
        if not missing:
            return
        keys = [STATE_PREFIX + c for c in missing]
        token, blobs = await self._patiently(lambda: self._store.load(self.lane, keys))
        self._demand(token)
        self._at_point("loaded")
        stepper = self._stepper
        for customer_id, blob in zip(missing, blobs, strict=True):
            state = stepper.new_state(customer_id) if blob is None else stepper.decode_state(blob)
            cache[customer_id] = state
            self._dues[customer_id] = None if blob is None else stepper.due_of(state)

    async def _commit(
        self,
        outcome: Outcome,
        entry: JournalEntry,
        followed: _Followed | None,
        positions: dict[str, Position],
        rejects: dict[str, tuple[int, int, int]],
        tick: int,
        items: Sequence[Item],
        woken: Sequence[str] = (),
    ) -> None:
        """Journal, save, publish: in this order, each acknowledged before the next begins."""
        stepper, cache, dues = self._stepper, self._cache, self._dues
        values: dict[str, bytes | None] = {}
        due_changes: dict[str, int | None] = {}
        size = 0
        for customer_id in outcome.changed:
            state = cache[customer_id]
            data = stepper.encode_state(state)
            size += len(data)
            values[STATE_PREFIX + customer_id] = data
            due = stepper.due_of(state)
            if due != dues.get(customer_id):
                due_changes[customer_id] = due
                dues[customer_id] = due
        for customer_id in woken:  # a due time without a changed state must still go away
            due_changes.setdefault(customer_id, stepper.due_of(cache[customer_id]))
            dues[customer_id] = due_changes[customer_id]
        if values:
            self._state_bytes += 0.2 * (size / len(values) - self._state_bytes)
        sorted_sets = dict(outcome.sorted_sets)
        if due_changes:
            sorted_sets["due"] = due_changes
        before = self._header
        self._forgiven.clear()
        offset = followed.offset if followed is not None else await self._announce(entry)
        header = LaneHeader(
            entry.token, before.token, self._owner, entry.lane_time_ms, tick, before.cluster_id, positions, offset,
            rejects,
        )  # fmt: skip
        stamp = (TOKEN_HEADER, entry.token.encode())
        emissions = [
            Emission(e.topic, e.key, e.value, (*e.headers, stamp), e.partition) for e in outcome.emissions
        ]
        save = Save(before.token, header, values, sorted_sets, emissions)
        answer = await self._patiently(lambda: self._store.save(self.lane, save))
        if answer.outcome == "fenced":
            raise Fenced(answer.found)
        self._at_point("saved")
        self._header = self._pardoned(header) if self._forgiven else header
        self.next_due_ms = answer.next_due_ms
        self.saves += 1
        if self._observer is not None:
            rejected, again = outcome.rejected, followed is not None
            self._observer.saved(entry.topic, items, rejected, emissions, followed=again)
        # A followed entry that has a successor was published whole before the successor was announced.
        if emissions and (followed is None or followed.last):
            await self._patiently(lambda: self._publisher.publish(emissions))
            self._at_point("published")
            self.emitted += len(emissions)
            if self._observer is not None:
                self._observer.published(emissions)

    async def _announce(self, entry: JournalEntry) -> int:
        """Append the entry and return its offset once it is known to count. Raises Fenced if another came first."""
        self._at_point("before-journal")
        offset = await self._patiently(lambda: self._publisher.append_journal(entry))
        self._at_point("journalled")
        end = self._journal_end
        if offset != end:
            # Somebody else wrote here, or an append of ours that seemed to fail did not.
            between, _ = await self._patiently(lambda: self._log.journal(self.lane, end, offset + 1))
            winner = History(between).next_of(entry.previous)
            if winner is None or winner.token != entry.token:
                raise Fenced(winner.token if winner else NO_TOKEN)
        self._journal_end = offset + 1
        return offset

    def _demand(self, token: str) -> None:
        """Raise Fenced if the lane carried another token: what was read then does not belong to our history."""
        if token != self._header.token:
            self.close()
            raise Fenced(token)

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what the call returns, retrying it for as long as the other side is merely away."""
        attempt = 0
        while True:
            try:
                return await call()
            except Unavailable as reason:
                await self._pause(attempt, reason)
                attempt += 1


class _ClosedOnError:
    """States in the cache were changed in place: if the save did not come about, they must be forgotten."""

    def __init__(self, pipeline: LanePipeline[S, Item]) -> None:
        self._pipeline = pipeline

    def __enter__(self) -> None:
        assert self._pipeline.is_open, "the lane must be opened first"

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._pipeline.close()


def _checksum(record: Record) -> int:
    return crc32(record.value or b"", crc32(record.key or b"")) or 1
