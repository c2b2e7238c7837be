"""The lanes' states in memory: what the Redis store does, restated in plain Python, with a way back in time.

The fault simulation uses it as its model of Redis, so it is synchronous and remembers how to undo each save.
The same behavioural suite holds it and Redis to one contract.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

import msgspec

from cem.ports import NO_TOKEN, LaneHeader, LaneImage, Save, SaveAnswer
from cem.stores.codec import (
    RESTORING,
    check_save,
    decode_header,
    decode_outbox,
    encode_header,
    encode_outbox,
)
from cem.stores.errors import half_saved
from cem.stores.sorted_set import SortedSet

__all__ = ["MemoryCore"]


class _Lane:
    __slots__ = ("header", "outbox", "sets", "token", "values")

    def __init__(self) -> None:
        self.token = NO_TOKEN
        self.header = b""
        self.outbox = b""
        self.values: dict[str, bytes] = {}
        self.sets: defaultdict[str, SortedSet] = defaultdict(SortedSet)


class _Undo(msgspec.Struct, frozen=True):
    """What one save replaced."""

    #: Counts the saves of all lanes.
    number: int
    token: str
    header: bytes
    outbox: bytes
    values: dict[str, bytes | None]
    scores: list[tuple[str, str, int | None]]


class MemoryCore:
    """All lanes of a store, each call complete when it returns."""

    def __init__(self, *, history: int = 10_000) -> None:
        """`history`: how many saves of each lane can be undone."""
        self._lanes: defaultdict[int, _Lane] = defaultdict(_Lane)
        self._history: defaultdict[int, deque[_Undo]] = defaultdict(lambda: deque(maxlen=history))
        self._saves = 0

    # -- the state store ---------------------------------------------------------------------------------------

    def open_lane(self, lane: int) -> LaneImage:
        """Return the lane as it is. Raises StoreBroken if a restoration of it was not finished."""
        kept = self._lanes[lane]
        if kept.token == NO_TOKEN:
            return LaneImage(None, (), None)
        if kept.token.startswith(RESTORING):
            raise half_saved(lane)
        return LaneImage(
            decode_header(kept.header, kept.token, lane),
            decode_outbox(kept.outbox, lane),
            kept.sets["due"].first_score(),
        )

    def load(self, lane: int, suffixes: Sequence[str]) -> tuple[str, list[bytes | None]]:
        """Return the lane's token and the values in the order asked for."""
        kept = self._lanes[lane]
        return kept.token, [kept.values.get(s) for s in suffixes]

    def save(self, lane: int, save: Save) -> SaveAnswer:
        """Apply `save` if the lane's token is `save.expected`."""
        check_save(save)
        return self.apply_unchecked(lane, save)

    def apply_unchecked(self, lane: int, save: Save, drop: Sequence[str] = ()) -> SaveAnswer:
        """Apply a save that `check_save` was not asked about; `drop` are suffixes of whole keys to delete first."""
        kept = self._lanes[lane]
        token = save.header.token
        if kept.token == token:
            return SaveAnswer("already", kept.sets["due"].first_score())
        if kept.token != save.expected:
            return SaveAnswer("fenced", None, kept.token)
        self._saves += 1
        undo = _Undo(self._saves, kept.token, kept.header, kept.outbox, {}, [])
        changes = dict(save.values) | dict.fromkeys((s for s in drop if ":" in s), None)
        for suffix, value in changes.items():
            undo.values[suffix] = kept.values.get(suffix)
            _put(kept.values, suffix, value)
        for name in drop:
            for member, score in kept.sets.pop(name, SortedSet()).items().items():
                undo.scores.append((name, member, score))
        for name, members in save.sorted_sets.items():
            for member, new in members.items():
                undo.scores.append((name, member, kept.sets[name].set(member, new)))
        kept.token, kept.header, kept.outbox = token, encode_header(save.header), encode_outbox(save.outbox)
        self._history[lane].append(undo)
        return SaveAnswer("saved", kept.sets["due"].first_score())

    def due(self, lane: int, until_ms: int, limit: int) -> tuple[str, list[str]]:
        """Return the lane's token and the members of "due" with score <= until_ms, earliest first, ties by name."""
        kept = self._lanes[lane]
        return kept.token, kept.sets["due"].until(until_ms, limit)

    # -- going back in time ------------------------------------------------------------------------------------

    def history_length(self, lane: int) -> int:
        """Return how many saves of the lane can be undone."""
        return len(self._history[lane])

    def rollback(self, lane: int, saves: int) -> int:
        """Undo the lane's last `saves` saves, as a failover to a lagging replica does; return how many were undone."""
        undone = 0
        while undone < saves and self._history[lane]:
            self._undo(lane)
            undone += 1
        return undone

    def rollback_all(self, saves: int) -> int:
        """Undo the last `saves` saves of all lanes together; return how many were undone."""
        undone = 0
        while undone < saves and (made := [(h[-1].number, lane) for lane, h in self._history.items() if h]):
            self._undo(max(made)[1])
            undone += 1
        return undone

    def clear(self) -> None:
        """Lose everything."""
        self._lanes.clear()
        self._history.clear()

    def _undo(self, lane: int) -> None:
        undo = self._history[lane].pop()
        kept = self._lanes[lane]
        kept.token, kept.header, kept.outbox = undo.token, undo.header, undo.outbox
        for suffix, value in undo.values.items():
            _put(kept.values, suffix, value)
        for name, member, score in reversed(undo.scores):
            kept.sets[name].set(member, score)

    # -- looking in --------------------------------------------------------------------------------------------

    def token_of(self, lane: int) -> str:
        """Return the token that the lane carries."""
        return self._lanes[lane].token

    def header_of(self, lane: int) -> LaneHeader | None:
        """Return the lane's header, None if it was never saved."""
        kept = self._lanes[lane]
        return None if kept.token == NO_TOKEN else decode_header(kept.header, kept.token, lane)

    def values(self, lane: int) -> dict[str, bytes]:
        """Return a copy of the lane's values by suffix."""
        return dict(self._lanes[lane].values)

    def sorted_sets(self, lane: int) -> dict[str, SortedSet]:
        """Return the lane's sorted sets that have members, by name; they are the store's own."""
        return {name: kept for name, kept in sorted(self._lanes[lane].sets.items()) if len(kept)}

    def lanes(self) -> list[int]:
        """Return the lanes that have been saved, ascending."""
        return sorted(lane for lane, kept in self._lanes.items() if kept.token != NO_TOKEN)


def _put(values: dict[str, bytes], suffix: str, value: bytes | None) -> None:
    if value is None:
        values.pop(suffix, None)
    else:
        values[suffix] = bytes(value)
