"""Putting a lane back from a checkpoint, so that no half-restored lane can ever be taken for a whole one.

The restorer first makes the lane its own with a token that begins with `restoring:`; then it removes what is left of
the lane, writes in pieces, and the last piece brings the checkpoint's own header and token. Every piece is an
ordinary save, so a second restorer fences off the first, and a crash leaves a lane that nobody opens by mistake.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Final, Protocol

from cem.ports import NO_TOKEN, Emission, Fenced, LaneHeader, Save, SaveAnswer
from cem.stores.codec import RESTORING, check_sorted_set
from cem.stores.keys import OWN_SUFFIXES

__all__ = ["Restorable", "Values", "restore_lane"]

#: Suffix and value; None deletes. A later one for the same suffix wins.
Values = Iterable[tuple[str, bytes | None]] | AsyncIterator[tuple[str, bytes | None]]

_PIECE: Final = 500
_PIECE_BYTES: Final = 512_000


class Restorable(Protocol):
    """What restoring needs of a store."""

    async def token_of(self, lane: int) -> str: ...
    def every_suffix(self, lane: int) -> AsyncIterator[list[str]]: ...
    async def apply_unchecked(self, lane: int, save: Save, drop: Sequence[str] = ()) -> SaveAnswer: ...


async def restore_lane(
    store: Restorable,
    lane: int,
    header: LaneHeader,
    values: Values,
    sorted_sets: Mapping[str, Mapping[str, int]],
    outbox: Sequence[Emission] = (),
) -> None:
    """Make the lane what the arguments say. Raises Fenced if it is not empty, or somebody else restores it.

    An empty lane is one that was never saved, or whose restoration was begun and abandoned.
    """
    for name in sorted_sets:
        check_sorted_set(name)
    current = await store.token_of(lane)
    if current != NO_TOKEN and not current.startswith(RESTORING):
        raise Fenced(current)
    mine = f"{RESTORING}{secrets.token_hex(8)}:"
    number = 0

    async def write(
        changes: Mapping[str, bytes | None],
        scores: Mapping[str, Mapping[str, int | None]],
        drop: Sequence[str] = (),
        last: bool = False,
    ) -> None:
        nonlocal current, number
        number += 1
        token = header.token if last else f"{mine}{number}"
        piece = header if last else LaneHeader(token, current, "restore", 0, 0, header.cluster_id, {})
        answer = await store.apply_unchecked(
            lane, Save(current, piece, changes, scores, outbox if last else ()), drop
        )
        if answer.outcome == "fenced":
            raise Fenced(answer.found)
        current = token

    await write({}, {})
    async for suffixes in store.every_suffix(lane):
        for start in range(0, len(suffixes), _PIECE):
            drop = [s for s in suffixes[start : start + _PIECE] if s not in OWN_SUFFIXES]
            if drop:
                await write({}, {}, drop)
    pending: dict[str, bytes | None] = {}
    size = 0
    async for suffix, value in _each(values):
        pending[suffix] = value
        size += len(value or b"")
        if len(pending) >= _PIECE or size >= _PIECE_BYTES:
            await write(pending, {})
            pending, size = {}, 0
    for name, members in sorted_sets.items():
        items = list(members.items())
        for start in range(0, len(items), _PIECE):
            await write(pending, {name: dict(items[start : start + _PIECE])})
            pending = {}
    await write(pending, {}, last=True)


async def _each(values: Values) -> AsyncIterator[tuple[str, bytes | None]]:
    if isinstance(values, AsyncIterator):
        async for item in values:
            yield item
    else:
        for item in values:
            yield item
