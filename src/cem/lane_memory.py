"""What a lane holds in memory, how it comes out of the store, and how it goes there.

That is its header and its hot states (`cem.hot_states`), and, while the journal is followed, what several steps changed
and is held back to become one save. The store is as the memory is, but for what is held back, and for what the step in
hand has changed in place: if its save does not come about, all of it has to be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from cem.domain.subjects import state_suffix
from cem.hot_states import Gathered, HotStates
from cem.limits import Limits
from cem.opening import checksum
from cem.patience import Patience
from cem.ports import (
    NO_TOKEN,
    Emission,
    Fenced,
    JournalEntry,
    LaneHeader,
    Position,
    Record,
    Save,
    StateStore,
)
from cem.stepper import Outcome, Stepper

__all__ = ["TOKEN_HEADER", "Counts", "LaneMemory", "stamped"]

TOKEN_HEADER = "cem-token"  # noqa: S105

S = TypeVar("S")


class Counts(msgspec.Struct):
    """What a lane has done since it was made, or since somebody set a count back."""

    saves: int = 0
    #: Records applied, and those of them that became dead letters.
    records: int = 0
    rejected: int = 0
    #: Journal entries whose saves were made again.
    followed: int = 0


class LaneMemory(Generic[S]):
    """One lane's memory. `with memory:` closes it on any exception: states may have been changed in place by then."""

    def __init__(
        self,
        lane: int,
        *,
        store: StateStore,
        owner: str,
        limits: Limits,
        patiently: Patience,
        at_point: Callable[[str], None],
    ) -> None:
        self._lane = lane
        self._store = store
        self._owner = owner
        self._limits = limits
        self._patiently = patiently
        self._at_point = at_point
        self._hot: HotStates[S] = HotStates(limits.cached)
        self.header = LaneHeader(NO_TOKEN, NO_TOKEN, owner, 0, 0, "", {})
        #: The earliest time (lane time, ms) at which somebody may be due.
        self.next_due_ms: int | None = None
        self.is_open = False
        self.counts = Counts()
        #: The token that the store has: the header's, but for followed saves that are held back.
        self._stored = NO_TOKEN
        self._held: Gathered | None = None
        #: Topics whose dead-letter counts were started anew since they were last asked for.
        self._forgiven: list[str] = []

    def begin(self, header: LaneHeader, next_due_ms: int | None) -> None:
        """Stand where the store stands."""
        self.header, self.next_due_ms = header, next_due_ms
        self._stored = header.token

    def close(self) -> None:
        """Forget everything held of the lane; the store has the truth."""
        self.is_open = False
        self._hot.clear()
        self._held = None
        self.next_due_ms = None

    def __enter__(self) -> None:
        assert self.is_open, "the lane must be opened first"

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.close()

    # -- what is here ------------------------------------------------------------------------------------------

    @property
    def states(self) -> Mapping[str, S]:
        """The states in memory."""
        return self._hot.states

    @property
    def mean_bytes(self) -> float:
        """What an encoded state takes on average."""
        return self._hot.mean_bytes

    def position(self, topic: str) -> Position:
        """Return how far the lane has applied `topic`."""
        return self.header.positions.get(topic, Position(0))

    def header_after(
        self,
        entry: JournalEntry,
        offset: int,
        rejects: dict[str, tuple[int, int, int]],
        newest: Record | None = None,
    ) -> LaneHeader:
        """Return the header of the save that the entry at `offset` of the journal announces.

        newest: the last record applied since the header that is here; None: there was none, or it is a tick.
        """
        before = self.header
        tick, positions = before.tick, before.positions
        if entry.topic == "":
            tick = entry.first
        else:
            if newest is None:
                position = Position(entry.next, self.position(entry.topic).timestamp_ms)
            else:
                # Of several entries followed together, the last may have no record in the log any more.
                crc = checksum(newest) if newest.offset >= entry.first else 0
                position = Position(entry.next, newest.timestamp, crc)
            positions = {**positions, entry.topic: position}
        return LaneHeader(
            entry.token, entry.previous, self._owner, entry.lane_time_ms, tick, before.cluster_id, positions, offset,
            rejects,
        )  # fmt: skip

    # -- dead-letter counts ------------------------------------------------------------------------------------

    def forgive(self, topic: str) -> None:
        """Start the dead-letter counts of `topic` anew; saved with the next save."""
        self._forgiven.append(topic)
        self.header = self._pardoned(self.header)

    def _pardoned(self, header: LaneHeader) -> LaneHeader:
        rejects = {t: c for t, c in header.rejects.items() if t not in self._forgiven}
        return msgspec.structs.replace(header, rejects=rejects)

    def take_rejects(self) -> dict[str, tuple[int, int, int]]:
        """Return the dead-letter counts for the next save to go on from: what is forgiven later, is so after it."""
        self._forgiven.clear()
        return self.header.rejects

    # -- out of the store --------------------------------------------------------------------------------------

    async def load(self, stepper: Stepper[S, Any], subjects: Sequence[str]) -> dict[str, S]:
        """Bring the subjects' states, and those that every step is given, into memory, and return them.

        One round trip or none. Raises Fenced if somebody else has saved the lane meanwhile.
        """
        customers = [*stepper.standing(self._lane), *subjects]
        if self._held is not None and self._hot.would_overflow(customers):
            await self.save_held(stepper)
        states = self._hot.find(customers)
        if len(states) == len(customers):
            return states
        missing = list(dict.fromkeys([c for c in customers if c not in states]))
        if not missing:
            return states
        self._hot.make_room(missing, customers)
        keys = [state_suffix(c) for c in missing]
        token, blobs = await self._patiently(lambda: self._store.load(self._lane, keys))
        self._demand(token)
        self._at_point("loaded")
        states.update(self._hot.add(stepper, missing, blobs))
        return states

    async def due(self, lane_time_ms: int) -> list[str]:
        """Return whom to wake at the lane time, as many as one save takes. Raises Fenced as `load` does."""
        token, due = await self._patiently(
            lambda: self._store.due(self._lane, lane_time_ms, self._limits.due)
        )
        self._demand(token)
        if not due:
            self.next_due_ms = None
        return due

    def _demand(self, token: str) -> None:
        """Raise Fenced if the lane carried another token: what was read then does not belong to our history."""
        if token != self._stored:
            self.close()
            raise Fenced(token)

    # -- into the store ----------------------------------------------------------------------------------------

    def hold(self, outcome: Outcome, woken: Sequence[str], emissions: Sequence[Emission]) -> None:
        """Hold back what a followed step changed, whom its tick woke, and what it says."""
        held = self._held = self._held or Gathered()
        held.add(outcome, woken, emissions)

    async def stand_at(self, stepper: Stepper[S, Any], header: LaneHeader, *, save: bool) -> None:
        """Stand where the followed steps end that are held back; save them if so wanted, or if they are many."""
        self.header = header
        if save or (self._held is not None and len(self._held.changed) >= self._limits.followed):
            await self.save_held(stepper)

    async def save_held(self, stepper: Stepper[S, Any]) -> None:
        """Save what was followed and held back; the lane is then where the last of these saves was."""
        held, self._held = self._held, None
        if held is not None:
            changed, woken = list(held.changed), list(held.woken)
            await self.save(
                stepper, self.header, changed, woken, held.sorted_sets, held.emissions, self._hot.states
            )

    async def save(
        self,
        stepper: Stepper[S, Any],
        header: LaneHeader,
        changed: Sequence[str],
        woken: Sequence[str],
        sorted_sets: dict[str, dict[str, int | None]],
        emissions: Sequence[Emission],
        states: Mapping[str, S],
    ) -> None:
        """Make the store what memory is. Raises Fenced if somebody else has saved the lane meanwhile."""
        values, due_changes = self._hot.changes(stepper, changed, woken, states)
        if due_changes:
            sorted_sets["due"] = due_changes
        save = Save(self._stored, header, values, sorted_sets, emissions)
        answer = await self._patiently(lambda: self._store.save(self._lane, save))
        if answer.outcome == "fenced":
            raise Fenced(answer.found)
        self._at_point("saved")
        self._stored = header.token
        self.header = self._pardoned(header) if self._forgiven else header
        self.next_due_ms = answer.next_due_ms
        self.counts.saves += 1


def stamped(emissions: Sequence[Emission], token: str) -> list[Emission]:
    """Return the emissions with the token of the save that says them."""
    stamp = (TOKEN_HEADER, token.encode())
    return [Emission(e.topic, e.key, e.value, (*e.headers, stamp), e.partition) for e in emissions]
