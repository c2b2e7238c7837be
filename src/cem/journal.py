"""The journal's lines as bytes, and the one living history among them.

Every save of a lane appends one entry to the lane's partition of `cem.journal`; every owner appends a *claim* when
it opens the lane. Entries point to their parent by token, so the journal is a tree with, nearly always, a single
branch. It forks when the store loses its tail and an owner that had saved into that tail, but had not yet written
its entry, wakes up late. Such a late branch is one entry long: its writer is fenced at its next save.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from cem.ports import Emission, JournalEntry

__all__ = ["JOURNAL_TOPIC", "Branches", "decode_entry", "encode_entry", "entry_emission"]

JOURNAL_TOPIC = "cem.journal"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(JournalEntry).decode


def encode_entry(entry: JournalEntry) -> bytes:
    """Return the entry's bytes on `cem.journal`."""
    return _encode(entry)


def decode_entry(value: bytes) -> JournalEntry:
    """Return the entry. Raises msgspec.DecodeError (a broken invariant: nobody else writes there)."""
    return _decode(value)


def entry_emission(entry: JournalEntry) -> Emission:
    """Return the entry as the first emission of its save's outbox, so that a new owner can append it."""
    return Emission(JOURNAL_TOPIC, str(entry.lane).encode(), _encode(entry), (), entry.lane)


class Branches:
    """The part of a lane's journal from some offset on, as a tree by token."""

    def __init__(self, entries: Iterable[tuple[int, JournalEntry]]) -> None:
        self._children: dict[str, list[tuple[int, JournalEntry]]] = {}
        self._offsets: dict[str, int] = {}
        self._claims: dict[str, int] = {}
        self._claimed_at: dict[str, int] = {}
        self.saves = 0
        for offset, entry in entries:
            if entry.kind == "claim":
                self._claims[entry.owner] = offset
                continue
            if entry.token in self._offsets:
                continue  # the same entry, published twice
            self.saves += 1
            self._offsets[entry.token] = offset
            self._claimed_at[entry.token] = self._claims.get(entry.owner, -1)
            self._children.setdefault(entry.previous, []).append((offset, entry))

    def offset_of(self, token: str) -> int | None:
        """Return where the save that made `token` is journalled, None if it is not."""
        return self._offsets.get(token)

    def after(self, token: str) -> Iterator[tuple[int, JournalEntry]]:
        """Yield the living continuation of `token`, oldest first."""
        while children := self._children.get(token):
            offset, entry = children[0] if len(children) == 1 else self._living(children)
            yield offset, entry
            token = entry.token

    def path_to(self, token: str) -> list[JournalEntry]:
        """Return the entries that lead to `token`, oldest first: what really became of the lane."""
        by_token = {e.token: e for children in self._children.values() for _, e in children}
        path: list[JournalEntry] = []
        while (entry := by_token.get(token)) is not None:
            path.append(entry)
            token = entry.previous
        path.reverse()
        return path

    def _living(self, siblings: list[tuple[int, JournalEntry]]) -> tuple[int, JournalEntry]:
        # The longest branch: a late writer's has one entry. Among leaves, the one whose owner claimed the lane last;
        # then the one written first, for a late writer writes last.
        return max(siblings, key=lambda s: (self._depth(s[1].token), self._claimed_at[s[1].token], -s[0]))

    def _depth(self, token: str) -> int:
        depth, level = 0, [token]
        while level := [e.token for t in level for _, e in self._children.get(t, ())]:
            depth += 1
        return depth
