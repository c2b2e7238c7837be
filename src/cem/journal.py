"""The journal: which of the entries of a lane are its history.

A lane's partition of `cem.journal` is where its owners agree. Before a save, the owner appends an entry that points
to its parent by token; the entry counts if and only if it is the first in the log to point to a parent that counts.
So the log decides between two owners, whatever they believe and however far the store went back in time: an owner
whose entry came second learns it from the offset it was given, and starts again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from cem.ports import JournalEntry

__all__ = ["JOURNAL_TOPIC", "History", "decode_entry", "encode_entry"]

JOURNAL_TOPIC = "cem.journal"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(JournalEntry).decode


def encode_entry(entry: JournalEntry) -> bytes:
    """Return the entry's bytes on `cem.journal`."""
    return _encode(entry)


def decode_entry(value: bytes) -> JournalEntry:
    """Return the entry. Raises msgspec.DecodeError (a broken invariant: nobody else writes there)."""
    return _decode(value)


class History:
    """The part of a lane's journal from some offset on."""

    def __init__(self, entries: Iterable[tuple[int, JournalEntry]]) -> None:
        """Take (offset, entry) in log order."""
        self._next: dict[str, tuple[int, JournalEntry]] = {}
        self._by_token: dict[str, JournalEntry] = {}
        for offset, entry in entries:
            # The first child of a parent wins; its own copies (an append repeated) have its token.
            self._next.setdefault(entry.previous, (offset, entry))
            self._by_token.setdefault(entry.token, entry)

    def __len__(self) -> int:
        """Return how many different saves were announced, those that lost included."""
        return len(self._by_token)

    def __contains__(self, token: str) -> bool:
        """Tell whether the save that made `token` is here."""
        return token in self._by_token

    def next_of(self, token: str) -> JournalEntry | None:
        """Return the entry that follows `token`, None if none does."""
        found = self._next.get(token)
        return found and found[1]

    def after(self, token: str) -> Iterator[tuple[int, JournalEntry]]:
        """Yield (offset, entry) of all that follows `token`, oldest first."""
        while (found := self._next.get(token)) is not None:
            yield found
            token = found[1].token
